"""Whole inputs: every workload in them, what leads clients to these, and a line for each."""

import json
from typing import Any

import pytest
from hypothesis import given

from drainproxy.kube.batch import BatchResult, inject_all, uninject_all
from drainproxy.kube.halves import Half
from drainproxy.kube.report import NAMES_NEED
from drainproxy.manifests.documents import Document
from drainproxy.manifests.podspec import Json
from tests.cases import dear
from tests.kube.judge import documents
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
  selector: {app: web}
  ports:
  - port: 80
    targetPort: 8080
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: front}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - ports:
    - port: 8080
"""
# Of nothing.
TEMPLATES = ["", "{}", "{spec: }", "{spec: {containers: }}"]
NAMELESS = DEPLOYMENT.replace('- name: "http"\n          containerPort', "- containerPort")


def join(*texts: str) -> str:
    return "---\n".join(texts)


def inject(*texts: str, only: Half | None = None, **fields: Any) -> BatchResult:
    named = {f"{at}.yaml": text for at, text in enumerate(texts)}
    return inject_all(named, options(**fields), only)


def uninject(text: str, only: Half | None = None) -> BatchResult:
    return uninject_all({"x.yaml": text}, only)


def lines(done: BatchResult) -> list[str]:
    """The first line of each object."""
    return [line.text(False).splitlines()[0] for line in done.report.lines if not line.is_elsewhere]


def bodies(done: BatchResult) -> dict[str, Any]:
    """What the output holds, by kind."""
    return {each["kind"]: each for each in documents(done.text)}


def target(done: BatchResult) -> object:
    return bodies(done)["Service"]["spec"]["ports"][0]["targetPort"]


def test_a_workload_is_injected_and_its_service_comes_to_target_the_name() -> None:
    done = inject(join(DEPLOYMENT, SERVICE, POLICY))

    assert done.report.text().splitlines() == [
        "deployment/web injected (service rewrite: web 80 -> http)",
        "  service/web: port 80 targets http (was 8080)",
        "  networkpolicy/front: allows 18080 beside 8080",
        f"note: {NAMES_NEED}",
        "1 injected, 0 skipped, 0 bypassed",
    ]
    assert not done.report.failed
    assert "- name: web # the app\n" in done.text
    assert target(done) == "http"
    ports = bodies(done)["NetworkPolicy"]["spec"]["ingress"][0]["ports"]
    assert ports == [{"port": 8080}, {"port": 18080, "protocol": "TCP"}]
    assert uninject(done.text).text == join(DEPLOYMENT, SERVICE, POLICY)


def test_everything_else_passes_as_it_is() -> None:
    others = join("# nothing\n", "apiVersion: v1\nkind: Secret # !\n", SERVICE.replace("web", "x"))

    assert inject(join(DEPLOYMENT, others)).text.endswith("---\n" + others.partition("---\n")[2])


def test_injecting_the_result_changes_no_byte_of_it() -> None:
    for text in (join(DEPLOYMENT, SERVICE, POLICY), join(NAMELESS, SERVICE, POLICY)):
        once = inject(text, given={"drainproxy.io/drain-delay": "3s"}).text

        assert inject(once, new_token=lambda: "another").text == once


def test_services_and_policies_in_other_files_count_too() -> None:
    done = inject(DEPLOYMENT, SERVICE, POLICY)

    assert done.report.text().startswith("0.yaml: deployment/web injected (service rewrite: web")
    assert target(done) == "http"


def test_a_number_is_applied_in_two_steps_and_the_report_says_so() -> None:
    text = join(NAMELESS, SERVICE, POLICY)
    done = inject(text)

    assert lines(done) == ["deployment/web injected (service rewrite: web 80 -> 18080)"]
    assert "inject --only workloads FILES | kubectl apply -f -, and wait" in done.report.text()
    first, second = inject(text, only="workloads"), inject(text, only="services")
    assert [*bodies(first)] == ["Deployment", "NetworkPolicy"]
    assert bodies(second)["Service"] == bodies(done)["Service"]
    assert bodies(second).keys() == {"Service"}
    assert target(done) == 18080
    back = uninject(done.text, only="services"), uninject(done.text, only="workloads")
    assert back[0].text == "---\n" + SERVICE
    assert back[1].text == join(NAMELESS, POLICY)


def test_halves_of_a_list_are_lists() -> None:
    whole = [json.loads(json.dumps(*documents(text))) for text in (NAMELESS, SERVICE)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": whole})

    services = json.loads(inject(text, only="services").text)
    workloads = json.loads(inject(text, only="workloads").text)
    assert [each["kind"] for each in services["items"]] == ["Service"]
    assert [each["kind"] for each in workloads["items"]] == ["Deployment"]


def test_what_is_chosen_by_hand_stays_with_what_it_cannot_reach() -> None:
    done = inject(join(DEPLOYMENT, SERVICE, POLICY), given={"drainproxy.io/capture": "names"})

    assert lines(done) == ["deployment/web bypassed (Service web targets 8080)"]
    assert target(done) == 8080
    assert done.report.captures_nothing
    redirect = inject(
        join(DEPLOYMENT, SERVICE, POLICY), given={"drainproxy.io/capture": "redirect"}
    )
    assert bodies(redirect)["NetworkPolicy"]["metadata"] == {"name": "front"}
    assert redirect.report.captures_all


def test_a_service_before_several_workloads_suits_them_all_or_none() -> None:
    def done(*texts: str) -> list[str]:
        second = texts[1].replace("name: web}", "name: v2}")
        return lines(inject(join(texts[0], second, SERVICE)))

    two_names = done(DEPLOYMENT, DEPLOYMENT)
    two_numbers = done(NAMELESS, NAMELESS)
    mixed = done(DEPLOYMENT, NAMELESS)
    off = done(
        NAMELESS, NAMELESS.replace("{app: web}", '{app: web, drainproxy.io/inject: "false"}')
    )
    named_off = done(
        DEPLOYMENT, DEPLOYMENT.replace("{app: web}", '{app: web, drainproxy.io/inject: "false"}')
    )

    assert {each.partition("(")[2] for each in two_names} == {"service rewrite: web 80 -> http)"}
    assert {each.partition("(")[2] for each in two_numbers} == {"service rewrite: web 80 -> 9181)"}
    assert {each.partition("(")[2] for each in mixed} == {"service rewrite: web 80 -> 9181)"}
    assert off[0] == (
        "deployment/web injected (redirect: 8080 -> 9181; Service web targets 8080:"
        " deployment/v2 gets no sidecar)"
    )
    assert named_off[0] == "deployment/web injected (service rewrite: web 80 -> http)"


def test_a_service_before_one_pod_of_a_stateful_set_is_changed_as_well() -> None:
    stateful = DEPLOYMENT.replace("Deployment", "StatefulSet").replace("name: web}", "name: db}")
    one = SERVICE.replace("{app: web}", "{statefulset.kubernetes.io/pod-name: db-0}")

    assert lines(inject(join(stateful, one))) == [
        "statefulset/db injected (service rewrite: web 80 -> http)"
    ]
    assert "unproved" in lines(inject(join(stateful, one.replace("db-0", "other-0"))))[0]
    assert "unproved" in lines(inject(join(DEPLOYMENT, one.replace("db-0", "web-0"))))[0]


def test_what_names_no_namespace_is_in_the_only_one_that_is_named() -> None:
    def done(service: str, deployment: str, *others: str) -> str:
        named = DEPLOYMENT.replace("{name: web}", f"{{name: web, namespace: {deployment}}}")
        front = SERVICE.replace("{name: web}", f"{{name: web, namespace: {service}}}")
        return lines(inject(join(named, front, *others)))[0]

    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {namespace: x}\n"
    other = POLICY.replace("{name: front}", "{name: front, namespace: other}")
    assert "web 80 -> http" in done("null", "shop")
    assert "web 80 -> http" in done("shop", "null", role)
    assert "unproved" in done("null", "shop", other)
    assert "unproved" in done("shop", "other")


def test_a_name_is_no_line_of_the_report_and_commands_no_terminal() -> None:
    named = DEPLOYMENT.replace("{name: web}", '{name: "web\\e[2J\\nweb injected"}', 1)
    (first,) = inject(named).report.text().splitlines()[:1]
    assert "\\x1b[2J\\nweb injected" in first


def test_a_line_says_why_a_workload_is_skipped() -> None:
    off = DEPLOYMENT.replace("{app: web}", '{app: web, drainproxy.io/inject: "false"}')
    head = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: "
    rollout, empty = head + "{workloadRef: {kind: Deployment, name: web}}\n", head + "{}\n"
    done = inject(join(off, rollout, empty))

    assert lines(done) == [
        'deployment/web skipped (drainproxy.io/inject is "false")',
        "rollout/? skipped (its pods are those of deployment/web)",
        "rollout/? skipped (it has no pod template)",
    ]
    assert done.text == join(off, rollout, empty)
    assert lines(uninject(off)) == ["deployment/web skipped (it is not injected)"]


@pytest.mark.parametrize(
    ("api", "kind", "wrap", "name"),
    [
        (
            "serving.knative.dev/v1",
            "Service",
            lambda pod: {"spec": {"template": pod}},
            "service.serving.knative.dev/a",
        ),
        (
            "extensions/v1beta1",
            "Deployment",
            lambda pod: {"spec": {"template": pod}},
            "deployment.extensions/a",
        ),
        (
            "argoproj.io/v1alpha1",
            "Workflow",
            lambda pod: {"spec": {"templates": [{"container": pod["spec"]["containers"][0]}]}},
            "workflow.argoproj.io/a",
        ),
        (
            "ray.io/v1",
            "RayService",
            lambda pod: {"spec": {"rayClusterConfig": {"headGroupSpec": {"template": pod}}}},
            "rayservice.ray.io/a",
        ),
        ("a.example/v1", "Odd", lambda pod: {"list": [{"deep": [pod]}]}, "odd.a.example/a"),
    ],
)
def test_what_makes_pods_and_cannot_be_injected_is_named(
    api: str, kind: str, wrap: Any, name: str
) -> None:
    body = {"apiVersion": api, "kind": kind, "metadata": {"name": "a"}, **wrap(pod())}
    done = inject(json.dumps(body))

    assert lines(done)[0].startswith(f"{name} unsupported (")
    assert done.report.text().endswith("0 injected, 0 skipped, 0 bypassed, 1 unsupported")
    assert done.report.captures_nothing
    assert done.text == json.dumps(body)


def test_a_knative_service_selects_no_pods() -> None:
    knative = SERVICE.replace("apiVersion: v1", "apiVersion: serving.knative.dev/v1")

    assert lines(inject(join(NAMELESS, knative)))[0].startswith("deployment/web injected (redirect")


@pytest.mark.parametrize("spec", ["spec: null\n", "spec:\n", ""])
def test_a_service_without_anything_stops_nobody(spec: str) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: empty}\n" + spec
    done = inject_all({"x.yaml": f"{DEPLOYMENT}---\n{SERVICE}---\n{service}"}, options())

    assert not done.failed
    assert done.text.endswith(service)


@pytest.mark.parametrize("spec", ["", "spec:", *(f"spec: {{template: {a}}}" for a in TEMPLATES)])
def test_a_workload_without_anything_stops_nobody(spec: str) -> None:
    """Null is what is not there to the API server (encoding/json of Go)."""
    workload = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: empty}}\n{spec}\n"
    done = inject_all({"x.yaml": f"{DEPLOYMENT}---\n{workload}"}, options())

    assert lines(done)[1].startswith("deployment/empty skipped (it has no ")
    assert lines(done)[0].startswith("deployment/web injected")
    assert done.text.endswith(workload)


def test_a_pod_that_cannot_be_read_comes_back_if_it_was_not_injected() -> None:
    text = DEPLOYMENT.replace("- name: web #", "- name: [web] #")
    done = uninject(text)

    assert lines(done) == ["deployment/web skipped (it is not injected)"]
    assert done.text == text


def test_every_mistake_of_every_file_is_told_with_its_place() -> None:
    wrong = "# a comment\n" + DEPLOYMENT.replace(
        "{app: web}", '{app: web}\n      annotations: {drainproxy.io/drain-delay: "3"}'
    )
    broken = DEPLOYMENT.replace("containers:", "containers: 3 #")
    forged = SERVICE.replace("{name: web}", '{name: web, annotations: {drainproxy.io/status: "x"}}')
    helm = "kind: {{ .Values.kind }}: x\n"
    done = inject(
        wrong, broken.split("      - name")[0], "a: 1\n---\nb: [", join(SERVICE, forged), helm
    )

    assert done.report.failed
    assert done.text == ""
    text = done.report.text()
    assert "0.yaml line 9 (document 1): deployment/web error\n" in text
    assert "\n  annotation drainproxy.io/drain-delay: '3' is not a duration" in text
    assert "1.yaml line 9 (document 1): deployment/web error\n  is no pod: Expected `array" in text
    assert "2.yaml line 3" in text
    assert ": is not valid YAML: " in text
    assert "3.yaml line 12 (document 2): service/web error\n" in text
    assert "4.yaml line 1: it is a Helm template: render it first" in text


def test_a_template_that_can_be_read_is_to_be_rendered_all_the_same() -> None:
    template = DEPLOYMENT.replace("image: web:1", 'image: "{{ .Values.image }}"')
    alert = "apiVersion: v1\nkind: ConfigMap\ndata: {alert: '{{ $labels.pod }} {{ .Values }}'}\n"

    assert "render it first" in inject(join(SERVICE, template)).report.text()
    assert not inject(join(DEPLOYMENT, alert)).report.failed


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

    assert [line.partition(" ")[2] for line in lines(done)] == [
        "injected (names; no Service in this input, unproved)"
    ]
    assert inject(done.text).text == done.text
    assert json.loads(uninject(done.text).text) == body


@dear
@given(before=pods())
def test_any_pod_in_a_yaml_file_is_restored(before: Json) -> None:
    text = _yaml({"apiVersion": "v1", "kind": "Pod", **before})
    done = inject(text)

    assert not done.report.failed
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
    return Document("", "", body, changed=True).render()


@pytest.mark.parametrize(
    "hook",
    [
        """\
        lifecycle:
          preStop:
            sleep:
              seconds: 15
""",
        """\
        lifecycle:
          preStop:
            exec:
              command: ["/bin/sh", "-c", "sleep 15"]  # for the balancer
""",
        """\
        lifecycle: {preStop: {exec: {command: [sleep, '15']}}} # once
""",
        """\
        lifecycle:
          # why
          preStop:   {"sleep": {seconds: 15}}
          postStart: {exec: {command: [warm-up]}}
""",
        """\
        lifecycle:
          preStop: # a
            exec: # b
              command:
              # c
              - sleep
              - "15"

        # d
""",
    ],
)
def test_a_sleep_that_is_replaced_comes_back_as_it_was_written(hook: str) -> None:
    text = DEPLOYMENT + hook
    done = inject(text, given={"drainproxy.io/replace-prestop-sleep": "true"})
    (web,) = bodies(done)["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert [*web["lifecycle"]["preStop"]] == ["httpGet"]
    assert uninject(done.text).text == text
    assert inject(done.text).text == done.text
