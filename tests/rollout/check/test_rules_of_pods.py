"""Single questions about pods that have more than one spelling."""

import pytest

from .changes import checked
from .test_relations import APP, service

ROLLOUT = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web, namespace: shop}\n"
    "spec: {workloadRef: {kind: Deployment, name: web}, progressDeadlineSeconds: 30}\n"
)
_DURING = "DuringSchedulingIgnoredDuringExecution"
REQUIRED = f"affinity: {{podAntiAffinity: {{required{_DURING}: [%s]}}}}"
PREFERRED = f"affinity: {{podAntiAffinity: {{preferred{_DURING}: [{{podAffinityTerm: %s}}]}}}}"


def rules(*texts: str) -> set[tuple[str, str]]:
    return {(each.rule, each.object) for each in checked("---\n".join(texts)).findings}


def test_the_deadline_of_a_rollout_is_held_against_the_template_that_it_refers_to() -> None:
    slow = APP.replace("{name: web}]", "{name: web, startupProbe: {failureThreshold: 9}}]")

    assert ("deadline-before-ready", "rollout/web") in rules(slow, ROLLOUT)
    assert ("deadline-before-ready", "rollout/web") not in rules(APP, ROLLOUT)


def test_the_startup_budget_of_our_sidecar_needs_no_longer_deadline() -> None:
    """Flagger's documentation has a deadline of 60 s, which `inject` must not make an error."""
    probe = "startupProbe: {periodSeconds: 1, failureThreshold: 120}"
    deadline = "spec:\n  progressDeadlineSeconds: 60\n"
    for name, short in (("drainproxy", False), ("cache", True)):
        native = f"      initContainers: [{{name: {name}, restartPolicy: Always, {probe}}}]\n"
        app = APP.replace("spec:\n", deadline, 1).replace("      cont", f"{native}      cont")
        assert (("deadline-before-ready", "deployment/web") in rules(app)) is short


def test_what_the_pod_requests_is_for_all_its_containers() -> None:
    asks = "spec:\n      resources: {requests: {cpu: 1, memory: 1Gi}}\n      containers"
    whole = APP.replace("spec:\n      containers", asks)
    missing = ("requests-missing", "deployment/web")

    assert missing in rules(APP, service("{app: web}"))
    assert missing not in rules(whole, service("{app: web}"))
    assert missing in rules(whole.replace("cpu: 1, ", ""), service("{app: web}"))


@pytest.mark.parametrize(
    ("ready", "live", "same"),
    [
        ("path: /ok, port: 8080", "path: /ok, port: http", True),
        ("path: /, port: http", "port: http", True),
        ("port: http, scheme: HTTP", "port: http", True),
        ("port: http, scheme: HTTPS", "port: http", False),
        ("port: http", "port: http, httpHeaders: [{name: a, value: b}]", False),
        ("path: /ok, port: http", "path: /live, port: http", False),
    ],
)
def test_probes_are_identical_however_they_are_written(ready: str, live: str, same: bool) -> None:
    asks = (
        "{name: web, ports: [{name: http, containerPort: 8080}],"
        f" readinessProbe: {{httpGet: {{{ready}}}}}, livenessProbe: {{httpGet: {{{live}}}}}}}]"
    )
    found = rules(APP.replace("{name: web}]", asks), service("{app: web}"))
    assert (("probes-identical", "deployment/web") in found) is same


@pytest.mark.parametrize(
    ("probe", "missing"),
    [
        ("{}", True),
        ("{periodSeconds: 5}", True),
        ("{httpGet: null}", True),
        ("{httpGet: {port: 80}}", False),
        ("{tcpSocket: {port: 80}}", False),
        ("{grpc: {port: 80}}", False),
        ("{exec: {command: [ready]}}", False),
    ],
)
def test_a_probe_that_asks_nothing_is_none(probe: str, missing: bool) -> None:
    """Charts render `{}` where a probe is switched off."""
    probes = f"readinessProbe: {probe}, livenessProbe: {probe}"
    app = APP.replace("{name: web}]", f"{{name: web, {probes}}}]")
    found = {rule for rule, _ in rules(app, service("{app: web}"))}
    assert ({"readiness-probe-missing", "liveness-probe-missing"} <= found) is missing
    said = {each.note for each in checked(app + "---\n" + service("{app: web}")).boxes}
    assert any("a readinessProbe that asks nothing" in each for each in said) is missing


@pytest.mark.parametrize(
    ("hook", "held"),
    [
        ("{}", False),
        ("{sleep: {seconds: 0}}", False),
        ("{sleep: {seconds: 5}}", True),
        ("{httpGet: {port: 1}}", True),
        ("{exec: {command: [/wait-shutdown]}}", True),
        ("{exec: {command: [/usr/sbin/nginx, -s, quit]}}", False),
        ("{exec: {command: [sh, -c, nginx -s quit]}}", False),
        ("{exec: {command: [sh, -c, 'sleep 5; nginx -s quit']}}", True),
        ("{exec: {command: [sh, -c, 'nginx -s quit; while pgrep nginx; do sleep 1; done']}}", True),
        ("{exec: {command: [kill, -QUIT, '1']}}", False),
        ("{exec: {command: [/bin/bash, -ec, kill -s TERM 1]}}", False),
        ("{exec: {command: [kill, '12']}}", True),
        ("{exec: {command: [/bin/true]}}", False),
        ("{exec: {command: [sh, -c, exit 0]}}", False),
        ("{exec: {command: [sh, -c, 'echo bye']}}", False),
        ("{exec: {command: [sh, -c, 'echo bye; ./drain']}}", True),
        ("{exec: {command: []}}", False),
        ("{exec: {}}", False),
    ],
)
def test_a_hook_holds_the_app_back_if_it_does_something(hook: str, held: bool) -> None:
    app = APP.replace("{name: web}]", f"{{name: web, lifecycle: {{preStop: {hook}}}}}]")
    found = rules(app, service("{app: web}"))
    assert (("prestop-missing-behind-service", "deployment/web") in found) is not held


