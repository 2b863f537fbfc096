"""The values of `stream-drain`: `CONTENT-TYPE=end` or `/PATH-PREFIX=end`."""

import re

from .entries import parse_entries
from .values import EndingStream

MOST_STREAMS = 100

_SEPARATORS = re.compile(r"[\s,]+")
# Two tokens (RFC 9110 8.3.1).
_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# A path without query and fragment (RFC 9112 3.2.1).
_PATH = re.compile(r"/[!\"$->@-~]*")
_RIGHT = "write CONTENT-TYPE=end or /PATH-PREFIX=end; all others wait"
# What has a setting of its own.
_ELSEWHERE = {
    "text/event-stream": "event streams have sse-drain",
    "application/grpc": "gRPC has grpc-drain, or name the path of a method",
}


def parse_streams(text: str) -> tuple[EndingStream, ...]:
    """Several, separated by blanks or commas; all that is wrong is told at once."""
    return parse_entries(text, parse_stream, MOST_STREAMS)


def parse_stream(text: str) -> EndingStream:
    """One of them."""
    named, sign, drain = text.rpartition("=")
    if not sign or drain.lower() != "end":
        raise ValueError(f"does not end with =end: {_RIGHT}")
    if _PATH.fullmatch(named):
        return EndingStream(prefix=named)
    media_type = named.lower()
    if media_type in _ELSEWHERE:
        raise ValueError(f"has its own setting: {_ELSEWHERE[media_type]}")
    if not _MEDIA_TYPE.fullmatch(named):
        raise ValueError(f"is neither a media type nor a path: {_RIGHT}")
    return EndingStream(media_type=media_type)


def format_streams(streams: tuple[EndingStream, ...]) -> str:
    """As they are read."""
    return " ".join(map(str, streams))
