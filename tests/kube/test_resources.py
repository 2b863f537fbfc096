"""What our containers ask of the node."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from drainproxy.kube.annotations import InjectionOptions
from drainproxy.kube.resources import amount, beyond_the_pod, is_above, resources
from drainproxy.manifests.podspec import Json, Pod, read


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("50m", "0.05"),
        ("0.5", "0.5"),
        ("2", "2"),
        ("3k", "3000"),
        ("64Mi", 64 << 20),
        ("1.5Gi", 3 << 29),
        ("64M", "64000000"),
        ("1T", "1e12"),
        (2, "2"),
        ("1e3", "1000"),
        ("1E-2", "0.01"),
        ("1E", "1e18"),
        ("5u", "5e-6"),
        (".5", "0.5"),
        ("1Ei", 1 << 60),
    ],
)
def test_a_quantity_is_a_number(quantity: str | int, number: str | int) -> None:
    assert amount(quantity) == Decimal(number)


@pytest.mark.parametrize("quantity", ["", ".", "m", "1.2.3", "-1", "1 m", "1x", None, True, []])
def test_what_is_no_quantity_is_no_number(quantity: object) -> None:
    assert amount(quantity) is None


@pytest.mark.parametrize(
    ("request_", "limit", "above"),
    [
        ("50m", "20m", True),
        ("50m", "0.05", False),
        ("1000m", "1", False),
        ("64M", "64Mi", False),
        ("64Mi", "64M", True),
        ("50m", None, False),
        ("50m", "0", True),
    ],
)
def test_a_request_is_compared_with_its_limit_in_any_unit(
    request_: str, limit: str | None, above: bool
) -> None:
    assert is_above(request_, limit) == above


def of(own: Json | None = None, **asked: str) -> Json:
    return resources(options(**asked), pod_with(own))


def options(**asked: str) -> InjectionOptions:
    return InjectionOptions(**asked)  # type: ignore[arg-type] # these are the quantities


def pod_with(
    own: Json | None, containers: Sequence[Json] = ({},), inits: Sequence[Json] = ()
) -> Pod:
    named = [{"name": str(at), **each} for at, each in enumerate(containers)]
    first = [{"name": f"init-{at}", **each} for at, each in enumerate(inits)]
    return read({"spec": {"resources": own, "containers": named, "initContainers": first}})


def test_limits_are_set_only_if_asked_for() -> None:
    assert of() == {"requests": {"cpu": "50m", "memory": "64Mi"}}
    assert of(cpu_limit="1", memory_request="1Gi") == {
        "requests": {"cpu": "50m", "memory": "1Gi"},
        "limits": {"cpu": "1"},
    }


@pytest.mark.parametrize(
    ("own", "asked", "expected"),
    [
        ({"requests": {"cpu": "1"}}, {}, {"requests": {"memory": "64Mi"}}),
        ({"limits": {"memory": "1Gi"}}, {}, {"requests": {"cpu": "50m"}}),
        ({"requests": {"cpu": 1}, "limits": {"memory": 1}}, {}, {}),
        (
            {"requests": {"hugepages-2Mi": "2Mi"}},
            {},
            {"requests": {"cpu": "50m", "memory": "64Mi"}},
        ),
        ({"requests": {"cpu": 1, "memory": 1}}, {"cpu_request": "5m"}, {"requests": {"cpu": "5m"}}),
        ({"requests": {"cpu": 1, "memory": 1}}, {"cpu_limit": "5m"}, {"limits": {"cpu": "5m"}}),
        ({}, {}, {"requests": {"cpu": "50m", "memory": "64Mi"}}),
    ],
)
def test_of_what_the_pod_names_itself_nothing_is_asked_unless_somebody_says_so(
    own: Json, asked: dict[str, str], expected: Json
) -> None:
    assert of(own, **asked) == expected


@pytest.mark.parametrize(
    ("own", "asked", "problem"),
    [
        (None, {"cpu_request": "5"}, ""),
        ({"requests": {"cpu": "250m"}}, {}, ""),
        ({"requests": {"cpu": "250m"}}, {"cpu_request": "50m"}, ""),
        ({"requests": {"cpu": "250m"}}, {"cpu_request": "51m"}, "with 51m for the sidecar"),
        ({"requests": {"cpu": "250m"}}, {"cpu_limit": "51m"}, "with 51m for the sidecar"),
        ({"requests": {"cpu": "250m"}}, {"cpu_request": "9", "cpu_limit": "50m"}, ""),
        ({"limits": {"cpu": "0.2"}}, {"cpu_request": "51m"}, "request more cpu than the 0.2"),
        (
            {"requests": {"cpu": 1}, "limits": {"cpu": 1}},
            {"cpu_request": "5m", "cpu_limit": "2"},
            "cpu-limit 2 is above the 1 of the pod's own resources",
        ),
        ({"requests": {"cpu": "a lot"}}, {"cpu_request": "9"}, ""),
        ({"requests": {"memory": "1Gi"}}, {"memory_request": "2Gi"}, "request more memory"),
        ({"requests": {"memory": "1Gi"}}, {"cpu_request": "2Gi"}, ""),
    ],
)
def test_what_is_asked_for_and_exceeds_what_the_pod_has_is_told(
    own: Json | None, asked: dict[str, str], problem: str
) -> None:
    """The containers request 200m: an init container that ends before does not count."""
    containers: list[Json] = [{"resources": {"requests": {"cpu": "100m"}}}, {"resources": {}}, {}]
    inits: list[Json] = [
        {"restartPolicy": "Always", "resources": {"limits": {"cpu": "100m"}}},
        {"resources": {"requests": {"cpu": "9"}}},
    ]
    told = [*beyond_the_pod(options(**asked), pod_with(own, containers, inits))]

    assert len(told) == bool(problem)
    assert problem in "".join(told)


def test_a_request_above_its_limit_follows_it() -> None:
    assert of(cpu_limit="20m", memory_limit="1Gi") == {
        "requests": {"cpu": "20m", "memory": "64Mi"},
        "limits": {"cpu": "20m", "memory": "1Gi"},
    }
    assert of(memory_request="1Gi", memory_limit="32Mi") == {
        "requests": {"cpu": "50m", "memory": "32Mi"},
        "limits": {"memory": "32Mi"},
    }
