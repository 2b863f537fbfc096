"""Any workloads behind any Services: what is said of them is so, and they come back."""

import json

from hypothesis import given

from drainproxy.manifests.podspec import Json
from tests.cases import dear
from tests.kube.inputs import inputs
from tests.kube.judge import verdicts
from tests.kube.pods import pod
from tests.kube.policed import differences
from tests.kube.test_batch import inject, uninject


@dear
@given(text=inputs())
def test_whoever_is_said_to_be_captured_is(text: str) -> None:
    """Judged from outside, for any workloads behind any Services."""
    done = inject(text)

    assert not done.failed, done.report.text()
    said = {line.object: line for line in done.lines}
    for verdict in verdicts(text, done.text):
        line = said[verdict.title]
        warned = " ".join(line.warnings)
        silent = [
            each
            for each in verdict.bypassed
            if f"Service {each.split()[0]} is headless" not in warned
        ]
        # Jobs bear labels of servers: a port that they do not declare is not theirs.
        if line.outcome == "injected" and not verdict.title.startswith("job/"):
            assert not silent, (verdict, line)
        assert verdict.has_sidecar == (line.outcome in ("injected", "bypassed"))


@dear
@given(text=inputs())
def test_any_input_comes_back_and_is_injected_once(text: str) -> None:
    done = inject(text)

    assert inject(done.text, new_token=lambda: "another").text == done.text
    assert uninject(done.text).text == text


@dear
@given(text=inputs())
def test_policies_let_clients_to_no_more_and_no_less_than_before(text: str) -> None:
    """Judged from outside; what is opened all the same is told."""
    done = inject(text)

    for each in differences(text, done.text):
        assert not each.closed, each
        assert f"NetworkPolicy {each.policy} lets its clients come to" in done.report.text(), each


def test_numbers_of_a_redirect_make_no_other_capture_possible_later() -> None:
    """A redirect takes a port with two names once, and so counts on from another number."""
    twice = pod({"name": "a", "containerPort": 8080}, {"name": "b", "containerPort": 8080})
    targets = {"x": 4430, "y": "a", "z": "b"}
    ports = [
        {"name": name, "port": at, "targetPort": target}
        for at, (name, target) in enumerate(targets.items(), 80)
    ]
    text = _joined(
        _object("Deployment", "old", {"template": pod({"containerPort": 9181})}),
        _object("Deployment", "new", {"template": twice}),
        _object("Service", "web", {"selector": {"app": "web"}, "ports": ports}),
    )
    done = inject(text)

    assert "deployment/new does not have its sidecar at 9182" in done.report.text()
    assert inject(done.text).text == done.text


def test_services_of_one_name_are_changed_each_for_itself() -> None:
    """As in a folder with an environment in each file, where no object names its namespace."""
    ports = [{"port": 80, "targetPort": 8080}], [{"port": 80}]
    leading = (_object("Service", "web", {"selector": {"app": "web"}, "ports": p}) for p in ports)
    named = pod({"name": "http", "containerPort": 8080})
    text = _joined(_object("Deployment", "web", {"template": named}), *leading)
    done = inject(text)

    assert not done.failed
    assert inject(done.text).text == done.text


def _object(kind: str, name: str, spec: Json) -> Json:
    version = "v1" if kind == "Service" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _joined(*bodies: Json) -> str:
    return "---\n".join(json.dumps(each) + "\n" for each in bodies)
