"""When a goodbye may interrupt a stream that has no end of its own, by its kind and its reason.

A goodbye must not lose anything in transit. So it is sent in a pause if there is one, else right
behind an answer of the app. After some time it accepts less: `RULES` says what, and after how long.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from math import inf

from drainproxy.drain.goodbye import DRAIN, MAX_AGE, MAX_STREAM_AGE, REBALANCE

# In seconds, all constants here. A stream is in a pause once no byte has moved in either direction
# for so long. Most answers are computed in less, so none is likely to be under way.
QUIET = 0.1
# So long after its turn a goodbye may also be sent right behind a message of the app: its client is
# not likely to have sent the next one yet.
ANSWER_PATIENCE = 1.0
# So long after its turn a goodbye may be sent at any boundary that the rule allows.
PATIENCE = 2.0
# PATIENCE for a gRPC call without an answer: it may be a short one, which ends by itself.
UNANSWERED_PATIENCE = 5.0
# How long the peer's Close may take, which RFC 6455 7.1.1 leaves open; and how long a LAST goodbye
# waits for the end of a frame.
HANDSHAKE_TIMEOUT = 5.0


class Place(IntEnum):
    """The place in its bytes where a stream stands; at a higher one a goodbye loses less."""

    INSIDE = 0  # in the middle of a frame: nothing can be sent
    FRAME = 1  # between two frames of one message of the app
    ANSWER = 2  # behind a message of the app, while the client is in the middle of one
    PAUSE = 3  # neither side is in the middle of a message


class Urgency(IntEnum):
    """How urgent a goodbye is."""

    PATIENT = 0  # an age or a rebalance: nothing waits for it
    DRAIN = 1  # the process waits for it to end
    LAST = 2  # time is up


_URGENCIES = {
    MAX_AGE: Urgency.PATIENT,
    MAX_STREAM_AGE: Urgency.PATIENT,
    REBALANCE: Urgency.PATIENT,
    DRAIN: Urgency.DRAIN,
}


def urgency(why: str) -> Urgency:
    """The urgency of a goodbye for this reason."""
    return _URGENCIES.get(why, Urgency.LAST)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a goodbye may be sent; in seconds from its turn. It may be sent in a PAUSE that has
    lasted for `quiet` seconds; from `answer_patience` on, directly behind a message of the app, at
    the place `behind_answer` or a higher one; from `patience` on, at the place `least` or a higher
    one. With `awaits_answer` an open question is waited for first, in seconds since it was asked.
    From `gives_up` on the goodbye is not sent any more.
    """

    quiet: float
    awaits_answer: bool
    answer_patience: float
    behind_answer: Place
    patience: float
    least: Place
    gives_up: float = inf


WEBSOCKET, GRPC, GRPC_UNANSWERED = "websocket", "grpc", "grpc, unanswered"
ENDLESS = "endless"

# An age or a rebalance never interrupts a message, of either side, however long that takes.
_WEBSOCKET_PATIENT = Rule(
    quiet=QUIET,
    awaits_answer=True,
    answer_patience=ANSWER_PATIENCE,
    behind_answer=Place.PAUSE,
    patience=PATIENCE,
    least=Place.PAUSE,
)
# A drain may interrupt a message of the client, and after PATIENCE one of the app, between frames.
_WEBSOCKET_DRAIN = replace(_WEBSOCKET_PATIENT, behind_answer=Place.ANSWER, least=Place.FRAME)
# When time is up, the end of any frame will do.
_WEBSOCKET_LAST = Rule(
    quiet=0,
    awaits_answer=False,
    answer_patience=0,
    behind_answer=Place.FRAME,
    patience=0,
    least=Place.FRAME,
    gives_up=HANDSHAKE_TIMEOUT,
)
# A client repeats a call that has ended with UNAVAILABLE at once, so one rule serves all reasons.
# `answer_patience` is inf: whether a message of a gRPC stream answers anything is not known.
_GRPC = Rule(
    quiet=QUIET,
    awaits_answer=False,
    answer_patience=inf,
    behind_answer=Place.PAUSE,
    patience=PATIENCE,
    least=Place.FRAME,
)
_GRPC_UNANSWERED = replace(_GRPC, quiet=inf, patience=UNANSWERED_PATIENCE)

