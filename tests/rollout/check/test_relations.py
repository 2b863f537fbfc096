"""What concerns a workload: by labels, by reference, by namespace, and by being near."""

import sys
from types import FrameType

from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import Object, read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.workload import CheckedWorkload
from tests.rollout.check.changes import checked

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
      labels: {app: web, tier: front}
    spec:
      containers: [{name: web}]
"""


def service(selector: str, namespace: str = "shop", name: str = "web") -> str:
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: '{namespace}'}}\n"
        f"spec: {{selector: {selector}, ports: [{{port: 80}}]}}\n"
    )


def budget(selector: str) -> str:
    return (
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n"
        f"spec: {{selector: {selector}}}\n"
    )


def stock(*texts: str, **files: str) -> Inventory:
    """The texts as one file, and others by their names, in which `_` is `/`."""
    found: list[Object] = []
    for name, text in {"app.yaml": "---\n".join(texts), **files}.items():
        found += read_objects(name.replace("_", "/"), text)
    return take_stock(found)


def only(inventory: Inventory) -> CheckedWorkload:
    (workload,) = inventory.workloads
    return workload


def test_a_service_is_behind_the_labels_that_it_selects() -> None:
    for selector, selects in (
        ("{app: web}", True),
        ("{tier: front, app: web}", True),
        ("{app: web, tier: back}", False),
        ("{app: other}", False),
        ("{}", False),
    ):
        assert bool(only(stock(APP, service(selector))).services) is selects, selector


def test_a_service_of_another_namespace_is_another() -> None:
    assert not only(stock(APP, service("{app: web}", "blog"))).services
    assert only(stock(APP, service("{app: web}", ""))).services


def test_a_budget_selects_by_expressions_too() -> None:
    for selector, selects in (
        ("{matchLabels: {app: web}}", True),
        ("{matchExpressions: [{key: app, operator: In, values: [api, web]}]}", True),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", False),
        ("{matchExpressions: [{key: tier, operator: Exists}]}", True),
        ("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", False),
        ("{matchLabels: {app: web}, matchExpressions: [{key: x, operator: Exists}]}", False),
        ("{}", True),
    ):
        assert bool(only(stock(APP, budget(selector))).budgets) is selects, selector


def test_of_copies_the_nearest_concerns_a_workload() -> None:
    """Overlays have the same objects; a cluster has one of them."""
    inventory = stock(
        APP,
        service("{app: web}"),
        prod_app=APP,
        prod_service=service("{app: web}"),
        dev_app=APP,
    )
    files = [[each.file for each in workload.services] for workload in inventory.workloads]
    assert files == [["app.yaml"], ["prod/service"], ["app.yaml"]]


def test_services_with_names_of_their_own_are_all_there() -> None:
    inventory = stock(APP, service("{app: web}"), more=service("{app: web}", name="web-2"))
    assert [each.name for each in only(inventory).services] == ["web", "web-2"]


def test_the_namespace_switches_injection_on_and_the_pod_beats_it() -> None:
    space = (
        "apiVersion: v1\nkind: Namespace\n"
        "metadata: {name: shop, labels: {drainproxy.io/inject: 'true'}}\n"
    )
    refuses = APP.replace("tier: front", "drainproxy.io/inject: 'false'")
    asks = APP.replace("tier: front", "drainproxy.io/inject: 'true'")

    assert only(stock(APP, space)).is_injected
    assert not only(stock(APP.replace("shop", "blog"), space)).is_injected
    assert not only(stock(refuses, space)).is_injected
    assert only(stock(asks)).is_injected


def test_a_rollout_takes_the_template_of_the_deployment_that_it_refers_to() -> None:
    rollout = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web, namespace: shop}\n"
        "spec: {workloadRef: {kind: Deployment, name: web}}\n"
    )
    deployment, owner = stock(APP, rollout, service("{app: web}")).workloads

    assert (deployment.is_managed, deployment.owns_pod) == (True, True)
    assert (owner.is_managed, owner.owns_pod) == (False, False)
    assert owner.services == deployment.services
    assert owner.containers == []


def test_who_serves_is_who_has_a_service_or_ports_that_nobody_has_measured() -> None:
    ports = APP.replace("{name: web}", "{name: web, ports: [{name: NAME, containerPort: 1}]}")
    metrics = service("{app: web}").replace("port: 80", "port: 80, name: http-metrics")

    other = service("{app: other}")

    assert (only(stock(APP)).serves, only(stock(APP)).is_doubtful) == (True, True)
    assert not only(stock(APP, other)).serves
    assert only(stock(APP, service("{app: web}"))).serves
    assert only(stock(ports.replace("NAME", "http"))).serves
    assert not only(stock(ports.replace("NAME", "prometheus"))).serves
    assert not only(stock(ports.replace("NAME", "http"), other)).serves
    assert not only(stock(APP, metrics)).serves


def test_a_rollout_serves_where_it_names_services_that_stand_elsewhere() -> None:
    rollout = APP.replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout")
    named = rollout.replace("spec:", "spec:\n  strategy: {canary: {stableService: web}}", 1)
    other = service("{app: other}")

    assert not only(stock(rollout, other)).serves
    assert (only(stock(named, other)).serves, only(stock(named, other)).is_doubtful) == (
        True,
        False,
    )


def test_selectors_that_nothing_tells_apart_are_looked_at_a_hundred_times_at_most() -> None:
    """All with all would take as long as it is long: a pod has one budget, or it is not evicted."""
    many = [budget("{}").replace("name: web", f"name: web-{at}") for at in range(150)]
    assert len(only(stock(APP, *many)).budgets) == 100


def test_pods_of_services_in_other_namespaces_are_not_looked_at() -> None:
    texts = [
        text.replace("namespace: shop", f"namespace: shop-{at}")
        for at in range(3)
        for text in (APP, service("{app: web}").replace("'shop'", "shop"))
    ]
    for at, each in enumerate(stock(*texts).workloads):
        assert [service.namespace for service in each.services] == [f"shop-{at}"]


def test_a_kind_of_another_group_is_another() -> None:
    """OpenKruise has Rollouts, Knative has Services, Volcano has Jobs."""
    rollout = (
        "apiVersion: GROUP/v1\nkind: Rollout\nmetadata: {name: web}\n"
        "spec: {workloadRef: {kind: Deployment, name: web}}\n"
    )
    for group, managed in (("argoproj.io", [True, False]), ("rollouts.kruise.io", [False])):
        inventory = stock(APP, rollout.replace("GROUP", group))
        assert [each.is_managed for each in inventory.workloads] == managed
        assert len(inventory.of("Rollout")) == len(managed) - 1
    other = service("{app: web}").replace("apiVersion: v1", "apiVersion: serving.knative.dev/v1")
    assert only(stock(APP, other)).services == []
    job = "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nmetadata: {name: a}\n"
    found = stock(job)
    assert (found.of("Job"), found.that(lambda each, _: each.kind == "Job")) == ([], [])
    assert [each.kind for each in found.objects] == ["Job"]


ALIKE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: app%(number)d}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: app, image: "app:1", ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: app%(number)d}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: app%(number)d}
spec: {minAvailable: 1, selector: {matchLabels: {app: shop}}}
---
"""


def test_the_work_grows_with_the_pairs_of_what_selects_each_other() -> None:
    """Each Service and each budget may select each workload: that is asked, and no more."""

    def calls(size: int) -> int:
        number = 0

        def counted(_frame: FrameType, _event: str, _of: object) -> None:
            nonlocal number
            number += 1

        text = "".join(ALIKE % {"number": each} for each in range(size))
        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            checked(text)
        finally:
            sys.setprofile(before)
        return number

    assert calls(32) < 5 * calls(16)
