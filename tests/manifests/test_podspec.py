"""What is read of a pod, and where pods are found."""

import pytest

from drainproxy.manifests.podspec import Json, api_group, objects, read, workload

TEMPLATE: Json = {"spec": {"containers": []}}


@pytest.mark.parametrize(
    ("api", "kind", "spec"),
    [
        ("apps/v1", "Deployment", {"template": TEMPLATE}),
        ("apps/v1", "StatefulSet", {"template": TEMPLATE}),
        ("apps/v1", "DaemonSet", {"template": TEMPLATE}),
        ("apps/v1", "ReplicaSet", {"template": TEMPLATE}),
        ("v1", "ReplicationController", {"template": TEMPLATE}),
        ("batch/v1", "Job", {"template": TEMPLATE}),
        ("batch/v1", "CronJob", {"jobTemplate": {"spec": {"template": TEMPLATE}}}),
        ("argoproj.io/v1alpha1", "Rollout", {"template": TEMPLATE}),
    ],
)
def test_a_workload_has_a_template(api: str, kind: str, spec: Json) -> None:
    body = {"apiVersion": api, "kind": kind, "metadata": {"name": "web"}, "spec": spec}
    found = workload(body)

    assert found is not None
    assert found.pod == TEMPLATE
    assert found.title == f"{kind.lower()}/web"


def test_a_pod_is_its_own_template() -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}, **TEMPLATE}
    found = workload(body)

    assert found is not None
    assert found.pod is body
    assert found.title == "pod/web-"


@pytest.mark.parametrize(
    ("api", "kind"),
    [("v1", "Service"), ("batch.volcano.sh/v1alpha1", "Job"), ("apps/v1", "Rollout"), ("", "")],
)
def test_other_kinds_are_none_of_ours(api: str, kind: str) -> None:
    assert workload({"apiVersion": api, "kind": kind, "spec": {"template": TEMPLATE}}) is None


def test_a_rollout_with_a_reference_has_no_pod() -> None:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "spec": {"workloadRef": {"kind": "Deployment", "name": "web"}},
    }
    found = workload(body)

    assert found is not None
    assert found.pod is None
    assert found.name == "?"


def test_a_new_pod_takes_the_place_of_the_old_one() -> None:
    body: Json = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": []},
        "status": {},
    }
    found = workload(body)

    assert found is not None
    found.put({"spec": {"containers": [{"name": "a"}]}})
    assert body == {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"containers": [{"name": "a"}]},
        "status": {},
    }


def test_lists_are_opened_to_any_depth() -> None:
    inner = {"kind": "DeploymentList", "items": [{"kind": "Deployment"}]}
    outer = {"kind": "List", "items": [{"kind": "Service"}, inner, None]}

    assert [each["kind"] for each in objects(outer)] == ["Service", "Deployment"]
    assert list(objects({"kind": "List"})) == [{"kind": "List"}]
    assert list(objects("text")) == []


def test_the_api_group_is_what_stands_before_the_version() -> None:
    assert api_group({"apiVersion": "apps/v1"}) == "apps"
    assert api_group({"apiVersion": "v1"}) == api_group({}) == ""


def test_what_is_not_said_is_what_kubernetes_takes() -> None:
    pod = read({"metadata": {"labels": None}, "spec": {"containers": None}})

    assert (pod.grace, pod.containers, pod.init_containers) == (30, [], [])
    assert (dict(pod.labels), dict(pod.annotations), pod.completes) == ({}, {}, False)
    assert read({"spec": {"terminationGracePeriodSeconds": 0}}).grace == 0
    assert read({"spec": None}).containers == []


@pytest.mark.parametrize(
    ("policy", "completes"), [("Always", False), ("Never", True), ("OnFailure", True)]
)
def test_a_pod_that_is_not_always_restarted_completes(policy: str, completes: bool) -> None:
    assert read({"spec": {"restartPolicy": policy}}).completes == completes


