"""What a client saw in one case, and when that is as good through the sidecar as without it."""

from enum import IntEnum
from typing import NamedTuple

from tests.e2e.conformance.frames import Code


class Grade(IntEnum):
    """What became of what was sent, from the most lenient to the strictest."""

    # No answer, and the connection is neither ended nor does it serve anything else.
    HANGS = 0
    # A response, 1xx to 3xx.
    SERVED = 1
    # No answer, but a PING afterwards has one.
    IGNORED = 2
    # A response that says no: for a malformed request RFC 9113, 8.1.1, allows it.
    REFUSED = 3
    # RST_STREAM.
    STREAM_ERROR = 4
    # GOAWAY and the end of the connection, or its end alone.
    CONNECTION_ERROR = 5


class Outcome(NamedTuple):
    """`code` is that of RST_STREAM or GOAWAY, `detail` all else that a client could tell."""

    grade: Grade
    code: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, [self._what(), self.detail]))

    def _what(self) -> str:
        if self.code is None:
            closed = self.grade is Grade.CONNECTION_ERROR
            return "closed" if closed else self.grade.name.lower()
        frame = "RST_STREAM" if self.grade is Grade.STREAM_ERROR else "GOAWAY"
        return f"{frame} {name_of(self.code)}"


class Rule(NamedTuple):
    """What the RFC says of something illegal: the least it asks for, and with which codes."""

    asks: Grade
    codes: frozenset[int]


def name_of(code: int) -> str:
    return next((known.name for known in Code if known == code), f"{code:#x}")


def is_as_good(through: Outcome, alone: Outcome, rule: Rule | None) -> bool:
    """Whether the sidecar did what the app does, or something stricter.

    Without a rule, for what is legal, both must be the same in every detail. What is illegal must
    be the same error, or one that is at least as strict as that of the app, or as the RFC asks
    for if the app does more than that; then the code must be one that the RFC allows there. A
    connection may always just be closed instead (RFC 9113, 5.4.1).
    """
    if rule is None:
        return through == alone
    if through[:2] == alone[:2]:
        return True
    strict = through.grade >= min(alone.grade, rule.asks)
    return strict and (through.code is None or through.code in rule.codes)
