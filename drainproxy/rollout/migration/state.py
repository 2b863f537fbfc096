"""The record of an app's schema, and whether it is consistent."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

Phase = Literal["expand", "migrate", "contract"]
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)

# As `drainproxy.io/schema-version` has it, and deploy/policy/schema-floor.yaml compares it.
MOST: Final = 999_999_999
Version = Annotated[int, Meta(ge=0, le=MOST)]
# A time without an offset means another moment on every machine.
Moment = Annotated[datetime, Meta(tz=True)]


_TIMES: Final = {"since", "expanded-at", "deployed-at"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_NUMBERS: Final = {"revision", "version", "floor", "known-from", "deployed-version"}
_NUMBER = re.compile(r"[0-9]+")


class State(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The record of one app.

    `phase` is what was begun last for schema `version`, `complete` when its contract is over and
    `none` before the first expand. `floor` is the schema that was contracted last: code of an older
    one cannot run any more. Of versions below `known_from` nobody knows that, for the record began
    with it. `expanded_at` is when expand of `version` was begun. `revision` counts the writes.
    """

    revision: Annotated[int, Meta(ge=1)] = 1
    phase: Literal["none", "expand", "migrate", "contract", "complete"] = "none"
    version: Version | None = None
    since: Moment | None = None
    expanded_at: Moment | None = None
    floor: Version | None = None
    known_from: Version | None = None
    deployed_version: Version | None = None
    deployed_at: Moment | None = None

    @property
    def is_contracted(self) -> bool:
        """A contract was the last change of the schema, whether it is over or not."""
        return self.phase in ("contract", "complete")

    @property
    def expanded(self) -> datetime | None:
        """When expand was begun, at the latest: migrate is begun behind it."""
        return self.expanded_at or self.since

    @property
    def runs_expanded(self) -> bool:
        """The last deploy was of `version`, and after its expand was begun."""
        if self.expanded is None or self.deployed_at is None:
            return False
        return self.deployed_version == self.version and self.deployed_at >= self.expanded

    @property
    def newest(self) -> int | None:
        """The newest schema that the database has; None if nothing says so."""
        if self.version is not None or self.deployed_version is None:
            return self.version
        return max(self.deployed_version, self.known_from or 0)

    @property
    def lowest_known(self) -> int | None:
        """From here on the record says what was contracted.

        Expand only adds, so that the version before the first one still runs.
        """
        if self.known_from is not None:
            return self.known_from
        if self.floor is not None:
            return self.floor
        return self.deployed_version if self.version is None else max(self.version - 1, 0)


class Damaged(Struct, frozen=True):
    """A record that cannot be read, or cannot be true."""

    reason: str


def read(record: Any) -> State | Damaged:
    """The state of a mapping of names to values: times are text, numbers may be."""
    if isinstance(record, Mapping) and (strange := next(_strange(record), None)):
        return Damaged(f"the record is corrupt: {strange}")
    try:
        state = msgspec.convert(record, State, strict=False)
    except (msgspec.ValidationError, OverflowError) as error:
        return Damaged(f"the record is corrupt: {error}")
    problem = next(_contradictions(state), None)
    return Damaged(f"the record is corrupt: {problem}") if problem else state


def write(state: State) -> dict[str, Any]:
    """What `read` takes; what is not known is left out."""
    record = msgspec.to_builtins(state)
    return {name: value for name, value in record.items() if value is not None}


def _strange(record: Mapping[Any, Any]) -> Iterator[str]:
    """What nobody has written here, and a lenient reader would take for something else.

    Null would mean that nothing is known, which is left out instead; a number would be a time in
    seconds, or in something else.
    """
    for name, value in record.items():
        if value is None or str(value).lower() == "null":
            yield f"{name} is null: what it said is lost"
        elif name in _TIMES and not _TIME.match(str(value)):
            yield f"{name} is {str(value)[:40]!r}, no time such as 2026-11-29T12:00:00Z"
        elif name in _NUMBERS and not _NUMBER.fullmatch(str(value)):
            yield f"{name} is {str(value)[:40]!r}, no whole number"


def _contradictions(state: State) -> Iterator[str]:
    if state.phase == "none" and state.deployed_at is None:
        # Nobody writes a record of nothing: a floor may have stood in it.
        yield "it is empty, so what it said is lost: restore it, or delete it to begin anew"
    if (state.version is None) != (state.phase == "none"):
        yield f"phase {state.phase} and version {state.version} exclude each other"
    if (state.since is None) != (state.phase == "none"):
        yield f"phase {state.phase} and the time {state.since} of its begin exclude each other"
    if (state.deployed_version is None) != (state.deployed_at is None):
        yield "of the last deploy only the version or only the time is known"
    if state.floor is not None and (state.version is None or state.floor > state.version):
        yield f"the contracted schema {state.floor} is above the version {state.version}"
    if state.is_contracted and state.floor != state.version:
        yield f"phase {state.phase} of version {state.version}, but {state.floor} is contracted"
    if state.floor is not None and state.floor == state.version and not state.is_contracted:
        yield f"version {state.version} is contracted, but its phase is {state.phase}"
    if state.expanded_at is not None and (state.since is None or state.expanded_at > state.since):
        yield f"the begin {state.expanded_at} of expand is behind that of phase {state.phase}"
    if (state.known_from or 0) > (state.newest or 0):
        yield f"it begins with {state.known_from}, above the newest version {state.newest}"
