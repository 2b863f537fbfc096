"""What an access log has of a request beside its first line: user agent, host, request id, trace
id.

Read when the exchange has ended, and only if the access log is on: no other request pays for it,
but for its trace, which every line about it names. Nothing is judged: a malformed field is logged
as it is, or left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from drainproxy.wire.hpack import Entry, spelt

HOST, USER_AGENT, REQUEST_ID, TRACE = b"host", b"user-agent", b"x-request-id", b"traceparent"
_NAMES = (HOST, USER_AGENT, REQUEST_ID, TRACE)
_IN_A_HEAD = re.compile(rb"\r\n(%s):[ \t]*([^\r]*)(?=\r)" % b"|".join(_NAMES), re.IGNORECASE)
# W3C Trace Context, 3.2: a version other than ff, ids that are not all zeros; behind the flags a
# version that is yet to come may have more, and 00 has nothing.
_TRACEPARENT = re.compile(
    r"(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})"
    r"-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)

Facts = Mapping[bytes, bytes]
NO_FACTS: Facts = {}


def of_head(head: bytes) -> Facts:
    """From the head of a request in HTTP/1, or from as much of it as has come. Of a field that
    stands there twice the first counts."""
    found: dict[bytes, bytes] = {}
    for name, value in _IN_A_HEAD.findall(head):
        found.setdefault(name.lower(), value.rstrip(b" \t"))
    return found


def only_facts(head: bytes) -> bytes:
    """A head that tells the log the same, without anything else."""
    return b"".join(field[0] for field in _IN_A_HEAD.finditer(head)) + b"\r\n\r\n"


def of_fields(fields: Iterable[tuple[bytes, bytes]]) -> Facts:
    """From the fields of a request in HTTP/2; `:authority` is the host (RFC 9113 8.3.1)."""
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        if name == b":authority":
            found[HOST] = value
        elif name in _NAMES:
            found.setdefault(name, value)
    return found


class OnlyTrace(Mapping[bytes, bytes]):
    """Of the fields of a request in HTTP/2 this one alone, decoded if anybody asks."""

    __slots__ = ("_entry",)

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def __getitem__(self, name: bytes) -> bytes:
        if name != TRACE:
            raise KeyError(name)
        return spelt(self._entry)[1]

    def __iter__(self) -> Iterator[bytes]:
        yield TRACE

    def __len__(self) -> int:
        return 1


def trace_id(traceparent: str) -> str:
    """The id of the trace that a request belongs to; empty if this names none."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else ""