@pytest.mark.parametrize(
    ("spread", "missing"),
    [
        ("topologySpreadConstraints: [{labelSelector: {matchLabels: {app: web}}}]", False),
        ("topologySpreadConstraints: [{labelSelector: {}}]", False),
        ("topologySpreadConstraints: [{topologyKey: zone}]", True),
        ("topologySpreadConstraints: [{labelSelector: {matchLabels: {app: wbe}}}]", True),
        (REQUIRED % "{labelSelector: {matchLabels: {app: web}}}", False),
        (REQUIRED % "{labelSelector: {matchLabels: {app: batch}}}", True),
        (REQUIRED % "", True),
        (PREFERRED % "{labelSelector: {matchExpressions: [{key: app, operator: Exists}]}}", False),
        (PREFERRED % "{labelSelector: {matchLabels: {app: batch}}}", True),
    ],
)
def test_pods_are_kept_apart_by_a_selector_of_their_own_labels(spread: str, missing: bool) -> None:
    """A missing labelSelector selects nothing (LabelSelector of meta/v1)."""
    app = APP.replace("spec:\n", "spec:\n  replicas: 2\n", 1)
    app = app.replace("      containers", f"      {spread}\n      containers")

    found = rules(app, service("{app: web}"))
    assert (("spread-missing", "deployment/web") in found) is missing


@pytest.mark.parametrize("grace", [6, 12, 15, 16, 30, 60])
@pytest.mark.parametrize("sleep", [2, 10, 25])
@pytest.mark.parametrize("drain", ["", 'drainproxy.io/drain-timeout: "20s"'])
def test_what_is_said_about_the_grace_period_makes_it_long_enough(
    grace: int, sleep: int, drain: str
) -> None:
    """A drain that nobody has set is as long as the grace period allows: more would not help."""

    def message(grace: str, drain: str) -> str:
        notes = f"      annotations:\n        drainproxy.io/inject: 'true'\n        {drain}\n"
        app = APP.replace("    spec:\n", f"{notes}    spec:\n      {grace}\n", 1)
        hook = f"{{name: web, lifecycle: {{preStop: {{sleep: {{seconds: {sleep}}}}}}}}}]"
        found = checked(app.replace("{name: web}]", hook)).findings
        return next((each.message for each in found if each.rule == "grace-covers-drain"), "")

    is_ = f"terminationGracePeriodSeconds: {grace}"
    if said := message(is_, drain):
        right = said.partition(": set ")[2]
        is_grace = right.startswith("termination")
        assert message(*((right, drain) if is_grace else (is_, right))) == ""


@pytest.mark.parametrize(
    ("replicas", "rolling", "right"),
    [
        (1, "{maxSurge: 0, maxUnavailable: 1}", "maxUnavailable: 0 and maxSurge: 1"),
        (1, "{maxSurge: 0}", "maxUnavailable: 0 and maxSurge: 1"),
        (1, "{maxUnavailable: 1}", "maxUnavailable: 0"),
        (2, "{maxSurge: 0, maxUnavailable: 2}", "maxUnavailable: 1"),
    ],
)
def test_what_is_said_about_capacity_lets_a_rollout_begin(
    replicas: int, rolling: str, right: str
) -> None:
    """maxSurge and maxUnavailable may not both be 0 (validation of the API)."""
    strategy = f"spec:\n  replicas: {replicas}\n  strategy: {{rollingUpdate: {rolling}}}\n"
    app = APP.replace("spec:\n", strategy, 1)
    found = checked(app).findings
    (said,) = (each.message for each in found if each.rule == "rollout-loses-capacity")
    assert said.partition(": set ")[2] == right


@pytest.mark.parametrize(
    ("replicas", "away", "right"),
    [
        (1, 1, ""),
        (3, 1, ""),
        (3, 2, ""),
        (3, 3, "maxUnavailable: 2"),
        (3, "100%", "maxUnavailable: 2"),
    ],
)
def test_a_rollout_of_a_stateful_set_leaves_one_of_several_pods(
    replicas: int, away: int | str, right: str
) -> None:
    rolling = f"{{rollingUpdate: {{maxUnavailable: {away}}}}}"
    more = f"spec:\n  replicas: {replicas}\n  updateStrategy: {rolling}\n"
    app = APP.replace("Deployment", "StatefulSet").replace("spec:\n", more, 1)
    found = [e.message for e in checked(app).findings if e.rule == "rollout-loses-capacity"]
    assert "".join(found).partition(": set ")[2] == right


def test_nobody_counts_the_pods_of_a_daemon_set() -> None:
    none = "spec:\n  updateStrategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 0}}\n"
    app = APP.replace("Deployment", "DaemonSet").replace("spec:\n", none, 1)
    (said,) = (e.message for e in checked(app).findings if e.rule == "surge-cannot-start")
    assert "maxUnavailable 0 and maxSurge 0 leave" in said
