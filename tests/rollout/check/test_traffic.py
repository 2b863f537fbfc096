"""What Services lead to: pods that are not ready, ports without a name, kinds of others."""

import pytest

from .changes import checked
from .test_relations import APP, service

PEERS = "{app: web}, publishNotReadyAddresses: true"
HEADLESS = f"{PEERS}, clusterIP: None"


@pytest.mark.parametrize(
    ("texts", "levels"),
    [
        ((service(HEADLESS, name="gossip"), service("{app: web}")), []),
        ((service(HEADLESS, name="gossip"),), ["warning"]),
        ((service(HEADLESS, name="gossip"), service(PEERS)), ["warning", "error"]),
        ((service(PEERS, name="gossip"), service("{app: web}")), ["error"]),
        ((service(HEADLESS.replace("web", "nobody"), name="gossip"),), ["warning"]),
    ],
)
def test_a_headless_service_of_peers_may_stand_beside_one_for_clients(
    texts: tuple[str, ...], levels: list[str]
) -> None:
    found = checked("---\n".join([APP, *texts])).findings
    assert [each.level for each in found if each.rule == "publishes-unready-pods"] == levels


@pytest.mark.parametrize(
    ("ports", "right"),
    [
        (
            "[{name: http, containerPort: 80}, {name: grpc, containerPort: 81}]",
            "write http or grpc",
        ),
        ("[{containerPort: 80}]", "write its number, for none has a name"),
    ],
)
def test_a_port_that_no_container_names_is_told_with_what_would_be_right(
    ports: str, right: str
) -> None:
    pod = f"{{containers: [{{name: web, image: a, ports: {ports}}}]}}"
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
        f"  template: {{metadata: {{labels: {{app: web}}}}, spec: {pod}}}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        "spec: {selector: {app: web}, ports: [{port: 80, targetPort: web}]}\n"
    )
    (told,) = (e.message for e in checked(text).findings if e.rule == "service-port-unknown")
    assert told.endswith(f"no container of deployment/web has a port named 'web': {right}")


def box(*texts: str) -> tuple[str, str]:
    (found,) = (each for each in checked("---\n".join(texts)).boxes if each.section.id == "traffic")
    return found.state, found.note


def test_pods_of_a_kind_that_is_not_looked_at_are_named() -> None:
    config = APP.replace("apps/v1", "apps.openshift.io/v1").replace(
        "Deployment", "DeploymentConfig"
    )
    said = "service/web: deploymentconfig/web is behind it, whose kind is not looked at"
    assert box(config, service("{app: web}")) == ("not applicable", said)


def test_a_copy_of_a_service_is_not_said_to_lead_nowhere() -> None:
    probe = "readinessProbe: {grpc: {port: 1}}, lifecycle: {preStop: {sleep: {seconds: 9}}}"
    app = APP.replace("{name: web}]", f"{{name: web, {probe}}}]")
    assert box(app, service("{app: web}"), service("{app: web}"))[0] == "ticked"
    assert box(app, service("{app: web}"), service("{app: web}", "other"))[0] == "not applicable"


@pytest.mark.parametrize(
    "label", ["statefulset.kubernetes.io/pod-name: web-0", "rollouts-pod-template-hash: 5f6"]
)
def test_a_service_of_some_pods_of_a_workload_is_told_from_one_of_none(label: str) -> None:
    said = "service/web: it selects pods of deployment/web by a label of their controller"
    assert box(APP, service(f"{{app: web, {label}}}")) == ("not applicable", said)
    nothing = "service/web: no workload of this input is behind it"
    assert box(APP, service(f"{{app: db, {label}}}")) == ("not applicable", nothing)


@pytest.mark.parametrize(("policy", "known"), [("Always", True), ("OnFailure", False)])
def test_one_of_several_workloads_may_have_the_port_at_a_native_sidecar(
    policy: str, known: bool
) -> None:
    """EndpointSlices leave the pods out that have no port of the name."""
    port = "ports: [{name: front, containerPort: 8443}]"
    native = f"      initContainers: [{{name: own, restartPolicy: {policy}, {port}}}]\n      cont"
    with_it = APP.replace("name: web, n", "name: new, n").replace("      cont", native)
    front = service("{app: web}").replace("port: 80", "port: 80, targetPort: front")
    found = checked("---\n".join((APP, with_it, front))).findings
    assert ("service-port-unknown" in {each.rule for each in found}) is not known
