"""Reads the heads of an HTTP/2 client's requests, with a cache: clients repeat themselves."""

from drainproxy.drain.stream_drain import StreamDrain
from drainproxy.wire.hpack import Fields
from drainproxy.wire.http2_forwarded import forwarded
from drainproxy.wire.http2_head import RequestHead
from drainproxy.wire.memory import Memory

# In bytes: the size of the cache, some 30 usual heads; and what a head takes beside its fields.
_ROOM, _WEIGHT = 16384, 400
_LONGEST_HEAD = 1000

# Stands for a head whose fields are over max-header-bytes.
TOO_LONG = RequestHead(())
TOO_LONG.malformed = "the fields are over max-header-bytes"


class RequestHeads:
    """The cache of one connection. `client_ip`: the client in X-Forwarded-For; empty for none."""

    __slots__ = ("_known", "_max_fields", "_stream_drain", "client_ip")

    def __init__(self, max_fields: int, stream_drain: StreamDrain) -> None:
        self._max_fields = max_fields
        self._stream_drain = stream_drain
        self._known = Memory[Fields, RequestHead](_ROOM)
        self.client_ip = b""

    def forget(self) -> None:
        """Empty the cache."""
        self._known.forget()

    def understand(self, fields: Fields) -> RequestHead:
        """The head with these fields, of which `http2_head.matters` has left some out."""
        head = self._known.get(fields)
        if head is None:
            head = RequestHead(fields, self._max_fields)
            if self._stream_drain.prefixes:
                path = head.path.decode("ascii", "replace")
                head.special = head.special or self._stream_drain.ends(head.kind, path, b"")
            if self.client_ip and not head.trailers:
                head.forwarded = forwarded(self.client_ip, b"http", head.authority, head.proxied)
            length = sum([len(name) + len(value) for name, value in fields])
            if length <= _LONGEST_HEAD:
                self._known.keep(fields, head, length + _WEIGHT)
        return head
