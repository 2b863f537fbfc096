"""Services of peers, which lead to pods that are not ready."""

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
