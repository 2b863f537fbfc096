"""The no-go rules, as one table: phase, age of the deploy, direction, version, damage."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drainproxy.rollout.migration.decide import (
    Direction,
    MigrationVerdict,
    after,
    decide,
    is_recorded,
    sound,
)
from drainproxy.rollout.migration.state import Damaged, State, read, write

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)
VERSIONS = (4, 6, 7, 8)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
WORDS = {"a": "allow", "r": "refuse", "h": "hold"}

# What was begun: schema 7, behind a contract of 5 (the first: nothing, 7 runs).
STATES = {
    "none": State(),
    "expand": State(phase="expand", version=7, since=NOW - 40 * DAY, floor=5),
    "migrate": State(phase="migrate", version=7, since=NOW - 40 * DAY, floor=5),
    "contract": State(phase="contract", version=7, since=NOW - 40 * DAY, floor=7),
    "complete": State(phase="complete", version=7, since=NOW - 40 * DAY, floor=7),
}
# (version, age) of the last deploy.
DEPLOYS = {
    "never": None,
    "now": (7, timedelta()),
    "almost a day ago": (7, DAY - SECOND),
    "a day ago": (7, DAY),
    "a month ago": (7, 30 * DAY),
    "a month ago, of the version before": (6, 30 * DAY),
}
LONG_AGO = {"a day ago", "a month ago"}
# For versions 4, 6, 7 and 8: allow, refuse, hold; c is allow if 7 was deployed a day ago or longer.
TABLE = """
              none  expand  migrate  contract  complete
    deploy    hhaa  raaa    raaa     rraa      rraa
    rollback  hhah  raah    raah     rrhh      rrhh
    expand    rraa  rraa    rraa     rrar      rraa
    migrate   rrrr  rrar    rrar     rrar      rrar
    contract  rrrr  rrrr    rrcr     rrcr      rrcr
    complete  rrrr  rrrr    rrrr     aaaa      aaaa
    deployed  rraa  raaa    raaa     rraa      rraa
