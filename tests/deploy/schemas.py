"""What the API server would say of an object, unknown fields included."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import kubernetes_validate
import msgspec
from kubernetes_validate import utils

from tests.deploy import engines

OLDEST, NEWEST = "1.29", kubernetes_validate.latest_version()

Object = dict[str, Any]


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A part of a custom resource: what we set of it, as its API names it."""


class Metadata(Strict):
    name: str
    namespace: str
    labels: dict[str, str]


class Authority(Strict):
    secret_name: str


class IssuerSpec(Strict):
    self_signed: dict[str, str] | None = None
    ca: Authority | None = None


class Issuer(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: IssuerSpec


class IssuerRef(Strict):
    name: str
    kind: str = "Issuer"
    group: str = "cert-manager.io"


class PrivateKey(Strict):
    algorithm: str
    rotation_policy: str


class CertificateSpec(Strict):
    secret_name: str
    duration: str
    private_key: PrivateKey
    issuer_ref: IssuerRef
    dns_names: list[str] = []
    usages: list[str] = []
    renew_before: str = ""
    common_name: str = ""
    is_ca: bool = msgspec.field(default=False, name="isCA")


class Certificate(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: CertificateSpec


class AnyNamespace(Strict):
    any: bool


class Selector(Strict):
    match_labels: dict[str, str] = {}


class Endpoint(Strict):
    port: str
    interval: str
    scrape_timeout: str


class PodMonitorSpec(Strict):
    selector: Selector
    pod_metrics_endpoints: list[Endpoint]
    namespace_selector: AnyNamespace | None = None
    pod_target_labels: list[str] | None = None


class PodMonitor(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: PodMonitorSpec


class Rule(Strict):
    expr: str
    record: str = ""
    alert: str = ""
    # A Go duration, as `for` is.
    for_: str = msgspec.field(name="for", default="0s")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class RuleGroup(Strict):
    name: str
    rules: list[Rule]
    interval: str = ""


class PrometheusRuleSpec(Strict):
    groups: list[RuleGroup]


class PrometheusRule(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: PrometheusRuleSpec


CUSTOM: Mapping[tuple[str, str], type[msgspec.Struct]] = {
    ("cert-manager.io/v1", "Certificate"): Certificate,
    ("cert-manager.io/v1", "Issuer"): Issuer,
    ("monitoring.coreos.com/v1", "PodMonitor"): PodMonitor,
    ("monitoring.coreos.com/v1", "PrometheusRule"): PrometheusRule,
    **engines.CUSTOM,
}

# It would list the versions and read the schemas anew, megabytes of them, for each object.
for _name in ("all_versions", "schema_contents"):
    setattr(utils, _name, cache(getattr(utils, _name)))


def validate(thing: Object, version: str) -> None:
    """Raises if a cluster of this version would not take it as it is."""
    custom = CUSTOM.get((thing["apiVersion"], thing["kind"]))
    if custom is None:
        kubernetes_validate.validate(thing, version, strict=True)
        return
    msgspec.convert(thing, custom)
    for inner in engines.embedded(thing):
        kubernetes_validate.validate(inner, version, strict=True)
