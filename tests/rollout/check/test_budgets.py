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
