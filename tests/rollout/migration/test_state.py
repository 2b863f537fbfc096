"""A record that cannot be true is never taken for one that is."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from drainproxy.rollout.migration.state import Damaged, State, read, write

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BEGUN: dict[str, Any] = {"phase": "expand", "version": 7, "since": "2026-11-29T12:00:00Z"}
CONTRACTED = BEGUN | {"phase": "contract", "floor": 7}


@pytest.mark.parametrize(
    "state",
    [
        State(revision=3, deployed_version=7, deployed_at=NOW),
        State(phase="expand", version=7, since=NOW),
        State(phase="migrate", version=7, since=NOW, floor=6),
        State(phase="migrate", version=7, since=NOW, expanded_at=NOW, known_from=3),
        State(phase="contract", version=7, since=NOW, floor=7),
        State(phase="complete", version=0, since=NOW, floor=0),
        State(phase="expand", version=1, since=NOW.astimezone(timezone(timedelta(hours=2)))),
    ],
)
def test_what_is_written_is_read(state: State) -> None:
    assert read(write(state)) == state
    # As a ConfigMap has it, and as a JSON file has it.
    assert read({name: str(value) for name, value in write(state).items()}) == state
    assert read(msgspec.json.decode(msgspec.json.encode(write(state)))) == state


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "expand",
        BEGUN | {"phase": "expnad"},
        BEGUN | {"phase": None},
        BEGUN | {"version": "seven"},
        BEGUN | {"version": -1},
        BEGUN | {"version": 10**9},
        BEGUN | {"version": 7.5},
        BEGUN | {"since": "yesterday"},
        BEGUN | {"since": "2026-11-29T12:00:00"},
        BEGUN | {"since": "9999999999999-01-01T00:00:00Z"},
        BEGUN | {"revision": 0},
        BEGUN | {"since": 1764417600},
        BEGUN | {"since": 1764417600.5},
        BEGUN | {"since": "1764417600"},
        BEGUN | {"since": "-1e3"},
        BEGUN | {"since": True},
        BEGUN | {"since": ["2026-11-29T12:00:00Z"]},
        BEGUN | {"since": None},
        BEGUN | {"expanded-at": None},
        BEGUN | {"expanded-at": 0},
        BEGUN | {"deployed-version": 7, "deployed-at": 1764417600},
        BEGUN | {"deployed-version": None, "deployed-at": None},
        BEGUN | {"floor": None},
        BEGUN | {"floor": "null"},
        BEGUN | {"floor": "NULL"},
        BEGUN | {"known-from": None},
        BEGUN | {"version": 7.0},
        BEGUN | {"version": "7.0"},
        BEGUN | {"version": "7e0"},
        BEGUN | {"version": True},
        BEGUN | {"flor": 6},
        {},
        {"revision": 3},
        {"revision": "3", "phase": "none"},
        {"phase": "expand"},
        {"phase": "expand", "version": 7},
        {"version": 7, "since": BEGUN["since"]},
        {"floor": 5},
        BEGUN | {"floor": 8},
        BEGUN | {"floor": 7},
        BEGUN | {"phase": "contract"},
        CONTRACTED | {"floor": 6},
        CONTRACTED | {"phase": "complete", "floor": 6},
        CONTRACTED | {"phase": "migrate"},
        BEGUN | {"known-from": 8},
        {"known-from": 1},
        BEGUN | {"expanded-at": "2999-01-01T00:00:00Z"},
        {"expanded-at": BEGUN["since"]},
        BEGUN | {"deployed-version": 7},
        BEGUN | {"deployed-at": BEGUN["since"]},
        BEGUN | {"deployed-version": 7, "deployed-at": "2026-11-29"},
    ],
)
def test_a_record_that_cannot_be_true_is_damaged(record: Any) -> None:
    state = read(record)

    assert isinstance(state, Damaged)
    assert state.reason.startswith("the record is corrupt: ")


@pytest.mark.parametrize("name", [name.replace("_", "-") for name in State.__struct_fields__])
def test_a_null_is_damage_with_a_reason(name: str) -> None:
    for null in (None, "null"):
        state = read(CONTRACTED | {name: null})
        assert state == Damaged(f"the record is corrupt: {name} is null: what it said is lost")


def test_a_time_as_a_number_is_damage_with_a_reason() -> None:
    for value in (1764417600, "1764417600"):
        state = read(BEGUN | {"since": value})
        assert state == Damaged(
            "the record is corrupt: since is '1764417600', no time such as 2026-11-29T12:00:00Z"
        )


def test_a_contracted_schema_stays_when_the_next_one_is_expanded() -> None:
    assert read(BEGUN | {"floor": 6}) == State(phase="expand", version=7, since=NOW, floor=6)
