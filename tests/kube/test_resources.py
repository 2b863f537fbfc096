"""What our containers ask of the node."""

from decimal import Decimal

import pytest

from drainproxy.kube.annotations import InjectionOptions
from drainproxy.kube.resources import amount, is_above, resources


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
    ],
)
def test_a_quantity_is_a_number(quantity: str, number: str | int) -> None:
    assert amount(quantity) == Decimal(number)


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


def test_a_request_above_its_limit_follows_it() -> None:
    assert resources(InjectionOptions(cpu_limit="20m", memory_limit="1Gi")) == {
        "requests": {"cpu": "20m", "memory": "64Mi"},
        "limits": {"cpu": "20m", "memory": "1Gi"},
    }
    assert resources(InjectionOptions(memory_request="1Gi", memory_limit="32Mi")) == {
        "requests": {"cpu": "50m", "memory": "32Mi"},
        "limits": {"memory": "32Mi"},
    }
