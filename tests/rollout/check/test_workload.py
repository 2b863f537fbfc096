"""What belongs to a workload: who comes to it, and by which container."""

import pytest

from drainproxy.rollout.check.workload import kept

from .test_relations import APP, budget, only, service, stock


@pytest.mark.parametrize("word", ["web-admin", "health-records", "debug", "prometheus", "probes"])
def test_a_service_that_is_called_as_something_else_is_for_clients(word: str) -> None:
    assert only(stock(APP, service("{app: web}", name=word))).ports
    assert only(stock(APP, service("{app: web}"), service("{app: web}", name=word))).ports[1:]


@pytest.mark.parametrize("word", ["web-metrics", "metric", "exporter"])
def test_a_service_for_metrics_is_aside_where_there_is_another(word: str) -> None:
    alone = only(stock(APP, service("{app: web}", name=word)))
    beside = only(stock(APP, service("{app: web}"), service("{app: web}", name=word)))

    assert [each.service.name for each in alone.ports] == [word]
    assert [each.service.name for each in beside.ports] == ["web"]


@pytest.mark.parametrize(
    ("says", "least"),
    [("minAvailable: 2", 2), ("minAvailable: 34%", 2), ("maxUnavailable: 34%", 2), ("a: 1", None)],
)
def test_a_budget_keeps_a_number_or_a_share(says: str, least: int | None) -> None:
    inventory = stock(APP, budget(f"{{}}, {says}"))
    (found,) = only(inventory).budgets
    assert kept(found, 4) == least
