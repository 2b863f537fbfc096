"""Whole files: every workload in them, and a line for each."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from ruamel.yaml.comments import CommentedMap

from drainproxy.kube.batch import Result, inject_all, uninject_all
from drainproxy.manifests.documents import Document, restyle
from drainproxy.manifests.podspec import Json
from tests.kube.pods import options, pod, pods

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web # the app
        image: web:1
        ports:
        - name: "http"
          containerPort: 8080
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector:  {app: web}
  ports: [{port: 80, targetPort: 8080}]
"""


def inject(*texts: str, **fields: Any) -> Result:
    return inject_all({f"{at}.yaml": text for at, text in enumerate(texts)}, options(**fields))


def uninject(text: str) -> Result:
    return uninject_all({"x.yaml": text})


def test_a_workload_is_injected_and_everything_else_passes() -> None:
    done = inject(DEPLOYMENT + "---\n" + SERVICE)

    assert [str(line).splitlines()[0] for line in done.lines] == [
        "deployment/web injected (redirect: 8080 -> 9181; Service web targets 8080: that cannot be"
        " changed here)"
    ]
    assert not done.failed
    assert done.text.endswith("---\n" + SERVICE)
    assert "- name: web # the app\n" in done.text
    assert uninject(done.text).text == DEPLOYMENT + "---\n" + SERVICE


def test_injecting_the_result_changes_no_byte_of_it() -> None:
    once = inject(DEPLOYMENT, given={"drainproxy.io/drain-delay": "3s"}).text

    assert inject(once, new_token=lambda: "another").text == once


def test_services_in_other_files_count_too() -> None:
    (line,) = inject(DEPLOYMENT, SERVICE).lines

    assert line.what == "0.yaml: deployment/web"
    assert "Service web targets 8080" in str(line)


def test_a_line_says_why_a_workload_is_skipped() -> None:
    off = DEPLOYMENT.replace("{app: web}", '{app: web, drainproxy.io/inject: "false"}')
    rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {workloadRef: {name: web}}\n"
    done = inject(off + "---\n" + rollout)

    assert [str(line) for line in done.lines] == [
        'deployment/web skipped: drainproxy.io/inject is "false"',
        "rollout/? skipped: it has no pod template",
    ]
    assert done.text == off + "---\n" + rollout
    assert [str(line) for line in uninject(off).lines] == [
        "deployment/web skipped: it is not injected"
    ]


def test_every_mistake_of_every_file_is_told() -> None:
    wrong = DEPLOYMENT.replace(
        "{app: web}", '{app: web}\n      annotations: {drainproxy.io/drain-delay: "3"}'
    )
    broken = DEPLOYMENT.replace("containers:", "containers: 3 #")
    done = inject(wrong, broken.split("      - name")[0], "a: [")

    assert done.failed
    text = "\n".join(map(str, done.lines))
    assert "2.yaml line 1: is not valid YAML" in text or "2.yaml line 2" in text
    assert (
        "0.yaml: deployment/web has mistakes:\n  annotation drainproxy.io/drain-delay: '3'" in text
    )
    assert "1.yaml: deployment/web is no pod: Expected `array | null`, got `int`" in text


@pytest.mark.parametrize(
    ("api", "kind", "wrap"),
    [
        ("apps/v1", "Deployment", lambda pod: {"spec": {"template": pod}}),
        ("apps/v1", "StatefulSet", lambda pod: {"spec": {"template": pod}}),
        ("apps/v1", "DaemonSet", lambda pod: {"spec": {"template": pod}}),
        ("apps/v1", "ReplicaSet", lambda pod: {"spec": {"template": pod}}),
        ("batch/v1", "Job", lambda pod: {"spec": {"template": pod}}),
        ("batch/v1", "CronJob", lambda pod: {"spec": {"jobTemplate": {"spec": {"template": pod}}}}),
        ("argoproj.io/v1alpha1", "Rollout", lambda pod: {"spec": {"template": pod}}),
        ("v1", "Pod", lambda pod: pod),
        ("v1", "List", lambda pod: {"items": [{"apiVersion": "v1", "kind": "Pod", **pod}]}),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_every_kind_is_injected_and_restored(
    api: str, kind: str, wrap: object, indent: int | None
) -> None:
    assert callable(wrap)
    body = {"apiVersion": api, "kind": kind, **wrap(pod())}
    text = json.dumps(body, indent=indent) + "\n"
    done = inject(text)

    assert [line.outcome for line in done.lines] == [
        "injected (names; no Service in this input, unproved)"
    ]
    assert inject(done.text).text == done.text
    assert json.loads(uninject(done.text).text) == body


@settings(max_examples=40)
@given(before=pods())
def test_any_pod_in_a_yaml_file_is_restored(before: Json) -> None:
    text = _yaml({"apiVersion": "v1", "kind": "Pod", **before})
    done = inject(text)

    assert not done.failed
    assert inject(done.text, new_token=lambda: "another").text == done.text
    assert uninject(done.text).text == text


def test_windows_line_ends_stay() -> None:
    done = inject(DEPLOYMENT.replace("\n", "\r\n"))

    assert done.text.count("\n") == done.text.count("\r\n") > 50
    assert uninject(done.text).text == DEPLOYMENT.replace("\n", "\r\n")


def test_an_anchor_is_changed_once() -> None:
    probes = """\
        livenessProbe: &probe
          httpGet: {port: http}
        readinessProbe: *probe
"""
    done = inject(DEPLOYMENT + probes)

    assert "livenessProbe: &probe\n          httpGet: {port: app-http}" in done.text
    assert "readinessProbe: *probe" in done.text
    assert uninject(done.text).text == DEPLOYMENT + probes


def _yaml(body: Json) -> str:
    """As the manifests' own writer writes it."""
    document = Document("", "", CommentedMap(body), changed=True)
    restyle(document.data)
    return document.render()
