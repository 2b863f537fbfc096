"""The field lines of HTTP/1 heads: what each means to a hop, read once for each spelling.

Strict wherever two parsers could disagree. `Refused` carries the status that the sender of a bad
request must be told; for a bad response it only says why.
"""

import re
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from drainproxy.wire.authority import is_authority


class Refused(Exception):
    """A message that must not be forwarded: `status` for the client, `reason` in plain words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class Field(IntEnum):
    """The fields that mean something to a hop; every other one is ORDINARY."""

    ORDINARY = 0
    HOST = 1
    CONTENT_LENGTH = 2
    TRANSFER_ENCODING = 3
    CONNECTION = 4
    UPGRADE = 5
    EXPECT = 6
    FORWARDED_FOR = 7
    FORWARDED_PROTO = 8
    FORWARDED_HOST = 9
    FORWARDED = 10
    CONTENT_TYPE = 11
    KEEP_ALIVE = 12
    MISSPELT = 13
    CONTENT_ENCODING = 14
    HTTP2_SETTINGS = 15
    # One that is right, and that not every parser can read as it stands.
    TABBED = 16


_MEANING = {
    b"host": Field.HOST,
    b"content-length": Field.CONTENT_LENGTH,
    b"transfer-encoding": Field.TRANSFER_ENCODING,
    b"connection": Field.CONNECTION,
    b"upgrade": Field.UPGRADE,
    b"expect": Field.EXPECT,
    b"x-forwarded-for": Field.FORWARDED_FOR,
    b"x-forwarded-proto": Field.FORWARDED_PROTO,
    b"x-forwarded-host": Field.FORWARDED_HOST,
    b"forwarded": Field.FORWARDED,
    b"http2-settings": Field.HTTP2_SETTINGS,
    b"content-type": Field.CONTENT_TYPE,
    b"keep-alive": Field.KEEP_ALIVE,
    b"content-encoding": Field.CONTENT_ENCODING,
}
# WSGI and CGI map "_" and "-" to the same variable: spelt so, an app would take a client's word
# for what frames its message or for what we have appended.
_NEVER_MISSPELT = {
    *(Field.CONTENT_LENGTH, Field.TRANSFER_ENCODING),
    *(Field.FORWARDED_FOR, Field.FORWARDED_PROTO, Field.FORWARDED_HOST),
}

DIGITS_AND_LETTERS = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# RFC 9110 5.6.2
TOKEN = b"!#$%&'*+-.^_`|~" + DIGITS_AND_LETTERS
# RFC 9110 5.5: field values are HTAB, SP, VCHAR and obs-text.
TEXT = bytes(c for c in range(256) if c >= 0x20 and c != 0x7F) + b"\t"
# The fewer bytes `translate` has to delete, the sooner it begins.
_CONTROL = bytes(c for c in range(256) if c not in TEXT)
# Below 2**63, whatever the digits are: no app's integer overflows.
_MOST_LENGTH_DIGITS = 18


# Content codings under which a body can be read as it passes.
PLAIN = (b"", b"identity")


def read_host(value: bytes) -> bytes | None:
    """The host and port; None if that is not what stands there. RFC 9112 3.2: it may be empty."""
    host = value.strip(b" \t")
    return host if not host or is_authority(host) else None


def method_problem(method: bytes) -> str:
    """Why no app may get this method, empty if it may. RFC 9110 9.1: it is any token, whose case
    counts; but an app that folds the case must not see a HEAD or CONNECT that we do not."""
    if not method or method.translate(None, TOKEN):
        return "the method is not a token"
    plain = method.upper()
    if plain != method and plain in (b"HEAD", b"CONNECT"):
        return "HEAD or CONNECT in another spelling"
    return ""


def _content_length(value: bytes) -> int:
    """RFC 9112 6.3: digits only. Lists, signs, blanks inside and overflows are all refused."""
    digits = value.strip(b" \t")
    if not digits.isdigit() or len(digits) > _MOST_LENGTH_DIGITS:
        raise Refused(400, "Content-Length is not a plain number")
    return int(digits)


def _chunked_only(value: bytes) -> bytes:
    """RFC 9112 6.1: `chunked`, alone. A coding we do not know is 501, an odd `chunked` is 400."""
    coding = value.strip(b" ").lower()
    if coding != b"chunked":
        odd = not coding or b"chunked" in coding
        raise Refused(400 if odd else 501, "Transfer-Encoding is not chunked")
    return coding


# RFC 9110 5.6.4. One that does not end reaches to the end, so that no part is looked at twice.
_QUOTED = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*(?:"|\\?\Z)', re.DOTALL)


def forwarded_parameters(value: bytes) -> set[bytes]:
    """RFC 7239 4: what the proxies before us have named in a Forwarded field: for, by, proto, host.

    It is respected where it is read, so blanks around the names, which have no place there, count
    for nothing.
    """
    plain = _QUOTED.sub(b"x", value).replace(b",", b";")
    pairs = (pair.partition(b"=") for pair in plain.split(b";"))
    return {name.strip(b" \t").lower() for name, _, said in pairs if said.strip(b" \t")}


# Nobody has a hundred options for a hop; a list without end is there to be read, not to be meant.
_MOST_TOKENS = 100


def tokens(value: bytes) -> tuple[bytes, ...]:
    """The members of a list in small letters (RFC 9110 5.6.1); Refused if they are too many."""
    if value.count(b",") >= _MOST_TOKENS:
        raise Refused(400, f"a list of more than {_MOST_TOKENS} members")
    return tuple(token.strip(b" \t") for token in value.lower().split(b","))


_READERS: dict[Field, Callable[[bytes], Any]] = {
    Field.HOST: read_host,
    Field.CONTENT_LENGTH: _content_length,
    Field.TRANSFER_ENCODING: _chunked_only,
    Field.CONNECTION: tokens,
    Field.UPGRADE: lambda value: value.strip(b" \t").lower(),
    Field.EXPECT: lambda value: b"100-continue" in tokens(value),
    Field.CONTENT_ENCODING: lambda value: value.strip(b" \t").lower() not in PLAIN,
    Field.CONTENT_TYPE: lambda value: value.strip(b" \t")[:17].lower() == b"text/event-stream",
}

# Lines of these fields are remembered with what they mean: they come again and again, on other
# connections too, and keep no secrets. Whatever is not listed here is read anew each time.
_REPEATED = frozenset(
    b"host connection keep-alive content-length transfer-encoding content-type user-agent accept "
    b"accept-charset accept-encoding accept-language accept-ranges cache-control pragma vary date "
    b"server expect upgrade upgrade-insecure-requests origin te via dnt x-powered-by "
    b"sec-fetch-mode sec-fetch-site sec-fetch-dest sec-fetch-user sec-ch-ua sec-ch-ua-mobile "
    b"sec-ch-ua-platform content-encoding x-forwarded-proto x-forwarded-host".split()
)
_MOST_REMEMBERED = 1000
_LONGEST_REMEMBERED = 200

# What a field means and its value, read; None for a field that means nothing to a hop.
Read = tuple[int, Any] | None
# Spellings of names that were checked and mean nothing here.
_ordinary_names: set[bytes] = set()
_LONGEST_NAME = 40


class _FieldLines(dict[bytes, Read]):
    """The lines that are remembered; any other is checked, and read if it matters here (RFC 9110
    5.1, 5.5)."""

    def __missing__(self, line: bytes) -> Read:
        name, colon, value = line.partition(b":")
        if len(value.translate(None, _CONTROL)) != len(value):
            raise Refused(400, "a control byte, a bare CR or a bare LF in a field")
        if name in _ordinary_names and colon:
            return None
        if not colon:
            raise Refused(400, "a field without a colon")
        if not name or name.translate(None, TOKEN):
            raise Refused(400, "a field name is not a token")
        lower = name.lower()
        meaning = _MEANING.get(lower)
        if meaning is None:
            return _read_ordinary(line, name, lower)
        reader = _READERS.get(meaning)
        said = reader(value) if reader else None
        if reader and b"\t" in value and plain_line(name, value) != line:
            meaning = Field.TABBED
        read: Read = int(meaning), said
        if lower in _REPEATED:
            _remember(line, read)
        return read


_remembered = _FieldLines()
# What one field line says. With `map` it takes no step of the interpreter for those remembered.
read_field: Callable[[bytes], Read] = _remembered.__getitem__


def _read_ordinary(line: bytes, name: bytes, lower: bytes) -> Read:
    if misspelt(lower):
        return int(Field.MISSPELT), None
    if lower in _REPEATED:
        _remember(line, None)
    elif len(name) <= _LONGEST_NAME and len(_ordinary_names) < _MOST_REMEMBERED:
        _ordinary_names.add(name)
    return None


def misspelt(lower: bytes) -> bool:
    """Whether an app may take the field of this name for one that only its right name may be."""
    return 0x5F in lower and _MEANING.get(lower.replace(b"_", b"-")) in _NEVER_MISSPELT


def _remember(line: bytes, read: Read) -> None:
    if len(line) <= _LONGEST_REMEMBERED:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[line] = read


def plain_line(name: bytes, value: bytes) -> bytes:
    """The line of this field; with blanks for tabs if it means something to a hop. RFC 9110 5.6.3:
    they are as good, which some parsers do not know. In a media type a tab may be quoted."""
    meaning = _MEANING.get(name.lower())
    if meaning not in _READERS:
        return name + b":" + value
    value = value.strip(b" \t")
    return name + b": " + (value if meaning == Field.CONTENT_TYPE else value.replace(b"\t", b" "))


def field_of(line: bytes) -> Field:
    """What the field in a checked line of a head means; the first line of a head means nothing."""
    return _MEANING.get(line.partition(b":")[0].lower(), Field.ORDINARY)