@pytest.mark.parametrize(
    ("pod", "place"),
    [
        ({"spec": []}, r"\$\.spec"),
        ({"spec": {"containers": [{"image": "x"}]}}, r"`name` - at `\$\.spec\.containers\[0\]`"),
        (
            {"spec": {}, "metadata": {"labels": {"version": 1}}},
            "label version is a number: put it in quotes",
        ),
        (
            {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": "x"}]}]}},
            "containerPort",
        ),
        (
            {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 65_536}]}]}},
            "<= 65535 - at `..spec.containers.0..ports.0..containerPort`",
        ),
        (
            {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 0}]}]}},
            ">= 1 - at",
        ),
    ],
)
def test_what_kubernetes_would_not_take_is_named(pod: Json, place: str) -> None:
    with pytest.raises(ValueError, match=place) as caught:
        read(pod)
    assert "is no pod: " in str(caught.value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (8675309, "is a number: put it in quotes"),
        (8675.309, "is a number: put it in quotes"),
        (True, "is a boolean: put it in quotes"),
        ([8675309], "is a list: it must be a text"),
        ({"a": 8675309}, "is a mapping: it must be a text"),
    ],
)
def test_an_annotation_that_is_no_text_is_named_and_its_value_is_not(
    value: object, problem: str
) -> None:
    token = {"drainproxy.io/admin-token": value}
    with pytest.raises(ValueError, match="is no pod") as caught:
        read({"metadata": {"annotations": token}, "spec": {}})

    assert str(caught.value) == f"is no pod: annotation drainproxy.io/admin-token {problem}"
    assert "8675" not in str(caught.value)


def test_a_label_without_a_value_is_the_empty_text() -> None:
    pod = read({"metadata": {"labels": {"tier": None}, "annotations": {"a": None}}, "spec": {}})

    assert (pod.labels, pod.annotations) == ({"tier": ""}, {"a": ""})


def test_beside_a_label_without_a_value_the_wrong_one_is_named() -> None:
    with pytest.raises(ValueError, match="label version is a number"):
        read({"metadata": {"labels": {"tier": None, "version": 1}}, "spec": {}})


WINDOWS: Json = {"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}
AFFINITY: Json = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [WINDOWS]}]
        }
    }
}
OPTIONS: Json = {"securityContext": {"windowsOptions": {"runAsUserName": "ContainerUser"}}}


@pytest.mark.parametrize(
    ("spec", "is_windows"),
    [
        ({}, False),
        ({"os": {"name": "windows"}}, True),
        ({"os": {"name": "linux"}}, False),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, True),
        (OPTIONS, True),
        ({"securityContext": {"windowsOptions": {}}}, False),
        ({"containers": [{"name": "a", **OPTIONS}]}, True),
        ({"containers": [{"name": "a", "securityContext": {"runAsUser": 1}}]}, False),
        ({"affinity": {"nodeAffinity": None}}, False),
        ({"affinity": AFFINITY}, True),
    ],
)
def test_a_pod_runs_on_windows_where_it_says_so(spec: Json, is_windows: bool) -> None:
    assert read({"spec": spec}).is_windows == is_windows


def test_every_reference_to_a_port_by_name_is_found() -> None:
    by_name = {"httpGet": {"port": "http"}}
    container = {
        "name": "a",
        "livenessProbe": {"tcpSocket": {"port": "x"}},
        "readinessProbe": by_name,
        "startupProbe": {"httpGet": {"port": 80}},
        "lifecycle": {"postStart": by_name, "preStop": {"sleep": {"seconds": 1}}},
    }
    (found,) = read({"spec": {"containers": [container]}}).containers

    assert dict(found.named_sockets()) == {
        ("livenessProbe", "tcpSocket", "port"): "x",
        ("readinessProbe", "httpGet", "port"): "http",
        ("lifecycle", "postStart", "httpGet", "port"): "http",
    }
