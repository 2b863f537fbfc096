"""The Helm chart, rendered by Helm itself with values of every kind."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from click import Context
from ruamel.yaml import YAML

from drainproxy import __version__
from drainproxy.cli import main
from drainproxy.kube.containers import METRICS_PORT
from tests.deploy.chart import (
    CASES,
    PEM,
    WEBHOOK,
    Values,
    all_rendered,
    external,
    keeps_its_own,
    objects,
    of_kind,
    only,
    pod,
    read,
)
from tests.deploy.helm import CHART, Rendered, lint, render
from tests.deploy.schemas import NEWEST, OLDEST, Object, validate

# What may be set and is not in values.yaml.
NO_DEFAULT = {"global", "claims"}


# What a cluster says


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("case", CASES)
def test_every_object_is_valid(case: str, version: str) -> None:
    for thing in objects(case):
        validate(thing, version)


def test_a_field_that_no_api_knows_is_not_valid() -> None:
    for kind in ("Deployment", "Certificate"):
        thing = of_kind("default" if kind == "Deployment" else "cert-manager", kind)[0]
        with pytest.raises(Exception, match="nosuch"):
            validate(thing | {"spec": thing["spec"] | {"nosuch": 1}}, NEWEST)


def test_lint_has_nothing_to_say() -> None:
    assert lint() == []


def test_the_chart_is_of_the_version_of_the_package() -> None:
    chart = read(CHART / "Chart.yaml")
    assert chart["version"] == chart["appVersion"] == __version__


# Which pods the API server asks about


def matches(selector: Object, labels: dict[str, str]) -> bool:
    def holds(key: str, operator: str, values: list[str]) -> bool:
        return (labels.get(key) in values) == (operator == "In")

    return all(holds(**expression) for expression in selector["matchExpressions"])


def asked(namespace: dict[str, str], pod: dict[str, str]) -> int:
    """How often the API server asks about a pod with these labels."""
    return sum(
        matches(hook["namespaceSelector"], namespace) and matches(hook["objectSelector"], pod)
        for hook in only("default", WEBHOOK)["webhooks"]
    )


@pytest.mark.parametrize(
    ("namespace", "pod", "times"),
    [
        (None, None, 0),
        (None, "true", 1),
        (None, "false", 0),
        ("true", None, 1),
        ("true", "true", 1),
        ("true", "false", 0),
        ("false", None, 0),
        ("false", "true", 1),
        ("false", "false", 0),
    ],
)
def test_the_label_of_a_pod_beats_that_of_its_namespace(
    namespace: str | None, pod: str | None, times: int
) -> None:
    def labels(value: str | None) -> dict[str, str]:
        return {} if value is None else {"drainproxy.io/inject": value}

    ours = {"kubernetes.io/metadata.name": "shop"}
    assert asked(labels(namespace) | ours, labels(pod)) == times
    system = {"kubernetes.io/metadata.name": "kube-system"}
    assert asked(labels(namespace) | system, labels(pod)) == 0


@pytest.mark.parametrize("case", CASES)
def test_the_webhook_is_asked_about_new_pods_alone(case: str) -> None:
    service = only(case, "Service")
    for hook in only(case, WEBHOOK)["webhooks"]:
        (rule,) = hook["rules"]
        assert (rule["resources"], rule["operations"]) == (["pods"], ["CREATE"])
        assert hook["sideEffects"] in ("None", "NoneOnDryRun")
        assert hook["timeoutSeconds"] == 10
        assert hook["reinvocationPolicy"] == "IfNeeded"
        assert hook["failurePolicy"] == ("Fail" if case == "ha" else "Ignore")
        target = hook["clientConfig"]["service"]
        assert (target["name"], target["path"]) == (service["metadata"]["name"], "/inject")
        assert target["port"] == service["spec"]["ports"][0]["port"]


@pytest.mark.parametrize("case", CASES)
def test_the_webhooks_own_pods_never_wait_for_a_webhook(case: str) -> None:
    assert asked({"drainproxy.io/inject": "true"}, pod(case)["metadata"]["labels"]) == 0


# Values that cannot be, and what the error names.
REFUSED: list[tuple[Values, str]] = [
    (external(), "needs the CA"),
    (external(caBundle=PEM) | {"certManager": {"enabled": True}}, "exclude each other"),
    ({"webhook": {"crtPEM": PEM}}, "keyPEM"),
    ({"replicaCount": "three"}, "/replicaCount"),
    ({"webhook": {"failurePolicy": "Maybe"}}, "/webhook/failurePolicy"),
    ({"webhok": {}}, "webhok"),
    ({"proxy": {"defaults": {"drainproxy.io/drain-delay": "1s"}}}, "drainproxy.io/drain-delay"),
]


@cache
def all_refused() -> list[Rendered]:
    return render(*(values for values, _ in REFUSED))


@pytest.mark.parametrize(("values", "told"), REFUSED)
def test_values_that_cannot_be_are_refused_with_their_name(values: Values, told: str) -> None:
    assert told in all_refused()[REFUSED.index((values, told))].error


def test_the_schema_knows_every_value() -> None:
    def strange(values: Any, schema: Any, at: str = "") -> Iterator[str]:
        known = schema.get("properties")
        if known is not None and isinstance(values, dict):
            yield from (f"{at}/{name}" for name in {*values} ^ {*known} - NO_DEFAULT)
            for name in {*values} & {*known}:
                yield from strange(values[name], known[name], f"{at}/{name}")

    schema = json.loads((CHART / "values.schema.json").read_text())
    values = read(CHART / "values.yaml")
    values["certManager"]["issuerRef"] = {"kind": "", "name": "", "group": ""}
    assert list(strange(values, schema)) == []


# Rights and safety


def rights(case: str) -> dict[str, set[str]]:
    """Resource -> verbs, in all namespaces."""
    rules = [rule for role in of_kind(case, "ClusterRole") for rule in role["rules"]]
    return {resource: {*rule["verbs"]} for rule in rules for resource in rule["resources"]}


def test_who_asks_the_api_server_nothing_has_no_rights_and_no_token() -> None:
    assert {thing["kind"] for thing in objects("blind")} == {
        *("ConfigMap", "Deployment", WEBHOOK, "NetworkPolicy"),
        *("Secret", "Service", "ServiceAccount"),
    }
    assert pod("blind")["spec"]["automountServiceAccountToken"] is False
    assert {hook["sideEffects"] for hook in only("blind", WEBHOOK)["webhooks"]} == {"None"}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            "default",
            {
                "namespaces": {"get", "list", "watch"},
                "services": {"list", "watch"},
                "events": {"create"},
                "mutatingwebhookconfigurations": {"get", "patch"},
            },
        ),
        ("annotations of namespaces alone", {"namespaces": {"get"}}),
        ("events alone", {"events": {"create"}}),
    ],
)
def test_it_may_do_what_it_is_asked_to_and_nothing_else(
    case: str, expected: dict[str, set[str]]
) -> None:
    assert rights(case) == expected
    (subject,) = only(case, "ClusterRoleBinding")["subjects"]
    spec = pod(case)["spec"]
    assert subject["name"] == spec["serviceAccountName"]
    assert spec["automountServiceAccountToken"] is True


def test_its_memory_has_an_end() -> None:
    for case in ("default", "ha"):
        (container,) = pod(case)["spec"]["containers"]
        assert container["resources"]["limits"]["memory"] == "512Mi"


@pytest.mark.parametrize("case", CASES)
def test_it_runs_as_restricted_as_pods_can_be(case: str) -> None:
    spec = pod(case)["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_a_policy_lets_nothing_out_that_asks_nobody() -> None:
    assert only("blind", "NetworkPolicy")["spec"]["egress"] == []
    (egress,) = only("annotations of namespaces, policed", "NetworkPolicy")["spec"]["egress"]
    assert {port["port"] for port in egress["ports"]} == {53, 443, 6443}


# Many of them


def test_with_ha_values_they_are_three_on_three_nodes() -> None:
    deployment = only("ha", "Deployment")["spec"]
    labels = pod("ha")["metadata"]["labels"]
    affinity = pod("ha")["spec"]["affinity"]["podAntiAffinity"]
    (required,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    (preferred,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert deployment["replicas"] == 3
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 1
    assert required["topologyKey"] == "kubernetes.io/hostname"
    for term in (required, preferred["podAffinityTerm"]):
        assert term["labelSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("case", CASES)
def test_whatever_selects_the_webhooks_pods_selects_them(case: str) -> None:
    labels = pod(case)["metadata"]["labels"].items()
    specs = {thing["kind"]: thing["spec"] for thing in objects(case) if "spec" in thing}
    assert specs["Service"]["selector"].items() <= labels
    for kind, name in {
        "Deployment": "selector",
        "PodDisruptionBudget": "selector",
        "NetworkPolicy": "podSelector",
    }.items():
        if kind in specs:
            assert specs[kind][name]["matchLabels"].items() <= labels


def test_settings_for_all_reach_the_webhook_as_a_file() -> None:
    text = only("everything", "ConfigMap")["data"]["defaults.yaml"]
    assert YAML(typ="safe").load(text) == CASES["everything"]["proxy"]["defaults"]
    before, after = (pod(case)["metadata"]["annotations"] for case in ("default", "everything"))
    assert before["checksum/defaults"] != after["checksum/defaults"], "it would not be read again"


# Version of the cluster, settings for all, and what pods get of both.
CLUSTERS: list[tuple[str, Values, Values]] = [
    ("1.32.9", {}, {"native-sidecar": False}),
    ("v1.32.7-gke.1200", {}, {"native-sidecar": False}),
    ("1.32.7", {"native-sidecar": True}, {"native-sidecar": True}),
    ("1.33.0", {}, {}),
    ("v1.33.1-eks-1", {}, {}),
    ("v1.36.2+k3s1", {"drain-delay": "1s"}, {"drain-delay": "1s"}),
]


@cache
def all_clusters() -> list[Rendered]:
    return render(
        *({"kubeVersion": version, "proxy": {"defaults": said}} for version, said, _ in CLUSTERS)
    )


@pytest.mark.parametrize(("version", "said", "expected"), CLUSTERS)
def test_where_no_name_is_found_at_a_native_sidecar_it_is_a_plain_container(
    version: str, said: Values, expected: Values
) -> None:
    rendered = all_clusters()[CLUSTERS.index((version, said, expected))]
    text = YAML(typ="safe").load(rendered.files["configmap.yaml"])["data"]["defaults.yaml"]
    assert YAML(typ="safe").load(text) == expected


def test_the_image_that_is_injected_can_be_another() -> None:
    def image(case: str) -> str:
        (container,) = pod(case)["spec"]["containers"]
        (flag,) = (flag for flag in container["args"] if flag.startswith("--image="))
        return str(flag)

    assert image("default") == f"--image=drainproxy:{__version__}"
    assert image("everything") == "--image=proxy:1"


@pytest.mark.parametrize("case", ["default", "ha"])
def test_the_notes_say_what_happens_while_no_webhook_answers(case: str) -> None:
    notes = all_rendered()[case].files["NOTES.txt"]
    assert "kubectl label namespace NAME drainproxy.io/inject=true" in notes
    assert f"drainproxy inject --image drainproxy:{__version__} " in notes
    assert ("cannot be created" in notes) is (case == "ha")


@pytest.mark.parametrize("case", CASES)
def test_the_webhook_takes_the_flags_of_the_chart(case: str) -> None:
    (container,) = pod(case)["spec"]["containers"]
    name, *flags = container["args"]
    command = main.get_command(Context(main), name)
    assert command is not None
    with command.make_context(name, list(flags)) as context:
        given = context.params
    assert given["listen"].port == container["ports"][0]["containerPort"]
    assert given["observe"].port == container["ports"][1]["containerPort"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    files = [given[file] for file in ("tls_cert", "tls_key", "defaults") if given[file]]
    assert {str(file.parent) for file in files} == mounts
    assert bool(given["tls_secret"]) is keeps_its_own(case)


def test_what_the_chart_monitors_is_what_is_injected() -> None:
    (spec,) = (
        monitor["spec"]
        for monitor in of_kind("everything", "PodMonitor")
        if monitor["metadata"]["name"].endswith("-proxy")
    )
    assert spec["podMetricsEndpoints"][0]["port"] == METRICS_PORT
    assert {"rollouts-pod-template-hash", "pod-template-hash"} <= {*spec["podTargetLabels"]}
