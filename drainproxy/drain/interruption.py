"""When a goodbye may interrupt a stream that has no end of its own, by its kind and its reason.

A goodbye must not lose anything in transit. So it is sent in a pause if there is one, else right
after an answer of the app. A goodbye that cannot wait for either accepts less: `RULES` has after
how long, and what.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from math import inf

from drainproxy.drain.goodbye import DRAIN, MAX_AGE, MAX_STREAM_AGE, REBALANCE

# In seconds, as all that follow. A pause: for so long no byte has moved in either direction. Most
# answers are computed in less, so none is on its way then.
QUIET = 0.1
# After this long without a pause: right behind a message of the app, when its client has hardly
# asked again.
ANSWER_PATIENCE = 1.0
# Without any of these, from so long on at the next place that does no harm to the framing.
PATIENCE = 2.0
# A call whose answer has not begun may be a short one, which ends by itself.
UNANSWERED_PATIENCE = 5.0
# RFC 6455 7.1.1 leaves open how long the peer's Close may take. As long a goodbye that has no time
# left waits for the end of a frame.
HANDSHAKE_TIMEOUT = 5.0


class Place(IntEnum):
    """Where in a stream its bytes stand at the moment; the later, the better for a goodbye."""

    INSIDE = 0  # in the middle of a frame: nothing can be said
    FRAME = 1  # between two frames of one message of the app
    ANSWER = 2  # behind a message of the app, while the client is in the middle of one
    PAUSE = 3  # neither side is in the middle of a message


class Urgency(IntEnum):
    """How long a goodbye may be delayed, by who waits for it."""

    PATIENT = 0  # nobody: the connection is old, or one too many
    DRAIN = 1  # a process that shall end
    LAST = 2  # nobody any more: time is up


_URGENCIES = {
    MAX_AGE: Urgency.PATIENT,
    MAX_STREAM_AGE: Urgency.PATIENT,
    REBALANCE: Urgency.PATIENT,
    DRAIN: Urgency.DRAIN,
}


def urgency(why: str) -> Urgency:
    """How urgent a goodbye is that is said for this reason."""
    return _URGENCIES.get(why, Urgency.LAST)


@dataclass(frozen=True, slots=True)
class Rule:
    """When one goodbye may stand. All times are seconds, counted from its turn unless stated
    otherwise. It stands in a PAUSE that has lasted for `quiet`; from `answer_patience` on, directly
    behind a message of the app that ends at `behind_answer` or better; from `patience` on, at
    `least` or better. With `awaits_answer` an open question has its time first, counted from when
    it was asked. After `gives_up` the goodbye is not sent any more.
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

# For an age or a rebalance no message is torn, of either side, however long it takes.
_WEBSOCKET_PATIENT = Rule(
    quiet=QUIET,
    awaits_answer=True,
    answer_patience=ANSWER_PATIENCE,
    behind_answer=Place.PAUSE,
    patience=PATIENCE,
    least=Place.PAUSE,
)
# A drain does not wait for the end of the client's message, nor without end for that of the app's.
_WEBSOCKET_DRAIN = replace(_WEBSOCKET_PATIENT, behind_answer=Place.ANSWER, least=Place.FRAME)
# What has no time left makes do with any frame.
_WEBSOCKET_LAST = Rule(
    quiet=0,
    awaits_answer=False,
    answer_patience=0,
    behind_answer=Place.FRAME,
    patience=0,
    least=Place.FRAME,
    gives_up=HANDSHAKE_TIMEOUT,
)
# A client makes a call that has ended with UNAVAILABLE again at once, so no reason is more patient
# than another. There is nothing to wait behind: the messages of a stream answer nothing.
_GRPC = Rule(
    quiet=QUIET,
    awaits_answer=False,
    answer_patience=inf,
    behind_answer=Place.PAUSE,
    patience=PATIENCE,
    least=Place.FRAME,
)
_GRPC_UNANSWERED = replace(_GRPC, quiet=inf, patience=UNANSWERED_PATIENCE)

# Nothing is known of what an endless answer contains: in a pause what came last is likely to be
# whole. Only a drain ends one; whatever else does cuts it, so that it is not taken for a whole one.
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
    """Which event streams may end for one reason, between two events: those alone whose clients can
    ask for what follows, if `resumable`. `retry`: after how many milliseconds they come again, a
    range."""

    resumable: bool
    retry: tuple[int, int]


# The reconnection time of event streams, in milliseconds. Where each has its own turn
# (drain-spread, an age) there is no wave to break, and a short time misses little. Where all end at
# once they must not all be back at once.
_OWN_TURN, _ALL_AT_ONCE = (100, 1000), (1000, 5000)
# A client that can resume loses nothing by an end. One that cannot loses the events until it is
# back, so a drain waits for it unless sse-drain says otherwise; an age is a setting of its own.
EVENT_RULES: dict[tuple[str, Urgency], EventRule] = {
    ("auto", Urgency.PATIENT): EventRule(resumable=False, retry=_OWN_TURN),
    ("auto", Urgency.DRAIN): EventRule(resumable=True, retry=_OWN_TURN),
    ("auto", Urgency.LAST): EventRule(resumable=False, retry=_ALL_AT_ONCE),
    ("end", Urgency.PATIENT): EventRule(resumable=False, retry=_OWN_TURN),
    ("end", Urgency.DRAIN): EventRule(resumable=False, retry=_OWN_TURN),
    ("end", Urgency.LAST): EventRule(resumable=False, retry=_ALL_AT_ONCE),
    # A drain does not ask these, but for what it had asked before the setting was changed.
    ("wait", Urgency.PATIENT): EventRule(resumable=False, retry=_OWN_TURN),
    ("wait", Urgency.DRAIN): EventRule(resumable=False, retry=_OWN_TURN),
    ("wait", Urgency.LAST): EventRule(resumable=False, retry=_ALL_AT_ONCE),
}


@dataclass(slots=True)
class Pending:
    """A goodbye that waits for its place. Its turn came at `since`, a byte moved last at `moved`; a
    pause is looked for at `poll_at`, inf if not before something moves. The oldest question that
    is open was asked at `asked`, or before its turn."""

    why: str
    urgency: Urgency
    since: float
    moved: float
    poll_at: float
    asked: float

    def move(self, now: float) -> None:
        """Something has moved: the place for it may be near."""
        self.moved = now
        self.poll_at = min(self.poll_at, now + QUIET)


def new_pending(why: str, now: float, level: Urgency | None = None) -> Pending:
    """A goodbye whose turn has come."""
    return Pending(why, urgency(why) if level is None else level, now, now, now + QUIET, now)


def may_stand(rule: Rule, pending: Pending, place: Place, now: float, *, question: float) -> bool:
    """Whether it may be said here and now without a pause. `question`: how many seconds a question
    has that is open, 0 if none is."""
    resort = last_resort(rule, pending, question=question)
    if place >= rule.least and rule.least < Place.PAUSE and now >= resort:
        return True
    if question or place < rule.behind_answer:
        return False
    return pending.moved - pending.since >= rule.answer_patience


def pause_begins(rule: Rule, pending: Pending, *, question: float) -> float:
    """When the pause is long enough for it, if nothing moves until then."""
    quiet = max(rule.quiet, question) if rule.awaits_answer else rule.quiet
    return min(pending.moved + quiet, last_resort(rule, pending, question=question))


def last_resort(rule: Rule, pending: Pending, *, question: float) -> float:
    """From when on it makes do with less than a pause."""
    resort = pending.since + rule.patience
    if question and rule.awaits_answer:
        return max(resort, pending.asked + question)
    return resort