"""


def expected(phase: str, direction: str, version: int, deploy: str) -> str:
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    cells = {row[0]: dict(zip(head, row[1:], strict=True)) for row in rows}
    letter = cells[direction][phase][VERSIONS.index(version)]
    if letter == "c":
        letter = "a" if deploy in LONG_AGO else "r"
    return WORDS[letter]


def deployed(state: State, deploy: str) -> State:
    if (known := DEPLOYS[deploy]) is None:
        return state
    return replace(state, deployed_version=known[0], deployed_at=NOW - known[1])


CASES = [
    case
    for case in product(STATES, DEPLOYS, DIRECTIONS, VERSIONS)
    # What nobody has deployed or begun, nobody can roll back to.
    if not (case[0] == "none" and case[1] not in LONG_AGO | {"now", "almost a day ago"})
]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("phase", STATES)
def test_the_table_of_the_no_go_rules(phase: str, direction: Direction) -> None:
    wrong = []
    for case in CASES:
        _, deploy, _, version = case
        if case[0] != phase or case[2] != direction:
            continue
        found = decide(deployed(STATES[phase], deploy), direction, version, NOW)
        if found.verdict != expected(phase, direction, version, deploy) or not found.reason:
            wrong.append((case, found))
    assert wrong == []


BEGUN = {
    "deployed": after(None, "deployed", 8, NOW - DAY),
    "expand": after(None, "expand", 8, NOW - DAY),
}


@pytest.mark.parametrize(("begun", "lowest"), [("deployed", 8), ("expand", 7)])
@pytest.mark.parametrize("direction", ["deploy", "rollback"])
def test_nobody_knows_what_was_contracted_before_the_record_began(
    begun: str, lowest: int, direction: Direction
) -> None:
    states = [BEGUN[begun]]
    states.append(after(states[-1], "deployed", 8, NOW - DAY / 2))
    states.append(after(states[-1], "expand", 9, NOW - DAY / 2))
    # What is deployed all the same does not make it known.
    states.append(after(states[-1], "deployed", 1, NOW - DAY / 4))
    for state in states:
        assert decide(state, direction, lowest, NOW).verdict == "allow"
        for version in range(lowest):
            assert decide(state, direction, version, NOW).verdict == "hold"
            assert decide(state, "deployed", version, NOW).verdict == "refuse"


def test_a_record_without_its_begin_knows_what_it_shows() -> None:
    state = State(phase="expand", version=7, since=NOW - DAY)

    assert [decide(state, "rollback", each, NOW).verdict for each in (5, 6, 7)] == [
        "hold",
        "allow",
        "allow",
    ]
    assert after(state, "expand", 8, NOW).known_from == 6


def test_a_schema_that_was_not_expanded_is_on_hold() -> None:
    state = State(phase="expand", version=10, since=NOW - DAY, floor=9)
    wrong = after(state, "deployed", 900, NOW - DAY / 2)

    for each in (state, wrong):
        assert decide(each, "deploy", 11, NOW).verdict == "allow"
        assert decide(each, "deploy", 12, NOW).verdict == "hold"
        assert decide(each, "deploy", 900, NOW).verdict == "hold"
        assert decide(each, "deployed", 900, NOW).verdict == "refuse"
        assert decide(each, "rollback", 10, NOW).verdict == "allow"
        assert decide(each, "rollback", 11, NOW).verdict == "hold"


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_an_empty_record_is_none(direction: Direction) -> None:
    assert decide(State(), direction, 7, NOW) == decide(None, direction, 7, NOW)


def test_the_deploy_that_a_contract_waits_for_follows_the_expand() -> None:
    early = after(None, "deployed", 9, NOW - 30 * DAY)
    begun = after(after(early, "expand", 9, NOW - 2 * DAY), "migrate", 9, NOW - 2 * DAY + SECOND)
    late = after(begun, "deployed", 9, NOW - DAY)

    refused = decide(begun, "contract", 9, NOW)
    assert (refused.verdict, "before its expand was begun" in refused.reason) == ("refuse", True)
    assert decide(begun, "contract", 9, NOW, timedelta()).verdict == "refuse"
    assert decide(late, "contract", 9, NOW).verdict == "allow"
    # The usual order: deployed between expand and migrate.
    usual = after(after(None, "expand", 9, NOW - 3 * DAY), "deployed", 9, NOW - 2 * DAY)
    assert decide(after(usual, "migrate", 9, NOW - DAY), "contract", 9, NOW).verdict == "allow"


@pytest.mark.parametrize(
    "damage", ["missing", "corrupt", "begin ahead", "expand ahead", "deploy ahead"]
)
def test_no_damage_lets_anything_pass(damage: str) -> None:
    wrong = []
    for phase, deploy, direction, version in CASES:
        state: State | Damaged | None = deployed(STATES[phase], deploy)
        assert isinstance(state, State)
        begins_a_record = damage == "missing" and direction in ("expand", "deployed")
        if damage == "missing":
            state = None
        elif damage == "corrupt":
            state = Damaged("the disk is full of holes")
        elif damage == "begin ahead":
            if phase == "none":
                continue
            state = replace(state, since=NOW + timedelta(microseconds=1))
        elif damage == "expand ahead":
            if phase == "none":
                continue
            state = replace(state, expanded_at=NOW + SECOND)
        else:
            state = replace(state, deployed_version=7, deployed_at=NOW + SECOND)
        found = decide(state, direction, version, NOW)
        if found.verdict != ("allow" if begins_a_record else "hold") or not found.reason:
            wrong.append((phase, deploy, direction, version, found))
        record = sound(state, NOW)
        assert (record.verdict, bool(record.reason)) == ("hold", True)
    assert wrong == []


def test_what_is_amiss_beside_the_record_is_a_hold_of_the_status() -> None:
    state = deployed(STATES["complete"], "a day ago")

    assert sound(state, NOW).verdict == "allow"
    assert sound(state, NOW, "the floors are lost") == MigrationVerdict(
        "hold", "the floors are lost"
    )


def test_a_reason_names_what_would_be_right() -> None:
    state = deployed(STATES["migrate"], "almost a day ago")

    assert decide(state, "contract", 7, NOW).reason == (
        "7 was deployed at 2026-11-28T12:00:01Z, 23h59m ago: contract may begin 24h after it, at"
        " 2026-11-29T12:00:01Z"
    )
    assert decide(state, "deploy", 4, NOW).reason == (
        "schema 4 is below 5, which is contracted: code of 4 needs a schema that is gone; the"
        " lowest that runs is 5"
    )


@pytest.mark.parametrize(
    ("wait", "verdict"),
    [(timedelta(), "allow"), (DAY, "refuse"), (2 * DAY - SECOND, "refuse")],
)
def test_how_long_a_contract_waits_is_a_setting(wait: timedelta, verdict: str) -> None:
    state = replace(STATES["migrate"], deployed_version=7, deployed_at=NOW - SECOND)

    assert decide(state, "contract", 7, NOW, wait).verdict == verdict


def test_another_deploy_starts_the_time_anew() -> None:
    state = deployed(STATES["migrate"], "a month ago")
    back = after(state, "deployed", 6, NOW - 2 * DAY)
    again = after(back, "deployed", 7, NOW - DAY + SECOND)

    assert decide(state, "contract", 7, NOW).verdict == "allow"
    assert decide(back, "contract", 7, NOW).verdict == "refuse"
    assert decide(again, "contract", 7, NOW).verdict == "refuse"
    assert decide(again, "contract", 7, NOW + SECOND).verdict == "allow"


def test_a_deploy_that_should_not_have_been_is_recorded_as_what_it_is() -> None:
    verdict = decide(STATES["contract"], "deployed", 6, NOW)

    assert verdict.verdict == "refuse"
    assert is_recorded("deployed", verdict)
    assert not is_recorded("deployed", MigrationVerdict("hold", ""))
    assert not is_recorded("contract", verdict)
    assert after(STATES["contract"], "deployed", 6, NOW).deployed_version == 6


def test_what_is_begun_again_keeps_the_time_of_its_begin() -> None:
    again = after(STATES["expand"], "expand", 7, NOW)

    assert again.since == STATES["expand"].since
    assert again.revision == STATES["expand"].revision + 1


@pytest.mark.parametrize("phase", ["migrate", "contract", "complete"])
def test_a_pipeline_that_is_run_again_moves_nothing_back(phase: str) -> None:
    state = deployed(STATES[phase], "a day ago")
    state = replace(state, known_from=5, expanded_at=NOW - 41 * DAY)
    order: tuple[Direction, ...] = ("expand", "migrate", "contract", "complete")
    for behind in order[: order.index(phase)]:
        verdict = decide(state, behind, 7, NOW)
        assert verdict.verdict == "allow"
        assert verdict.reason.endswith(f"; the phase stays {phase}")
        assert after(state, behind, 7, NOW) == replace(state, revision=2)
    # Of another version it is another migration.
    assert decide(state, "expand", 6, NOW).verdict == "refuse"
    assert decide(state, "migrate", 6, NOW).verdict == "refuse"


def test_a_rollback_behind_a_contract_is_on_hold_though_the_pipeline_was_run_again() -> None:
    state = deployed(STATES["complete"], "a day ago")
    phases: tuple[Direction, ...] = ("expand", "migrate", "contract")
    for again in phases:
        state = after(state, again, 7, NOW)

    assert decide(state, "rollback", 7, NOW).verdict == "hold"
    assert decide(state, "rollback", 6, NOW).verdict == "refuse"


def test_a_contract_that_is_begun_again_waits_for_the_last_deploy_too() -> None:
    state = after(STATES["complete"], "deployed", 7, NOW - SECOND)

    assert decide(state, "contract", 7, NOW).verdict == "refuse"


STEPS = st.lists(
    st.tuples(st.sampled_from(DIRECTIONS), st.integers(0, 3), st.timedeltas(timedelta(), 2 * DAY)),
    max_size=30,
)


@given(STEPS)
def test_whatever_happens_the_lowest_schema_only_rises(
    steps: list[tuple[Direction, int, timedelta]],
) -> None:
    state: State | None = None
    now = NOW
    for direction, version, passed in steps:
        now += passed
        verdict = decide(state, direction, version, now)
        floor = state.floor if state else None
        if direction in ("deploy", "rollback") or not is_recorded(direction, verdict):
            if floor is not None and version < floor and direction in ("deploy", "rollback"):
                assert verdict.verdict == "refuse"
            continue
        before, state = state, after(state, direction, version, now)
        assert read(write(state)) == state
        assert state.revision == (before.revision + 1 if before else 1)
        if state.floor != floor:
            # Only a contract raises it, a day after the deploy of its own version.
            assert direction == "contract"
            assert floor is None or (state.floor or 0) > floor
            assert before is not None
            assert before.deployed_version == version
            assert before.deployed_at is not None
            assert now - before.deployed_at >= DAY
            assert before.expanded_at is not None
            assert before.deployed_at >= before.expanded_at
        # What was not recorded from its begin on nobody lets pass.
        assert state.known_from is not None
        for older in range(state.known_from):
            assert decide(state, "rollback", older, now).verdict != "allow"
            assert decide(state, "deploy", older, now).verdict != "allow"
