"""The chart as Helm renders it with values of every kind."""

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.deploy.documents import documents
from tests.deploy.helm import CHART, Rendered, render
from tests.deploy.schemas import Object

Values = dict[str, Any]

PEM = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"
SELECTOR = [{"key": "team", "operator": "Exists"}]
WEBHOOK = "MutatingWebhookConfiguration"


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def external(**ca: str) -> Values:
    return {"webhook": {"externalSecret": True, "secretName": "ours", **ca}}


QUIET = {"watchServices": False, "events": False}

CASES: dict[str, Values] = {
    "default": {},
    "ha": read(CHART / "values-ha.yaml"),
    "cert-manager": {"certManager": {"enabled": True}},
    "cert-manager with an issuer": {
        "certManager": {"enabled": True, "issuerRef": {"kind": "ClusterIssuer", "name": "ca"}}
    },
    "external with a CA": external(caBundle=PEM),
    "external, CA from a Certificate": external(injectCaFrom="ns/cert"),
    "external, CA from a Secret": external(injectCaFromSecret="ns/secret"),
    "a certificate of our own": {"webhook": {"crtPEM": PEM, "keyPEM": PEM, "caBundle": PEM}},
    "annotations of namespaces": {"webhook": {"namespaceAnnotations": "api"}},
    "annotations of namespaces, policed": {
        "webhook": {"namespaceAnnotations": "api"},
        "networkPolicy": {"enabled": True, "metricsFrom": [{"namespaceSelector": {}}]},
    },
    "annotations of namespaces alone": {
        "webhook": {
            **external(caBundle=PEM)["webhook"],
            **QUIET,
            "namespaceAnnotations": "api",
        },
    },
    "events alone": {
        "webhook": {**external(caBundle=PEM)["webhook"], **QUIET, "events": True},
    },
    "blind": {
        "webhook": {"crtPEM": PEM, "keyPEM": PEM, "caBundle": PEM, **QUIET},
        "networkPolicy": {"enabled": True},
    },
    "everything": {
        "nameOverride": "drain",
        "fullnameOverride": "injector",
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"name": "other", "annotations": {"a": "b"}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"a": "b"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "proxy": {
            "image": {"repository": "proxy", "tag": "1"},
            "defaults": {"drain-delay": "10s", "max-connections": 5, "access-log": False},
        },
        "webhook": {
            "annotations": {"a": "b"},
            "namespaceSelector": SELECTOR,
            "objectSelector": SELECTOR,
        },
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": "50%"},
        "networkPolicy": {"enabled": True},
        "podMonitor": {
            "webhook": {"enabled": True},
            "proxy": {"enabled": True},
            "labels": {"release": "prometheus"},
        },
    },
}


@cache
def all_rendered() -> dict[str, Rendered]:
    return dict(zip(CASES, render(*CASES.values()), strict=True))


@cache
def objects(case: str) -> tuple[Object, ...]:
    rendered = all_rendered()[case]
    assert not rendered.error
    manifests = (text for name, text in rendered.files.items() if name.endswith(".yaml"))
    loaded = (thing for text in manifests for thing in documents(text))
    return tuple(filter(None, loaded))


def of_kind(case: str, kind: str) -> list[Object]:
    return [thing for thing in objects(case) if thing["kind"] == kind]


def only(case: str, kind: str) -> Object:
    (thing,) = of_kind(case, kind)
    return thing


def pod(case: str) -> Object:
    template: Object = only(case, "Deployment")["spec"]["template"]
    return template


def keeps_its_own(case: str) -> bool:
    """Whether the webhook makes its certificate itself."""
    values, webhook = CASES[case], CASES[case].get("webhook", {})
    given = webhook.get("externalSecret") or webhook.get("crtPEM")
    return not (values.get("certManager", {}).get("enabled") or given)
