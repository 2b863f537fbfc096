"""The admission policy: no code below the contracted schema, and nobody else is disturbed."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from drainproxy.rollout.migration.declared import PHASE, VERSION, declared
from drainproxy.rollout.migration.store_configmap import FLOORS
from tests.deploy.admission import Object, Policy, Review
from tests.deploy.documents import documents
from tests.deploy.schemas import NEWEST

NAME = "app.kubernetes.io/name"


@pytest.fixture(scope="module")
def things(root: Path) -> list[Object]:
    return documents(root / "deploy/policy/schema-floor.yaml")


@pytest.fixture(scope="module")
def example(root: Path) -> list[Object]:
    return documents(root / "deploy/policy/example/shop.yaml")


@pytest.fixture(scope="module")
def policy(things: list[Object]) -> Policy:
    return Policy(*things)


def workload(version: str | None = "7", labels: Any = None, **spec: Any) -> Object:
    """A Deployment of the app shop."""
    template: Object = {"metadata": {"labels": {NAME: "shop"}}, "spec": {"containers": []}}
    if version is not None:
        template["metadata"]["annotations"] = {VERSION: version}
    metadata = {"name": "shop", "labels": {NAME: "shop"} if labels is None else labels}
    return {"metadata": metadata, "spec": {"replicas": 1, "template": template} | spec}


def without(thing: Object, *path: str) -> Object:
    """The same, less what the path leads to."""
    copy = deepcopy(thing)
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def floors(**data: str) -> Object:
    return {"metadata": {"name": FLOORS}, "data": data}


SEVEN = floors(shop="7", bank="90")
OTHER = workload("6", {NAME: "till"})
SCALED = workload("6") | {"spec": workload("6")["spec"] | {"replicas": 9}}
REFERRING = {"metadata": {"labels": {NAME: "shop"}}, "spec": {"workloadRef": {"name": "shop"}}}

ALLOWED = {
    "the contracted schema": Review(workload("7"), params=SEVEN),
    "a newer one": Review(workload("8"), params=SEVEN),
    "more digits are not less": Review(workload("10"), params=SEVEN),
    "leading zeros": Review(workload("007"), params=SEVEN),
    "the largest": Review(workload("999999999"), params=floors(shop="999999999")),
    "from old to new": Review(workload("7"), workload("6"), SEVEN),
    "no floors in the namespace": Review(workload("6"), params=None),
    "no floor of the app": Review(workload("6"), params=floors(bank="90")),
    "floors that are empty": Review(workload("6"), params=floors()),
    "floors without data": Review(workload("6"), params={"metadata": {"name": FLOORS}}),
    "another app": Review(OTHER, params=SEVEN),
    "no version and no floor": Review(workload(None), params=floors(bank="90")),
    "no labels": Review(without(workload("6"), "metadata", "labels"), params=SEVEN),
    "empty labels": Review(workload("6", {}), params=SEVEN),
    "other labels": Review(workload("6", {"app": "shop"}), params=SEVEN),
    "what runs already is scaled": Review(SCALED, workload("6"), SEVEN),
    "what runs already gets a label": Review(
        workload("6", {NAME: "shop", "a": "b"}), workload("6"), SEVEN
    ),
    "what runs already without a version is scaled": Review(
        workload(None, replicas=9), workload(None), SEVEN
    ),
    "a Rollout with a workloadRef": Review(REFERRING, params=SEVEN),
    "a Rollout that changes to a workloadRef": Review(REFERRING, workload("6"), SEVEN),
}

DENIED = {
    "an older schema": Review(workload("6"), params=SEVEN),
    "fewer digits are not more": Review(workload("9"), params=floors(shop="10")),
    "zero": Review(workload("0"), params=floors(shop="1")),
    "from new to old": Review(workload("6"), workload("7"), SEVEN),
    "another image of an old one": Review(
        workload("6", replicas=2, template=workload("6")["spec"]["template"] | {"a": 1}),
        workload("6"),
        SEVEN,
    ),
    "from a workloadRef to an old template": Review(workload("6"), REFERRING, SEVEN),
    "no version": Review(workload(None), params=SEVEN),
    "no metadata of the template": Review(
        without(workload("7"), "spec", "template", "metadata"), params=SEVEN
    ),
    "other annotations": Review(
        workload(None, template={"metadata": {"annotations": {"a": "b"}}}), params=SEVEN
    ),
    "empty annotations": Review(
        workload(None, template={"metadata": {"annotations": {}}}), params=SEVEN
    ),
    "the version on the workload only": Review(
        workload(None) | {"metadata": {"labels": {NAME: "shop"}, "annotations": {VERSION: "7"}}},
        params=SEVEN,
    ),
    "an empty version": Review(workload(""), params=SEVEN),
    "a version that is a word": Review(workload("seven"), params=SEVEN),
    "a version with a letter": Review(workload("v7"), params=SEVEN),
    "a version with a point": Review(workload("7.5"), params=SEVEN),
    "a version with a sign": Review(workload("+7"), params=SEVEN),
    "a negative version": Review(workload("-7"), params=SEVEN),
    "a version with a blank": Review(workload(" 7"), params=SEVEN),
    "a version with a line end": Review(workload("7\n"), params=SEVEN),
    "a version too long to compare": Review(workload("9" * 10), params=SEVEN),
    "a version far too long": Review(workload("9" * 40), params=SEVEN),
    "a floor that is a word": Review(workload("7"), params=floors(shop="seven")),
    "a floor with a sign": Review(workload("7"), params=floors(shop="-1")),
    "a floor too long to compare": Review(workload("7"), params=floors(shop="9" * 20)),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_it_lets_pass(policy: Policy, case: str) -> None:
    assert policy.denials(ALLOWED[case]) == []


@pytest.mark.parametrize("case", ALLOWED | DENIED)
def test_its_rule_holds_without_its_conditions(things: list[Object], case: str) -> None:
    """Only they know what ran before; all else the rule guards itself."""
    review = (ALLOWED | DENIED)[case]
    bare = deepcopy(things)
    bare[0]["spec"]["matchConditions"] = []
    unchanged = review.old is not None and case.startswith("what runs already")

    assert bool(Policy(*bare).denials(review)) == (case in DENIED or unchanged)


@pytest.mark.parametrize("case", DENIED)
def test_it_denies(policy: Policy, case: str) -> None:
    (message,) = policy.denials(DENIED[case])

    # Its own words, and no failure of an expression.
    assert "of shop is contracted (ConfigMap drainproxy-schema-floors), but the pod" in message


def test_it_says_what_would_be_right(policy: Policy) -> None:
    assert policy.denials(DENIED["an older schema"]) == [
        "schema 7 of shop is contracted (ConfigMap drainproxy-schema-floors), but the pod template"
        " has drainproxy.io/schema-version 6: older code cannot run any more"
    ]
    assert "has no annotation drainproxy.io/schema-version" in str(
        policy.denials(DENIED["no version"])
    )


@pytest.mark.parametrize(
    ("group", "resource", "operation", "asked"),
    [
        ("apps", "deployments", "CREATE", True),
        ("apps", "deployments", "UPDATE", True),
        ("apps", "statefulsets", "UPDATE", True),
        ("argoproj.io", "rollouts", "CREATE", True),
        ("apps", "deployments", "DELETE", False),
        ("apps", "replicasets", "UPDATE", False),
        ("apps", "deployments/scale", "UPDATE", False),
        ("", "pods", "CREATE", False),
    ],
)
def test_who_is_asked(
    policy: Policy, group: str, resource: str, operation: str, asked: bool
) -> None:
    assert policy.is_asked(group, resource, operation) is asked


def test_the_binding_takes_the_floors_of_the_namespace(things: list[Object]) -> None:
    _, binding = things

    assert binding["spec"]["paramRef"] == {"name": FLOORS, "parameterNotFoundAction": "Allow"}
    assert binding["spec"]["validationActions"] == ["Deny"]


def test_the_api_server_would_take_it(things: list[Object], example: list[Object]) -> None:
    for thing in (*things, *example):
        # ValidatingAdmissionPolicy is in v1 since 1.30.
        for version in ("1.30", NEWEST):
            kubernetes_validate.validate(thing, version, strict=True)


def test_the_example_is_one_that_passes_and_one_that_does_not(
    policy: Policy, example: list[Object]
) -> None:
    config, deployment = example
    old = deepcopy(deployment)
    old["spec"]["template"]["metadata"]["annotations"][VERSION] = "6"

    assert config["metadata"]["name"] == FLOORS
    assert declared(deployment["metadata"]["annotations"])[0].phase == "contract"
    assert PHASE in deployment["metadata"]["annotations"]
    assert policy.denials(Review(deployment, params=config)) == []
    assert policy.denials(Review(old, deployment, config))
