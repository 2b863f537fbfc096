"""The report of a drain: the difference between the ledger before and after it."""

import json
from dataclasses import asdict, dataclass, field, replace

from drainproxy.drain.ledger import CUT, ENDINGS, MOST_NAMED, Hold, Ledger
from drainproxy.drain.machine import Phase

MOST_BLOCKERS = MOST_NAMED
# The ending, in a report, of a goodbye before the answer to its client's last message.
UNANSWERED = "unanswered"
# Paths in a report are truncated to so many characters.
_LONGEST_PATH = 200


@dataclass(frozen=True, slots=True)
class Blocker:
    """A hold that the drain waits or waited for, or that was left UNANSWERED. `age`: in seconds,
    when it was noted, not at the end of the drain. `ending`: how it ended, empty while open."""

    kind: str
    age: float
    peer: str
    path: str
    ending: str = ""


@dataclass(frozen=True, slots=True)
class DrainReport:
    """The report of one drain. `began` is a date; durations are in seconds, counts by kind."""

    verdict: str
    why: str
    began: str
    seconds: float
    phases: dict[str, float]
    in_flight_at_start: dict[str, int]
    ended: dict[str, dict[str, int]]
    unanswered: int = 0
    blockers: list[Blocker] = field(default_factory=list)

    @property
    def cut(self) -> int:
        """How many holds we have ended before their own end."""
        return sum(ways["cut"] for ways in self.ended.values())

    def as_dict(self) -> dict[str, object]:
        """The report in plain types, for JSON."""
        return asdict(self)

    def as_json(self, most: int | None = None) -> str:
        """The report as one line; to fit into `most` bytes, blockers are left out."""
        text = json.dumps(self.as_dict()) + "\n"
        if most is None or len(text) <= most or not self.blockers:
            return text
        return replace(self, blockers=self.blockers[:-1]).as_json(most)


def blockers(ledger: Ledger, now: float, most: int = MOST_BLOCKERS) -> list[Blocker]:
    """The oldest holds that are open now, some of each kind."""
    return [_blocker(hold, now) for hold in ledger.oldest(most)]


def _blocker(hold: Hold, now: float) -> Blocker:
    # Without the query, which may hold secrets: reports are logged.
    path = hold.path.partition("?")[0]
    if len(path) > _LONGEST_PATH:
        path = path[:_LONGEST_PATH] + "..."
    return Blocker(hold.kind, round(now - hold.opened, 3), hold.peer, path)


class Account:
    """Opened when a drain begins; `close` returns its report.

    `date`: the beginning as the report has it, since `now` is a monotonic clock.
    """

    def __init__(self, ledger: Ledger, now: float, date: str = "") -> None:
        self._ledger = ledger
        self._date = date
        self._began = now
        self._in_flight = ledger.in_flight()
        self._ended = ledger.ended()
        self._unanswered = ledger.unanswered
        self._left: dict[Hold, float] = {}
        ledger.unanswered_holds = self._left
        self._blockers: list[Blocker] = []
        self._blocking: list[Hold] = []

    def note_blockers(self, now: float) -> None:
        """Note and watch the oldest holds that are open now: called at CLOSE and LAST_GOODBYE."""
        self._blocking = self._ledger.oldest(MOST_BLOCKERS)
        self._blockers = [_blocker(hold, now) for hold in self._blocking]
        self._ledger.watch(self._blocking)

    def close(self, why: str, lengths: dict[Phase, float], now: float) -> DrainReport:
        """The report of the drain, which ends `now`. `lengths`: of its phases, in seconds."""
        ended = {
            kind: dict(zip(ENDINGS, _since(after, self._ended[kind]), strict=True))
            for kind, after in self._ledger.ended().items()
        }
        watched = self._ledger.watched or {}
        told = [
            replace(blocker, ending="" if (how := watched.get(hold)) is None else ENDINGS[how])
            for hold, blocker in zip(self._blocking, self._blockers, strict=True)
            if hold not in self._left
        ]
        told += [
            replace(_blocker(hold, then), ending=UNANSWERED) for hold, then in self._left.items()
        ]
        self._ledger.watched = self._ledger.unanswered_holds = None
        # Cut holds come first, since a list that is too long is truncated.
        told.sort(key=lambda blocker: _SOUGHT.get(blocker.ending, len(_SOUGHT)))
        del told[MOST_BLOCKERS:]
        cut = sum(ways[ENDINGS[CUT]] for ways in ended.values())
        unanswered = self._ledger.unanswered - self._unanswered
        return DrainReport(
            verdict=_verdict(cut, unanswered),
            why=why,
            began=self._date,
            seconds=round(now - self._began, 3),
            phases={phase.value: round(length, 3) for phase, length in lengths.items()},
            in_flight_at_start=self._in_flight,
            ended=ended,
            unanswered=unanswered,
            blockers=told,
        )


# The order of endings in a report; all others follow.
_SOUGHT = {ENDINGS[CUT]: 0, UNANSWERED: 1}


def _verdict(cut: int, unanswered: int) -> str:
    said = {"cut": cut, UNANSWERED: unanswered}
    return ", ".join(f"{what} {count}" for what, count in said.items() if count) or "clean"


def _since(after: list[int], before: list[int]) -> list[int]:
    return [new - old for new, old in zip(after, before, strict=True)]