# The format of an endless answer is not known: in a pause its last part is likely to be complete.
# Only a drain ends such an answer; the deadline cuts it, so that it does not look complete.
RULES: dict[tuple[str, Urgency], Rule] = {
    (WEBSOCKET, Urgency.PATIENT): _WEBSOCKET_PATIENT,
    (WEBSOCKET, Urgency.DRAIN): _WEBSOCKET_DRAIN,
    (WEBSOCKET, Urgency.LAST): _WEBSOCKET_LAST,
    (GRPC, Urgency.PATIENT): _GRPC,
    (GRPC, Urgency.DRAIN): _GRPC,
    (GRPC, Urgency.LAST): _GRPC,
    (GRPC_UNANSWERED, Urgency.PATIENT): _GRPC_UNANSWERED,
    (GRPC_UNANSWERED, Urgency.DRAIN): _GRPC_UNANSWERED,
    (GRPC_UNANSWERED, Urgency.LAST): _GRPC_UNANSWERED,
    (ENDLESS, Urgency.DRAIN): _GRPC,
}


@dataclass(frozen=True, slots=True)
class EventRule:
    """Which event streams may end at one urgency, between two events. `resumable`: only those whose
    clients can ask for the following events. `retry`: the range of milliseconds after which the
    clients reconnect."""

    resumable: bool
    retry: tuple[int, int]


# The reconnection time of event streams, in milliseconds. Where streams end one by one
# (drain-spread, an age), a short time misses few events. Where all end at once, it has to spread
# the reconnects.
_OWN_TURN, _ALL_AT_ONCE = (100, 1000), (1000, 5000)
# A client that can resume loses nothing by an end. Any other loses the events until it is back, so
# a drain waits for it, unless sse-drain is "end"; an age is a setting of its own.
EVENT_RULES: dict[tuple[str, Urgency], EventRule] = {
    ("auto", Urgency.PATIENT): EventRule(resumable=False, retry=_OWN_TURN),
    ("auto", Urgency.DRAIN): EventRule(resumable=True, retry=_OWN_TURN),
    ("auto", Urgency.LAST): EventRule(resumable=False, retry=_ALL_AT_ONCE),
    ("end", Urgency.PATIENT): EventRule(resumable=False, retry=_OWN_TURN),
    ("end", Urgency.DRAIN): EventRule(resumable=False, retry=_OWN_TURN),
    ("end", Urgency.LAST): EventRule(resumable=False, retry=_ALL_AT_ONCE),
    # A drain ends no streams with "wait", except those that it had told before a change of it.
    ("wait", Urgency.PATIENT): EventRule(resumable=False, retry=_OWN_TURN),
    ("wait", Urgency.DRAIN): EventRule(resumable=False, retry=_OWN_TURN),
    ("wait", Urgency.LAST): EventRule(resumable=False, retry=_ALL_AT_ONCE),
}


@dataclass(slots=True)
class Pending:
    """A goodbye that was asked for and is not sent yet. `since`: when its turn came. `moved`: when
    a byte moved last. `poll_at`: when a pause is looked for, inf for not before a byte moves.
    `asked`: when the open question was asked, at the earliest `since`."""

    why: str
    urgency: Urgency
    since: float
    moved: float
    poll_at: float
    asked: float

    def move(self, now: float) -> None:
        """A byte has moved: a pause begins anew, and is looked for after QUIET."""
        self.moved = now
        self.poll_at = min(self.poll_at, now + QUIET)


def new_pending(why: str, now: float, level: Urgency | None = None) -> Pending:
    """A goodbye whose turn has come `now`. `level`: its urgency, None for that of `why`."""
    return Pending(why, urgency(why) if level is None else level, now, now, now + QUIET, now)


def may_stand(rule: Rule, pending: Pending, place: Place, now: float, *, question: float) -> bool:
    """Whether the goodbye may be sent now at this place, without a pause. `question`: how many
    seconds an open question is waited for, 0 without one."""
    resort = last_resort(rule, pending, question=question)
    if place >= rule.least and rule.least < Place.PAUSE and now >= resort:
        return True
    if question or place < rule.behind_answer:
        return False
    return pending.moved - pending.since >= rule.answer_patience


def pause_begins(rule: Rule, pending: Pending, *, question: float) -> float:
    """When the pause is long enough for the goodbye, if no byte moves until then."""
    quiet = max(rule.quiet, question) if rule.awaits_answer else rule.quiet
    return min(pending.moved + quiet, last_resort(rule, pending, question=question))


def last_resort(rule: Rule, pending: Pending, *, question: float) -> float:
    """The moment from which the goodbye accepts less than a pause."""
    resort = pending.since + rule.patience
    if question and rule.awaits_answer:
        return max(resort, pending.asked + question)
    return resort
