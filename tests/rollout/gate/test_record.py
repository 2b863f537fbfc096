"""What is recorded of migrations answers a gate, and what cannot be read holds it."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drainproxy.extras import install_hint
from drainproxy.rollout.gate.record import MigrationQuestion, RecordSource
from drainproxy.rollout.migration.state import Damaged, State
from drainproxy.rollout.migration.store import Loaded
from drainproxy.rollout.migration.store_configmap import PREFIX
from drainproxy.rollout.migration.store_file import FileStore
from tests.rollout.migration.api_server import api_server

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CONTRACTED = State(
    phase="contract", version=7, since=NOW, floor=7, deployed_version=7, deployed_at=NOW
)
EXPANDED = State(phase="expand", version=7, since=NOW, deployed_version=6, deployed_at=NOW)


def recorded(folder: Path, state: State = CONTRACTED) -> Path:
    """The file of a record."""
    path = folder / "records.json"
    FileStore(path).save("shop", Loaded(None), state)
    return path


@pytest.mark.parametrize(
    ("version", "previous", "answers"),
    [
        (7, 6, ("allow", "refuse")),
        (6, None, ("refuse", None)),
        # To code that can run, but a person is to look at it.
        (None, 7, (None, "hold")),
        (None, None, (None, None)),
    ],
)
def test_code_goes_on_and_does_not_go_back_behind_a_contract(
    tmp_path: Path, version: int | None, previous: int | None, answers: tuple[str | None, ...]
) -> None:
    record = RecordSource(recorded(tmp_path))
    question = MigrationQuestion("shop", "", version, previous)
    found = record.answers(question, record.load(question), NOW + timedelta(hours=1))
    assert tuple(each and each.verdict for each in (found.deploy, found.rollback)) == answers


def test_a_record_that_is_not_there_is_a_hold(tmp_path: Path) -> None:
    record, question = RecordSource(tmp_path / "none.json"), MigrationQuestion("shop", "", 7, 6)
    found = record.answers(question, record.load(question), NOW)
    assert found.deploy is not None
    assert found.deploy.verdict == "hold"


def test_without_a_namespace_it_is_that_of_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are none: it is the credentials that are missed, and no name."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    state = RecordSource().load(MigrationQuestion("shop", None, 7))
    assert isinstance(state, Damaged)
    assert "cannot be read" in state.reason


@pytest.mark.parametrize("namespace", ["", "../kube-system", "Shop", "a/b"])
def test_a_namespace_that_is_none_is_never_asked_for(namespace: str) -> None:
    state = RecordSource().load(MigrationQuestion("shop", namespace, 7))
    assert isinstance(state, Damaged)
    assert repr(namespace) in state.reason


def test_a_library_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightkube", None)
    monkeypatch.setitem(sys.modules, "lightkube.core.exceptions", None)
    state = RecordSource().load(MigrationQuestion("shop", "prod", 7))
    assert isinstance(state, Damaged)
    assert install_hint("kube") in state.reason


def test_without_a_file_it_is_read_from_the_namespace_that_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "users": [{"name": "it", "user": {}}],
    }
    with api_server() as api:
        server = {"server": api.url, "insecure-skip-tls-verify": True}
        config["clusters"] = [{"name": "it", "cluster": server}]
        # JSON is YAML.
        (tmp_path / "config").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        api.put("prod", PREFIX + "shop", {"nonsense": "x"})
        assert RecordSource().load(MigrationQuestion("shop", "dev", 7)) is None
        assert isinstance(RecordSource().load(MigrationQuestion("shop", "prod", 7)), Damaged)
