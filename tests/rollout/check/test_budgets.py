"""A budget counts the pods of all workloads that it selects together."""

import pytest

from drainproxy.rollout.check.report import check

from .test_relations import APP, budget, service, stock

STABLE = APP.replace("spec:\n", "spec:\n  replicas: 3\n", 1)
CANARY = APP.replace("name: web, n", "name: canary, n").replace(
    "spec:\n", "spec:\n  replicas: 1\n", 1
)
LOSES, BLOCKS = "rollout-loses-capacity", "budget-blocks"


def found(says: str, *texts: str) -> set[tuple[str, str]]:
    report = check(stock(*texts, service("{app: web}"), budget(f"{{}}, {says}")))
    return {(each.rule, each.object) for each in report.findings if each.rule in (LOSES, BLOCKS)}


@pytest.mark.parametrize("says", ["minAvailable: 2", "minAvailable: 3", "minAvailable: 75%"])
def test_what_is_kept_of_all_pods_may_be_more_than_one_workload_has(says: str) -> None:
    assert found(says, STABLE, CANARY) == set()


@pytest.mark.parametrize("says", ["minAvailable: 4", "minAvailable: 76%"])
def test_a_budget_that_keeps_all_of_them_blocks_once(says: str) -> None:
    assert found(says, STABLE, CANARY) == {(BLOCKS, "poddisruptionbudget/web")}


def test_a_rollout_may_take_what_the_others_leave() -> None:
    rolling = "spec:\n  strategy: {rollingUpdate: {maxUnavailable: 2}}\n"
    taking = STABLE.replace("spec:\n", rolling, 1)

    assert found("minAvailable: 2", taking, CANARY) == set()
    assert found("minAvailable: 3", taking, CANARY) == {(LOSES, "deployment/web")}


def test_copies_of_a_workload_are_no_others() -> None:
    assert found("minAvailable: 3", STABLE, STABLE) == {(BLOCKS, "poddisruptionbudget/web")}


def one(name: str, selector: str, namespace: str = "shop") -> str:
    return (
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{maxUnavailable: 1, selector: {selector}}}\n"
    )


ALL, WEB = "{matchLabels: {tier: front}}", "{matchLabels: {app: web}}"


@pytest.mark.parametrize(
    ("budgets", "blocking"),
    [
        ((one("a", ALL), one("b", WEB)), {"a", "b"}),
        ((one("a", ALL), one("b", "{}")), {"a", "b"}),
        ((one("a", WEB), one("a", WEB)), set()),
        ((one("a", WEB), one("b", "{matchLabels: {app: db}}")), set()),
        ((one("a", WEB), one("b", WEB, "other")), set()),
    ],
)
def test_what_two_budgets_select_cannot_be_evicted(
    budgets: tuple[str, ...], blocking: set[str]
) -> None:
    """500 for a pod of several budgets (kubernetes.io, API-initiated Eviction)."""
    report = check(stock(STABLE, service("{app: web}"), *budgets))
    found = {each.object for each in report.findings if each.rule == BLOCKS}
    assert found == {f"poddisruptionbudget/{each}" for each in blocking}


def test_budgets_of_overlays_and_of_daemons_do_not_meet() -> None:
    overlays = stock(STABLE, dev_a_yaml=one("a", WEB), prod_b_yaml=one("b", WEB))
    assert BLOCKS not in {each.rule for each in check(overlays).findings}
    daemon = APP.replace("Deployment", "DaemonSet")
    daemons = stock(daemon, one("a", WEB), one("b", ALL))
    assert BLOCKS not in {each.rule for each in check(daemons).findings}


def test_the_budget_of_flaggers_copy_is_another() -> None:
    canary = (
        "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: web, namespace: shop}\n"
        "spec: {targetRef: {kind: Deployment, name: web}}\n"
    )
    app = STABLE.replace("spec:\n", "spec:\n  selector: {matchLabels: {app: web}}\n", 1)
    primary = one("b", "{matchLabels: {app: web-primary}}")
    report = check(stock(app, canary, one("a", WEB), primary))
    assert BLOCKS not in {each.rule for each in report.findings}
