"""Objects that others make, in dumps of a cluster."""

import json

import pytest

from drainproxy.kube.batch import inject_all
from drainproxy.kube.inputs import read_input
from drainproxy.kube.owners import Owners
from drainproxy.manifests.podspec import Json
from tests.kube.pods import options, pod
from tests.kube.test_batch import lines

SERVICE: Json = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


def thing(api: str, kind: str, name: str, *owner: str, **metadata: object) -> Json:
    """A workload; `owner` are API version, kind and name of what makes it."""
    named = zip(("apiVersion", "kind", "name"), owner, strict=False)
    reference = {**dict(named), "uid": "u", "controller": True}
    body = {"apiVersion": api, "kind": kind, "metadata": {"name": name, **metadata}}
    body["metadata"] |= {"ownerReferences": [reference]} if owner else {}  # type: ignore[operator] # a mapping
    return {**body, **pod()} | body if kind == "Pod" else {**body, "spec": {"template": pod()}}


DEPLOYMENT = thing("apps/v1", "Deployment", "web")
SET = thing("apps/v1", "ReplicaSet", "web-5d4", "apps/v1", "Deployment", "web")
POD = thing("v1", "Pod", "web-5d4-x", "apps/v1", "ReplicaSet", "web-5d4")
CRON = {**thing("batch/v1", "CronJob", "tidy"), "spec": {"jobTemplate": {}}}


def told(*bodies: Json) -> str | None:
    """What makes the last of these."""
    text = "---\n".join(json.dumps(each) + "\n" for each in bodies)
    found = read_input({"x": text}).objects
    owner = Owners(found).of(found[-1])
    return f"{owner} ({'here' if owner.is_here else 'elsewhere'})" if owner else None


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([DEPLOYMENT], None),
        ([DEPLOYMENT, SET], "deployment/web makes it: inject that (here)"),
        ([SET], "deployment/web makes it: inject that (elsewhere)"),
        ([DEPLOYMENT, SET, POD], "replicaset/web-5d4 makes it: inject that (here)"),
        ([DEPLOYMENT, POD], "deployment/web makes it: inject that (here)"),
        ([POD], "replicaset/web-5d4 makes it: inject that (elsewhere)"),
        (
            [CRON, thing("v1", "Pod", "tidy-29-x", "batch/v1", "Job", "tidy-29")],
            "cronjob/tidy makes it: inject that (here)",
        ),
        (
            [thing("apps/v1", "StatefulSet", "p", "monitoring.coreos.com/v1", "Prometheus", "k8s")],
            "prometheus.monitoring.coreos.com/k8s makes it, and would take changes back: let the"
            " webhook inject its pods (elsewhere)",
        ),
        ([thing("v1", "Pod", "proxy-node1", "v1", "Node", "node1")], None),
        ([thing("v1", "Pod", "a", ownerReferences=[{"kind": "X", "name": "b"}, 3])], None),
        ([thing("v1", "Pod", "a", ownerReferences="b")], None),
        ([{"apiVersion": "v1", "kind": "Pod", "metadata": 3}], None),
    ],
)
def test_it_is_found_by_its_reference_or_by_the_name_that_it_gives(
    bodies: list[Json], expected: str | None
) -> None:
    assert told(*bodies) == expected


def test_of_a_dump_what_makes_the_others_is_injected() -> None:
    text = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [DEPLOYMENT, SET, POD, SERVICE]}
    )
    done = inject_all({"x": text}, options())

    assert lines(done) == [
        "deployment/web injected (service rewrite: web 80 -> http)",
        "replicaset/web-5d4 skipped (deployment/web makes it: inject that)",
        "pod/web-5d4-x skipped (replicaset/web-5d4 makes it: inject that)",
    ]
    assert done.report.captures_all
    items = json.loads(done.text)["items"]
    assert items[1:3] == [SET, POD]


def test_whose_owner_is_not_in_the_input_is_not_captured() -> None:
    done = inject_all({"x": json.dumps(POD)}, options())

    assert done.report.captures_nothing
