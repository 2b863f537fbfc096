"""The header blocks of HTTP/2 as messages: what a hop has to know of requests and of answers.

Heads are made of the fields that `matters` picks out. `malformed` says why no hop may forward a
message (RFC 9113 8.1.1): a word and not an error, since heads are remembered, wrong ones too.
"""

from collections.abc import Collection, Container
from copy import copy

from drainproxy.wire.authority import are_targets, is_authority, same_authority
from drainproxy.wire.chunked import NEVER_IN_TRAILERS, may_not_trail
from drainproxy.wire.fields import (
    DIGITS_AND_LETTERS,
    PLAIN,
    TOKEN,
    Refused,
    method_problem,
    misspelt,
)
from drainproxy.wire.hpack import HEADS_ONLY, OTHERS, TRACED, Fields, HeaderField, is_raw
from drainproxy.wire.http2_forwarded import proxied
from drainproxy.wire.logged import TRACE
from drainproxy.wire.mend import said_lengths

# What a field means to a hop: nothing; it begins with a colon (8.3); it may stand there once; it
# is read; a log wants it; it may not trail a message (RFC 9110 6.5.1), as some of those before; it
# concerns one connection only and has no place here (8.2.2); it is no name (8.2.1).
_ORDINARY, _PSEUDO, _SINGLE, _READ, _LOGGED, _NO_TRAILER = range(6)
_OF_A_CONNECTION, _NO_NAME, _MISSPELT = range(6, 9)

