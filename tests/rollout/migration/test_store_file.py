"""Of two who write at once only one succeeds, and nobody ever reads half a record."""

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drainproxy.rollout.migration.state import Damaged, State
from drainproxy.rollout.migration.store import Conflict, Loaded, StoreError
from drainproxy.rollout.migration.store_file import FileStore

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
EXPAND = State(phase="expand", version=7, since=NOW)

# Reads the record, says so, waits for a line, writes, says how it went.
WRITER = """
import sys
from pathlib import Path
from msgspec.structs import replace
from drainproxy.rollout.migration.store import StoreError
from drainproxy.rollout.migration.store_file import FileStore

store = FileStore(Path(sys.argv[1]))
loaded = store.load("shop")
print("read", flush=True)
sys.stdin.readline()
try:
    store.save("shop", loaded, replace(loaded.state, revision=loaded.state.revision + 1))
    print("written", flush=True)
except StoreError as error:
    print(type(error).__name__, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def save(path: Path, app: str, state: State) -> None:
    store = FileStore(path)
    store.save(app, store.load(app), state)


def test_what_is_no_regular_file_is_no_record(path: Path) -> None:
    """A pipe that nobody writes to would be waited for without end."""
    os.mkfifo(path)
    for place in (path, Path("/dev/zero")):
        assert FileStore(place).load("shop") == Loaded(Damaged(f"{place}: is no regular file"))
        with pytest.raises(StoreError):
            save(place, "shop", EXPAND)


def test_what_is_saved_is_loaded(path: Path) -> None:
    save(path, "shop", EXPAND)
    save(path, "bank", State(deployed_version=1, deployed_at=NOW))

    assert FileStore(path).load("shop") == Loaded(EXPAND)
    assert FileStore(path).load("bank").state == State(deployed_version=1, deployed_at=NOW)
    assert FileStore(path).load("till") == Loaded(None)


def test_who_writes_names_what_he_has_read(path: Path) -> None:
    first, second = FileStore(path), FileStore(path)
    both = first.load("shop"), second.load("shop")
    first.save("shop", both[0], EXPAND)

    with pytest.raises(Conflict, match="somebody else has written the record of shop"):
        second.save("shop", both[1], EXPAND)


def test_what_is_written_back_as_it_was_is_a_change_all_the_same(path: Path) -> None:
    save(path, "shop", EXPAND)
    loaded = FileStore(path).load("shop")
    save(path, "shop", State(revision=2, deployed_version=1, deployed_at=NOW))
    save(path, "shop", State(revision=3, phase="expand", version=7, since=NOW))

    with pytest.raises(Conflict):
        FileStore(path).save("shop", loaded, EXPAND)


def test_another_app_in_the_same_file_is_no_conflict(path: Path) -> None:
    loaded = FileStore(path).load("shop")
    save(path, "bank", EXPAND)
    FileStore(path).save("shop", loaded, EXPAND)

    assert FileStore(path).load("bank").state == FileStore(path).load("shop").state == EXPAND


def test_of_processes_that_write_at_once_one_succeeds(path: Path) -> None:
    save(path, "shop", EXPAND)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "read\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    said = sorted(writer.communicate(timeout=30)[0] for writer in writers)

    assert said == ["Conflict\n"] * 3 + ["written\n"]
    state = FileStore(path).load("shop").state
    assert isinstance(state, State)
    assert state.revision == 2


@contextmanager
def held(path: Path) -> Iterator[None]:
    with open(f"{path}.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_nobody_waits_for_a_lock_for_ever(path: Path) -> None:
    store = FileStore(path, patience=0.05)
    loaded = store.load("shop")
    with held(path), pytest.raises(Conflict, match=r"has held .*state.json.lock for 0.05 s"):
        store.save("shop", loaded, EXPAND)

    assert store.load("shop") == Loaded(None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"apps": []}',
        '{"apps": {"shop": {}}, "more": 1}',
        '{"apps": {"shop": {"phase": "expand"}}}',
        '{"apps": {"shop": {"phase": 1}}}',
        '{"apps": {"shop": null}}',
        '{"apps": {"shop": {"phase": "expand"}, "shop": {}}}',
        '{"apps": {"shop": "' + "\udcff" + '"}}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_corrupt_is_damaged_and_stays_as_it_is(path: Path, text: str) -> None:
    data = text.encode(errors="surrogateescape")
    path.write_bytes(data)
    state = FileStore(path).load("shop").state

    assert isinstance(state, Damaged)
    assert "corrupt" in state.reason
    assert path.read_bytes() == data


def test_the_corrupt_record_of_one_app_is_no_reason_to_doubt_another(path: Path) -> None:
    save(path, "bank", EXPAND)
    path.write_text(path.read_text().replace('"apps": {', '"apps": {"shop": {"phase": 1},'))

    assert isinstance(FileStore(path).load("shop").state, Damaged)
    assert FileStore(path).load("bank").state == EXPAND


def test_what_cannot_be_read_is_damaged(tmp_path: Path) -> None:
    state = FileStore(tmp_path).load("shop").state

    assert isinstance(state, Damaged)
    assert "Is a directory" in state.reason


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "missing" / "state.json")

    with pytest.raises(StoreError, match="cannot be written: No such file or directory"):
        store.save("shop", store.load("shop"), EXPAND)


def test_a_disk_that_fails_leaves_the_old_record(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(path, "shop", EXPAND)
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    store = FileStore(path)
    with pytest.raises(StoreError, match="No space left on device"):
        store.save("shop", store.load("shop"), State(revision=2))

    assert path.read_bytes() == before
    assert {each.name for each in path.parent.iterdir()} == {"state.json", "state.json.lock"}


def test_a_link_stays_one_and_the_file_keeps_its_mode(path: Path, tmp_path: Path) -> None:
    save(path, "shop", EXPAND)
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    again = State(revision=2, phase="expand", version=8, since=NOW)
    save(link, "shop", again)

    assert link.is_symlink()
    assert FileStore(path).load("shop").state == again
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
