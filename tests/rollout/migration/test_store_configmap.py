"""The API server refuses one of two writers; whatever else it says lets nothing pass."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User

from drainproxy.rollout.migration.state import Damaged, State
from drainproxy.rollout.migration.store import Conflict, Loaded, StoreError
from drainproxy.rollout.migration.store_configmap import FLOORS, PREFIX, ConfigMapStore
from tests.rollout.migration.api_server import Answer, ApiServer, api_server, status

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
EXPAND = State(phase="expand", version=7, since=NOW)
CONTRACT = State(revision=2, phase="contract", version=7, since=NOW, floor=7)
RECORD = PREFIX + "shop"


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def api(server: ApiServer) -> ApiServer:
    server.reset()
    return server


def client_of(url: str) -> Client:
    cluster = Cluster(server=url)
    config = KubeConfig.from_one(cluster=cluster, user=User(), namespace="dev")
    return Client(config=config, trust_env=False)


@pytest.fixture(scope="module")
def clients(server: ApiServer) -> Iterator[list[Client]]:
    both = [client_of(server.url) for _ in range(2)]
    yield both
    for client in both:
        client.close()


@pytest.fixture
def store(clients: list[Client], api: ApiServer) -> ConfigMapStore:
    return ConfigMapStore("prod", clients[0])


@pytest.fixture
def other(clients: list[Client]) -> ConfigMapStore:
    return ConfigMapStore("prod", clients[1])


def save(store: ConfigMapStore, state: State) -> None:
    store.save("shop", store.load("shop"), state)


def test_what_is_saved_is_loaded(store: ConfigMapStore, api: ApiServer) -> None:
    assert store.load("shop").state is None
    save(store, EXPAND)
    assert store.load("shop").state == EXPAND
    save(store, CONTRACT)
    assert store.load("shop").state == CONTRACT

    assert api.data("prod", RECORD) == {
        "revision": "2",
        "phase": "contract",
        "version": "7",
        "floor": "7",
        "since": "2026-11-29T12:00:00Z",
    }
    assert set(api.objects) == {("prod", RECORD), ("prod", FLOORS)}


def test_the_namespace_of_the_credentials_is_taken_where_none_is_named(
    clients: list[Client], api: ApiServer
) -> None:
    save(ConfigMapStore(None, clients[0]), EXPAND)

    assert set(api.objects) == {("dev", RECORD)}


@pytest.mark.parametrize("there", [False, True], ids=["create", "replace"])
def test_of_two_who_have_read_the_same_one_succeeds(
    store: ConfigMapStore, other: ConfigMapStore, there: bool
) -> None:
    if there:
        save(store, EXPAND)
    both = store.load("shop"), other.load("shop")
    store.save("shop", both[0], CONTRACT)

    with pytest.raises(Conflict, match="somebody else has written the ConfigMap"):
        other.save("shop", both[1], State(revision=2, deployed_version=6, deployed_at=NOW))
    assert store.load("shop").state == CONTRACT


def test_who_loses_raises_no_floor(
    store: ConfigMapStore, other: ConfigMapStore, api: ApiServer
) -> None:
    save(store, EXPAND)
    both = store.load("shop"), other.load("shop")
    store.save("shop", both[0], State(revision=2, deployed_version=6, deployed_at=NOW))

    with pytest.raises(Conflict):
        other.save("shop", both[1], CONTRACT)
    assert api.data("prod", FLOORS) is None


def test_the_floors_of_other_apps_stay(store: ConfigMapStore, api: ApiServer) -> None:
    api.put("prod", FLOORS, {"bank": "3"})
    save(store, CONTRACT)

    assert api.data("prod", FLOORS) == {"bank": "3", "shop": "7"}


def test_a_floor_is_written_though_others_write_theirs(
    store: ConfigMapStore, api: ApiServer
) -> None:
    disturbances = iter(["1", "2", "3"])

    def disturb(method: str, path: str) -> Answer | None:
        is_write = method == "PUT" and path.endswith(FLOORS)
        if is_write and (floor := next(disturbances, None)) is not None:
            api.put("prod", FLOORS, {"bank": floor})
        return None

    api.put("prod", FLOORS, {})
    api.before = disturb
    save(store, CONTRACT)

    assert api.data("prod", FLOORS) == {"bank": "3", "shop": "7"}


def test_a_floor_only_rises(store: ConfigMapStore, api: ApiServer) -> None:
    loaded = store.load("shop")
    api.put("prod", FLOORS, {"shop": "9"})
    store.save("shop", loaded, CONTRACT)

    assert api.data("prod", FLOORS) == {"shop": "9"}


def test_a_floor_that_was_not_written_is_written_by_the_next_who_writes(
    store: ConfigMapStore, api: ApiServer
) -> None:
    def fail(method: str, path: str) -> Answer | None:
        is_written = ("prod", RECORD) in api.objects
        return status(503, "Unavailable") if is_written and path.endswith(FLOORS) else None

    api.before = fail
    with pytest.raises(StoreError, match="it is Unavailable"):
        save(store, CONTRACT)
    assert api.data("prod", FLOORS) is None

    api.before = lambda method, path: None
    assert store.load("shop").state == CONTRACT
    save(store, State(revision=3, phase="complete", version=7, since=NOW, floor=7))
    assert api.data("prod", FLOORS) == {"shop": "7"}


def test_a_floor_that_is_lost_is_a_doubt_beside_a_record_that_is_true(
    store: ConfigMapStore, api: ApiServer
) -> None:
    save(store, EXPAND)
    assert store.load("shop").doubt == ""
    save(store, CONTRACT)
    assert store.load("shop").doubt == ""

    api.put("prod", FLOORS, {"shop": "6"})
    assert store.load("shop").state == CONTRACT
    assert f"the ConfigMap {FLOORS} says 6" in store.load("shop").doubt
    del api.objects["prod", FLOORS]
    assert store.load("shop").state == CONTRACT
    assert f"the ConfigMap {FLOORS} does not name it" in store.load("shop").doubt


@pytest.mark.parametrize(
    ("record", "floor", "reason"),
    [
        (None, "7", "its record is missing"),
        ({"phase": "expand", "version": "8", "since": "2026-11-29T12:00:00Z"}, "7", "says None"),
        ({"phase": "expand", "version": "x", "since": "2026-11-29T12:00:00Z"}, None, "corrupt"),
        (None, "seven", "'seven', no version"),
        (None, "", "'', no version"),
        (None, "\u0667", "no version"),
        ({}, None, "it is empty"),
        ({"more": "1"}, None, "unknown field"),
    ],
)
def test_records_that_contradict_each_other_are_damaged(
    store: ConfigMapStore,
    api: ApiServer,
    record: dict[str, str] | None,
    floor: str | None,
    reason: str,
) -> None:
    if record is not None:
        api.put("prod", RECORD, record)
    if floor is not None:
        api.put("prod", FLOORS, {"shop": floor})
    state = store.load("shop").state

    assert isinstance(state, Damaged)
    assert reason in state.reason


@pytest.mark.parametrize(
    "answer",
    [
        status(403, "Forbidden"),
        status(401, "Unauthorized"),
        status(500, "InternalError"),
        status(429, "TooManyRequests"),
        (200, {"kind": "ConfigMap", "data": []}),
        (200, {"kind": "ConfigMap", "data": {"phase": None}}),
        (502, {}),
    ],
)
def test_what_cannot_be_read_is_damaged(
    store: ConfigMapStore, api: ApiServer, answer: Answer
) -> None:
    api.before = lambda method, path: answer

    assert isinstance(store.load("shop").state, Damaged)


def test_what_cannot_be_written_is_an_error(store: ConfigMapStore, api: ApiServer) -> None:
    api.before = lambda method, path: status(403, "Forbidden") if method != "GET" else None

    with pytest.raises(StoreError, match="cannot be written: it is Forbidden"):
        save(store, EXPAND)


def test_a_cluster_that_is_away_is_damaged() -> None:
    with client_of("http://127.0.0.1:1") as client:
        loaded: Loaded = ConfigMapStore("prod", client).load("shop")

    assert isinstance(loaded.state, Damaged)
    assert "cannot be read" in loaded.state.reason


def test_no_credentials_are_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    state = ConfigMapStore("prod").load("shop").state

    assert isinstance(state, Damaged)
    assert "Configuration file /nonexistent not found" in state.reason
