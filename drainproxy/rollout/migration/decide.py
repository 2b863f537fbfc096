"""What may be done with the code and the schema of an app: a decision from values.

    begin expand -> (deploy) -> begin migrate -> begin contract -> complete -> begin expand ...

Expand only adds, so that code of the version before (N-1) runs as it did. Contract takes away what
that code needs: it is refused until the code of its version has been deployed for long enough, and
from its begin on there is no way back: older code is refused, and a rollback that nobody has looked
at is put on hold. What cannot be known (no record, a corrupt one, a clock that is wrong) is a hold.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from .state import Damaged, Phase, State

CONTRACT_AFTER: Final = timedelta(hours=24)

Answer = Literal["allow", "refuse", "hold"]
# deploy and rollback move the code, a phase and complete the schema; deployed is what has happened.
Direction = Literal["deploy", "rollback", "expand", "migrate", "contract", "complete", "deployed"]


_ORDER: Final = ("expand", "migrate", "contract", "complete")
_NO_RECORD: Final = (
    "nothing is recorded of this app, so nothing is known of its schema: `begin expand` or"
    " `deployed` begins the record; if there was one, restore it"
)


class MigrationVerdict(Struct, frozen=True):
    """The answer and why, in a sentence."""

    verdict: Answer
    reason: str


class _Question(Struct, frozen=True):
    state: State
    version: int
    now: datetime
    contract_after: timedelta


def decide(
    state: State | Damaged | None,
    direction: Direction,
    version: int | None,
    now: datetime,
    contract_after: timedelta = CONTRACT_AFTER,
) -> MigrationVerdict:
    """Whether `direction` may be taken with code or schema `version` (any, for `complete`).

    `state` is None where nothing is recorded. `now` has a time zone.
    """
    if isinstance(state, Damaged):
        return _hold(state.reason)
    if state is None:
        return _without_record(direction)
    if ahead := _ahead(state, now):
        return _hold(ahead)
    if state.newest is None:
        return _without_record(direction)
    return _RULES[direction](_Question(state, version or 0, now, contract_after))


def sound(state: State | Damaged | None, now: datetime, doubt: str = "") -> MigrationVerdict:
    """Whether the record is there and can be true; the reason says what it says.

    `doubt` says what else its store has found to be wrong.
    """
    if isinstance(state, Damaged):
        return _hold(state.reason)
    if state is None:
        return _hold(_NO_RECORD)
    if ahead := _ahead(state, now):
        return _hold(ahead)
    if doubt:
        return _hold(doubt)
    since = f" since {_time(state.since)}" if state.since else ""
    lowest = "no schema is contracted" if state.floor is None else f"the lowest is {state.floor}"
    deploy = "no deploy is recorded"
    if state.deployed_at:
        deploy = f"{state.deployed_version} was deployed at {_time(state.deployed_at)}"
    return _allow(f"the phase is {state.phase}{_of(state)}{since}; {lowest}; {deploy}")


def after(state: State | None, direction: Direction, version: int | None, now: datetime) -> State:
    """The record when `direction` was taken, which `decide` has answered for."""
    old = state or State()
    record = replace(old, revision=old.revision + 1 if state else 1)
    match direction:
        case "expand" | "migrate" | "contract" if _is_behind(old, direction, version):
            pass  # a pipeline that is run again moves nothing back
        case "deployed":
            record = replace(record, deployed_version=version, deployed_at=now)
        case "complete":
            record = _in_phase(record, "complete", old.version, now)
        case "contract":
            record = replace(_in_phase(record, "contract", version, now), floor=version)
        case "expand":
            record = _in_phase(record, "expand", version, now)
            record = replace(record, expanded_at=record.since)
        case "migrate":
            record = _in_phase(record, "migrate", version, now)
        case _:
            raise AssertionError(f"{direction} changes nothing")
    known = record.lowest_known if old.lowest_known is None else old.lowest_known
    return replace(record, known_from=known)


def _is_behind(state: State, phase: Phase, version: int | None) -> bool:
    """Another phase of the same version has followed it already."""
    if state.phase == "none" or state.version != version:
        return False
    return _ORDER.index(phase) < _ORDER.index(state.phase)


def _in_phase(
    state: State, phase: Phase | Literal["complete"], version: int | None, now: datetime
) -> State:
    """What is begun once more keeps the time of its begin."""
    if (state.phase, state.version) == (phase, version):
        return state
    return replace(state, phase=phase, version=version, since=now)


def is_recorded(direction: Direction, verdict: MigrationVerdict) -> bool:
    """What has happened is recorded even if it should not have; all else if it is allowed."""
    return verdict.verdict == "allow" or (direction == "deployed" and verdict.verdict == "refuse")


def _without_record(direction: Direction) -> MigrationVerdict:
    if direction in ("expand", "deployed"):
        return _allow("this begins the record: nothing was recorded before")
    return _hold(_NO_RECORD)


def _ahead(state: State, now: datetime) -> str:
    """Why the times of the record cannot be true, if they are not over yet."""
    moments = (
        ("begin of the phase", state.since),
        ("begin of expand", state.expanded_at),
        ("last deploy", state.deployed_at),
    )
    for what, moment in moments:
        if moment is not None and moment > now:
            return (
                f"the {what} is recorded at {_time(moment)}, in the future: it is {_time(now)}"
                " here, so one of the clocks is wrong"
            )
    return ""


def _deploy(asked: _Question) -> MigrationVerdict:
    if problem := _below(asked) or _unknown(asked):
        return problem
    newest = asked.state.newest or 0
    if asked.version > newest + 1:
        return _hold(
            f"schema {asked.version} is more than one above {newest}, the newest that is recorded:"
            f" `begin expand --version {asked.version}` comes first"
        )
    if asked.version > newest:
        return _allow(
            f"schema {asked.version} is not behind the contracted one; it is above {newest}, the"
            " newest that is recorded, which the code must be able to run on"
        )
    return _allow(f"schema {asked.version} is not below a contracted one")


def _rollback(asked: _Question) -> MigrationVerdict:
    if problem := _below(asked) or _unknown(asked):
        return problem
    state = asked.state
    if state.is_contracted:
        over = "has begun" if state.phase == "contract" else "is complete"
        return _hold(
            f"the contract of schema {state.version} {over}: there is no automated rollback after"
            " a contract, a person has to decide"
        )
    newest = state.newest or 0
    if asked.version > newest:
        return _hold(f"schema {asked.version} is above {newest}, the newest that is recorded")
    return _allow(
        f"no contract lies between: schema {asked.version} is still there"
        f" (phase {state.phase}{_of(state)})"
    )


def _unknown(asked: _Question) -> MigrationVerdict | None:
    """Below the begin of the record."""
    known = asked.state.lowest_known
    if known is not None and asked.version >= known:
        return None
    return _hold(
        f"the record begins with schema {known}: it is unknown whether the schema that code of"
        f" {asked.version} needs still exists, a person has to decide"
    )


def _below(asked: _Question) -> MigrationVerdict | None:
    floor = asked.state.floor
    if floor is None or asked.version >= floor:
        return None
    return _refuse(
        f"schema {asked.version} is below {floor}, which is contracted: code of {asked.version}"
        f" needs a schema that is gone; the lowest that runs is {floor}"
    )


def _deployed(asked: _Question) -> MigrationVerdict:
    should = _deploy(asked)
    if should.verdict != "allow":
        why = (
            "it must not run" if should.verdict == "refuse" else "it is unknown whether it may run"
        )
        return _refuse(f"recorded, but {why}: {should.reason}")
    return _allow(f"the deploy of schema {asked.version} is recorded at {_time(asked.now)}")


def _expand(asked: _Question) -> MigrationVerdict:
    state = asked.state
    if state.version == asked.version:
        begun = f"expand of {asked.version} was begun at {_time(state.expanded)} already"
        return _allow(begun + _and_stays(asked, "expand"))
    if state.phase == "contract":
        return _refuse(
            f"the contract of {state.version} is not complete: run `complete` when it is"
        )
    if state.version is not None and asked.version <= state.version:
        return _refuse(
            f"expand leads to a new schema, above {state.version} (phase {state.phase}), not to"
            f" {asked.version}"
        )
    if state.version is None and asked.version < (state.lowest_known or 0):
        return _refuse(
            f"expand leads to a new schema, not to {asked.version}: the record begins with"
            f" {state.lowest_known}"
        )
    return _allow(f"expand of {asked.version} only adds: the code that runs goes on")


def _migrate(asked: _Question) -> MigrationVerdict:
    if asked.state.version != asked.version:
        return _out_of_order(asked, "migrate", "expand")
    return _allow(f"expand of {asked.version} was begun before{_and_stays(asked, 'migrate')}")


def _contract(asked: _Question) -> MigrationVerdict:
    if not _is_in(asked, "migrate", "contract", "complete"):
        return _out_of_order(asked, "contract", "migrate")
    state, version = asked.state, asked.version
    if state.deployed_at is None:
        return _refuse(f"no deploy of {version} is recorded: contract follows it")
    at = _time(state.deployed_at)
    if state.deployed_version != version:
        return _refuse(f"the last deploy, at {at}, was of {state.deployed_version}, not {version}")
    if not state.runs_expanded:
        begun = _time(state.expanded)
        return _refuse(
            f"{version} was deployed at {at}, before its expand was begun at {begun}: that"
            " code has not run on the new schema yet. Deploy it, and `deployed` records that"
        )
    age = asked.now - state.deployed_at
    if age < asked.contract_after:
        return _refuse(
            f"{version} was deployed at {at}, {_length(age)} ago: contract may begin"
            f" {_length(asked.contract_after)} after it, at"
            f" {_time(state.deployed_at + asked.contract_after)}"
        )
    deployed = f"{version} was deployed at {at}, {_length(age)} ago"
    return _allow(deployed + _and_stays(asked, "contract"))


def _complete(asked: _Question) -> MigrationVerdict:
    state = asked.state
    if state.phase == "complete":
        return _allow(f"the contract of {state.version} was complete at {_time(state.since)}")
    if state.phase == "contract":
        return _allow(f"the contract of {state.version} is over: {state.version} is the lowest")
    return _refuse(
        f"there is no contract to complete: the phase is {state.phase}{_of(state)}. A migration"
        " without a contract needs none, the next `begin expand` follows it"
    )


def _and_stays(asked: _Question, phase: Phase) -> str:
    is_behind = _is_behind(asked.state, phase, asked.version)
    return f"; the phase stays {asked.state.phase}" if is_behind else ""


def _is_in(asked: _Question, *phases: Phase | Literal["complete"]) -> bool:
    return asked.state.phase in phases and asked.state.version == asked.version


def _out_of_order(asked: _Question, phase: Phase, before: Phase) -> MigrationVerdict:
    return _refuse(
        f"{phase} of {asked.version} follows {before} of {asked.version}:"
        f" the phase is {asked.state.phase}{_of(asked.state)}"
    )


_RULES: Final[dict[Direction, Callable[[_Question], MigrationVerdict]]] = {
    "deploy": _deploy,
    "rollback": _rollback,
    "expand": _expand,
    "migrate": _migrate,
    "contract": _contract,
    "complete": _complete,
    "deployed": _deployed,
}


def _allow(reason: str) -> MigrationVerdict:
    return MigrationVerdict("allow", reason)


def _refuse(reason: str) -> MigrationVerdict:
    return MigrationVerdict("refuse", reason)


def _hold(reason: str) -> MigrationVerdict:
    return MigrationVerdict("hold", reason)


def _of(state: State) -> str:
    return "" if state.version is None else f" of {state.version}"


def _time(moment: datetime | None) -> str:
    if moment is None:
        return "an unknown time"
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:  # an offset from the first or the last day of all
        return str(moment)


def _length(span: timedelta) -> str:
    """Hours and minutes; seconds if it is shorter than a minute."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    return "".join(parts) or f"{seconds}s"