_MEANINGS: dict[bytes, int] = {
    **dict.fromkeys(NEVER_IN_TRAILERS, _NO_TRAILER),
    **dict.fromkeys((b":method", b":scheme", b":authority", b":path", b":protocol"), _PSEUDO),
    b":status": _PSEUDO,
    **dict.fromkeys((b"host", b"content-length", b"te"), _SINGLE),
    **dict.fromkeys((b"content-type", b"content-encoding", b"grpc-status"), _READ),
    **dict.fromkeys((b"accept", b"last-event-id"), _READ),
    TRACE: _LOGGED,
    **dict.fromkeys((b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"), _READ),
    **dict.fromkeys((b"connection", b"proxy-connection", b"keep-alive"), _OF_A_CONNECTION),
    **dict.fromkeys((b"transfer-encoding", b"upgrade"), _OF_A_CONNECTION),
}
# Of these the name is all that matters.
_STANDS_IN = {_NO_TRAILER: HEADS_ONLY, _LOGGED: TRACED}
# Names that were checked and mean nothing here.
_ordinary: set[bytes] = set()
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 1000, 40

_NAME = bytes(c for c in TOKEN if c not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# RFC 3986: a target is made of visible ASCII; no fragment (8.3.1), as in HTTP/1.
_TARGET_BYTES = bytes(range(0x21, 0x7F)).replace(b"#", b"")
# RFC 3986 3.1
_SCHEME_BYTES = DIGITS_AND_LETTERS + b"+-."
# The default limit of fields.
MOST_FIELDS = 100
# In place of a content-length that is not there: no stream is as long.
UNTOLD = 1 << 62

_REQUEST = frozenset((b":method", b":scheme", b":authority", b":path", b":protocol"))
_ANSWER = frozenset((b":status",))


_LENGTH = b"content-length"
# Where a head has it that metadata are plain bytes after a NUL, to which gRPC peers have agreed.
_BINARY = b"-bin"


class RequestHead:
    """What the client's block says. `trailers`: it ends a request and begins none. `many`: of its
    fields there may be too many. `unusual`: it may be one that no app must get. `special`: there is
    more to do for its stream than for a plain request. `length`: what its DATA must add up to
    (8.1.1), UNTOLD for whatever it is; `has_body`: to more than nothing.
    `traced`: it names a trace.

    `forwarded` is for whoever makes the head: what is appended to its block.
    """

    __slots__ = (
        "asks_for_events",
        "authority",
        "forwarded",
        "grpc",
        "has_body",
        "has_last_event_id",
        "kind",
        "length",
        "malformed",
        "many",
        "method",
        "path",
        "protocol",
        "proxied",
        "special",
        "traced",
        "trailers",
        "unusual",
    )

    def __init__(self, fields: Fields, most_fields: int = MOST_FIELDS) -> None:
        found, self.malformed = _survey(fields, _REQUEST)
        self.trailers = b":method" not in found
        self.method = found.get(b":method", b"")
        self.path = found.get(b":path", b"")
        self.authority = found.get(b":authority") or found.get(b"host", b"")
        # RFC 8441: what an extended CONNECT asks for.
        self.protocol = found.get(b":protocol", b"")
        self.grpc = _is_grpc(found.get(b"content-type", b""))
        # What its stream is in flight as; RFC 8441: a WebSocket is one from its beginning.
        self.kind = (
            "grpc" if self.grpc else "websocket" if self.protocol == b"websocket" else "http2"
        )
        self.special = self.kind != "http2"
        # WHATWG HTML 9.2.4: an EventSource that comes again says the last id that it has heard.
        self.has_last_event_id = bool(found.get(b"last-event-id"))
        accepted = found.get(b"accept", b"").lower()
        self.asks_for_events = self.method == b"GET" and b"text/event-stream" in accepted
        self.traced = TRACED in fields
        # Whether a proxy before us has said where the client came in.
        self.proxied = (b"x-forwarded-proto" in found, b"x-forwarded-host" in found)
        if b"forwarded" in found:
            self.proxied = proxied(fields, self.proxied)
        self.forwarded = b""
        if not self.malformed and _BINARY in found and not self.grpc:
            self.malformed = f"the value of {_text(found[_BINARY])} has bytes that only gRPC knows"
        if not self.malformed:
            self.malformed = _request_problem(found)
        if self.trailers and not self.malformed and _may_not_trail(fields):
            self.malformed = _NO_TRAILERS
        # That of CONNECT is a tunnel.
        counts = not self.malformed and self.method != b"CONNECT"
        self.length = int(found[b"content-length"]) if counts and _LENGTH in found else UNTOLD
        self.has_body = 0 < self.length < UNTOLD
        self.many = len(fields) > most_fields
        self.unusual = (
            bool(self.malformed) or self.many or self.trailers or self.method == b"CONNECT"
        )


class AnswerHead:
    """What the app's block says; `status` is 0 if these are trailers. `media_type`: in lower case,
    without parameters; one of those `named` has to be known. `plain`: it can be nothing but the
    beginning of a final answer, of which no more is to be known but `length`, which its body must
    have, UNTOLD for any. `trailers`: nothing but the end of one. `fields`: what it is made of.
    `odd`: why it cannot go on as it came, but only what `mended` makes of its fields."""

    __slots__ = (
        "encoded",
        "event_stream",
        "fields",
        "grpc_status",
        "length",
        "malformed",
        "media_type",
        "odd",
        "plain",
        "status",
        "trailers",
    )

    def __init__(self, fields: Fields, named: Container[bytes] = ()) -> None:
        self.fields = fields
        found, self.malformed = _survey(fields, _ANSWER)
        status = found.get(b":status")
        self.status = 0
        self.grpc_status = found.get(b"grpc-status")
        self.length = UNTOLD
        content_type = found.get(b"content-type", b"")
        self.event_stream = content_type[:17].lower() == b"text/event-stream"
        self.media_type = content_type.partition(b";")[0].strip().lower()
        if status is not None:
            if len(status) == 3 and status.isdigit() and status >= b"100":
                self.status = int(status)
            else:
                self.malformed = self.malformed or "the :status is not a number of three digits"
        # What is in the body cannot be read as it passes.
        self.encoded = found.get(b"content-encoding", b"").strip().lower() not in PLAIN
        usual = not self.event_stream and self.media_type not in named
        self.odd = ""
        if self.status and not self.malformed and _LENGTH in found:
            self._read_length(found[_LENGTH])
        elif not self.status and not self.malformed:
            self._read_trailers(fields, found)
        right = not self.malformed and not self.odd
        self.plain = self.status >= 200 and right and usual
        self.trailers = not self.status and right

    def _read_length(self, said: bytes) -> None:
        """RFC 9110 8.6: it may be said again, and goes on as one number, as in HTTP/1."""
        try:
            self.length, *others = said_lengths(said)
        except Refused:
            self.malformed = _NO_NUMBER
        else:
            if others:
                self.malformed = _TWICE
            if b"," in said:
                self.odd = _TWICE

    def _read_trailers(self, fields: Fields, found: Collection[bytes]) -> None:
        """RFC 9110 6.5.1: what may not trail is left out, but for what may be taken for the length;
        as in HTTP/1."""
        if _LENGTH in found:
            self.malformed = _NO_TRAILERS
        elif _may_not_trail(fields):
            self.odd = _NO_TRAILERS

    def of_a_call(self) -> "AnswerHead":
        """The same of gRPC, whose trailers are an app's metadata: no client takes them for a part
        of the head."""
        if self.status:
            return self
        trailers = copy(self)
        trailers.odd, trailers.trailers = "", True
        return trailers

    def mended(self, fields: Fields) -> Fields:
        """`fields` are all of its block."""
        if not self.status:
            return tuple([field for field in fields if not may_not_trail(field[0])])
        others = [field for field in fields if field[0] != _LENGTH]
        return *others, (_LENGTH, b"%d" % self.length)


def _is_grpc(content_type: bytes) -> bool:
    """gRPC itself; gRPC-Web has its trailers in the body, where nobody sees them."""
    return content_type[:16] == b"application/grpc" and content_type[16:17] in (b"", b"+", b";")


def matters(name: bytes) -> bool | HeaderField:
    """Whether a head has to know of this field: by what it means, or because it is wrong. Of some
    the name is all that matters."""
    if name in _ordinary:
        return False
    meaning = _MEANINGS.get(name) or _meaning(name)
    return _STANDS_IN.get(meaning) or meaning != _ORDINARY


def _survey(fields: Fields, pseudo: frozenset[bytes]) -> tuple[dict[bytes, bytes], str]:
    """The fields that matter, by name, and what is malformed in any of them. What an app may act
    on otherwise than we do is wrong in requests alone: in an answer nobody takes content_length for
    the length, and a host means nothing."""
    found: dict[bytes, bytes] = {}
    begun, asks = False, pseudo is _REQUEST
    for field in fields:
        name, value = field
        stands_in = field is OTHERS or field is TRACED or field is HEADS_ONLY
        meaning = _ORDINARY if stands_in else _MEANINGS.get(name) or _meaning(name)
        if meaning == _PSEUDO:
            if begun or name not in pseudo or name in found:
                return found, f"{_text(name)} has no place where it stands"
            found[name] = value
        elif meaning > _NO_TRAILER and (asks or meaning != _MISSPELT):
            return found, _WRONG_NAMES[meaning].format(_text(name))
        else:
            begun = True
            if meaning == _SINGLE and name in found:
                if asks or name == b"te":
                    return found, f"{_text(name)} is there twice"
                if name == b"content-length":
                    value = found[name] + b"," + value
            found[name] = value
        if value and is_raw(value):
            if not name.endswith(b"-bin") or value[:1] != b"\0":
                return found, f"the value of {_text(name)} has a NUL, CR or LF"
            found[_BINARY] = name
    return found, _found_problem(found, lists=b":status" in found)


def _meaning(name: bytes) -> int:
    """What a field means whose name is none of those that are known to matter."""
    if name in _ordinary:
        return _ORDINARY
    if name[:1] == b":":
        return _PSEUDO
    if not name or name.translate(None, _NAME):
        return _NO_NAME
    if misspelt(name):
        return _MISSPELT
    if may_not_trail(name):
        return _NO_TRAILER
    if len(name) <= _LONGEST_REMEMBERED and len(_ordinary) < _MOST_REMEMBERED:
        _ordinary.add(name)
    return _ORDINARY


_WRONG_NAMES = {
    _OF_A_CONNECTION: "{} concerns one connection and has no place in HTTP/2",
    _NO_NAME: "{} is not the name of a field",
    _MISSPELT: "{} may be taken for the field with hyphens",
}


def too_many(fields: Fields, most: int) -> bool:
    """Whether these are more fields than so many; of the crumbs of cookies there may be any number
    (8.2.3)."""
    return sum(name != b"cookie" for name, _ in fields) > most


def _found_problem(found: dict[bytes, bytes], *, lists: bool) -> str:
    """`lists`: a list of lengths is looked at elsewhere."""
    length = found.get(b"content-length")
    if length is not None and not (length.isdigit() and len(length) <= _MOST_LENGTH_DIGITS):
        return "" if lists and b"," in length else _NO_NUMBER
    if found.get(b"te", b"trailers") != b"trailers":
        return "te is not trailers"
    return ""


def _may_not_trail(fields: Fields) -> bool:
    ours = {id(field) for field in (OTHERS, TRACED, HEADS_ONLY)}
    names = (field[0] for field in fields if id(field) not in ours)
    return HEADS_ONLY in fields or any(may_not_trail(name) for name in names)


_NO_NUMBER, _TWICE = "content-length is not a plain number", "content-length is there twice"
_NO_TRAILERS = "a field that must not be a trailer"
# As in HTTP/1: below 2**63, whatever the digits are.
_MOST_LENGTH_DIGITS = 18


def _request_problem(found: dict[bytes, bytes]) -> str:
    """8.3.1 and, for CONNECT, 8.5 and RFC 8441 4."""
    method = found.get(b":method")
    if method is None:
        pseudo = [name for name in found if name in _REQUEST]
        return f"{_text(pseudo[0])} without :method" if pseudo else ""
    if problem := method_problem(method):
        return problem
    authority = found.get(b":authority")
    host = found.get(b"host", authority)
    if host is not None and (
        not _names_hosts(found, host) or (authority != host and _differ(found, authority, host))
    ):
        return "the :authority is not a host, or not the one in host"
    if method == b"CONNECT" and b":protocol" not in found:
        plain = authority and b":scheme" not in found and b":path" not in found
        return "" if plain else "CONNECT has an :authority and nothing else"
    if b":protocol" in found and (method != b"CONNECT" or not authority):
        return ":protocol stands in a CONNECT to an :authority"
    scheme = found.get(b":scheme", b"")
    if not scheme[:1].isalpha() or scheme.translate(None, _SCHEME_BYTES):
        return "the :scheme is missing or not what it must be"
    if not _is_target(found.get(b":path", b""), method):
        return "the :path is missing or not what it must be"
    return ""


def _names_hosts(found: dict[bytes, bytes], host: bytes) -> bool:
    """As in HTTP/1; but gRPC clients give the target that they were given, whatever resolves it:
    a list of addresses, or a port by its name."""
    if not host or is_authority(host):
        return True
    return _is_grpc(found.get(b"content-type", b"")) and are_targets(host)


def _differ(found: dict[bytes, bytes], authority: bytes | None, host: bytes) -> bool:
    """8.3.1: both are normalised before they are compared. No host is no other spelling of one."""
    if authority is None:
        return False
    return not (authority and host and same_authority(authority, host, found.get(b":scheme", b"")))


def _is_target(path: bytes, method: bytes) -> bool:
    if path == b"*":
        return method == b"OPTIONS"
    return path[:1] == b"/" and not path.translate(None, _TARGET_BYTES)


def _text(name: bytes) -> str:
    return ascii(name.decode("latin-1"))
