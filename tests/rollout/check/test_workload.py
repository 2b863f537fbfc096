"""What belongs to a workload: who comes to it, and by which container."""

import pytest

from drainproxy.rollout.check.workload import kept

from .test_relations import APP, budget, only, service, stock


@pytest.mark.parametrize("word", ["web-admin", "health-records", "debug", "prometheus", "probes"])
def test_a_service_that_is_called_as_something_else_is_for_clients(word: str) -> None:
    assert only(stock(APP, service("{app: web}", name=word))).ports
    assert only(stock(APP, service("{app: web}"), service("{app: web}", name=word))).ports[1:]


@pytest.mark.parametrize("word", ["shop-metrics", "metric", "exporter", "shop-metrics-service"])
def test_a_service_for_metrics_is_aside_where_there_is_another(word: str) -> None:
    alone = only(stock(APP, service("{app: web}", name=word)))
    beside = only(stock(APP, service("{app: web}"), service("{app: web}", name=word)))

    assert [each.service.name for each in alone.ports] == [word]
    assert [each.service.name for each in beside.ports] == ["web"]


@pytest.mark.parametrize("word", ["metrics", "metrics-service", "exporter", "metrics-svc"])
def test_a_service_called_after_its_workload_and_metrics_has_no_clients(word: str) -> None:
    """As kubebuilder calls the one of an operator: controller-manager-metrics-service."""
    workload = only(stock(APP, service("{app: web}", name=f"web-{word}")))
    assert (workload.ports, workload.serves) == ([], False)


@pytest.mark.parametrize(
    ("names", "come"),
    [
        (["metrics"], False),
        (["http-metrics"], False),
        (["metrics-https"], False),
        (["http"], True),
        ([], True),
        (["metrics", "http"], True),
    ],
)
def test_a_number_is_for_metrics_if_the_pod_declares_it_as_that(
    names: list[str], come: bool
) -> None:
    ports = ", ".join(f"{{name: {each}, containerPort: 80}}" for each in names)
    app = APP.replace("{name: web}]", f"{{name: web, ports: [{ports}]}}]")
    assert bool(only(stock(app, service("{app: web}"))).ports) is come


@pytest.mark.parametrize(
    ("says", "least"),
    [("minAvailable: 2", 2), ("minAvailable: 34%", 2), ("maxUnavailable: 34%", 2), ("a: 1", None)],
)
def test_a_budget_keeps_a_number_or_a_share(says: str, least: int | None) -> None:
    inventory = stock(APP, budget(f"{{}}, {says}"))
    (found,) = only(inventory).budgets
    assert kept(found, 4) == least


@pytest.mark.parametrize(
    ("kind", "ports", "serves"),
    [
        ("Deployment", "", True),
        ("DaemonSet", "", False),
        ("DaemonSet", "{containerPort: 80}", True),
        ("DaemonSet", "{name: metrics, containerPort: 9100}", False),
        ("Deployment", "{containerPort: 514, protocol: UDP}", False),
        ("Deployment", "{containerPort: 53, protocol: UDP}, {containerPort: 53}", True),
        ("Deployment", "{name: http, containerPort: 443, protocol: TCP}", True),
    ],
)
def test_without_a_service_the_declared_ports_say_whether_anybody_connects(
    kind: str, ports: str, serves: bool
) -> None:
    """An agent of each node has no port, and datagrams are no connections."""
    app = APP.replace("Deployment", kind)
    app = app.replace("{name: web}]", f"{{name: web, ports: [{ports}]}}]")
    assert only(stock(app)).serves is serves
    assert only(stock(app, service("{app: web}"))).serves
