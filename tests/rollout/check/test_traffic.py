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
