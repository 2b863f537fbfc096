"""One HTTP/2 stream: in flight from its request to the end of both messages."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT, FINISHED, GOODBYE
from drainproxy.relay.context import Access, AccessLog, Context
from drainproxy.relay.transport import Transport
from drainproxy.wire.http2_head import UNTOLD, RequestHead
from drainproxy.wire.logged import NO_FACTS, Facts

# The status that a gRPC client derives from the code of RST_STREAM (gRPC over HTTP/2, "Errors"):
# CANCELLED, RESOURCE_EXHAUSTED, PERMISSION_DENIED or UNAVAILABLE; for all other codes INTERNAL.
_RESET_STATUS = {8: b"1", 11: b"8", 12: b"7", 7: b"14"}
_INTERNAL = b"13"
UNAVAILABLE = b"14"
# `answer_due` before the answer's head: even an empty DATA frame is too much.
NO_MORE = -1
# gRPC Health Checking Protocol: an endless call with a message for each change of the health.
_WATCH = b"/grpc.health.v1.Health/Watch"
# The status of a call to which the app has given none: CANCELLED if the client left, UNKNOWN if the
# app has ended without one, and else UNAVAILABLE, as we tell the client.
_STATUS_BY_ENDING = {
    CLIENT_LEFT: b"1",
    FINISHED: b"2",
    **dict.fromkeys((APP_LEFT, CUT, GOODBYE), UNAVAILABLE),
}
# Another HTTP status than 200 means that there is no such method, or that the call did not reach
# the service (gRPC, "HTTP to gRPC Status Code Mapping").
_ANSWERED = (0, 200)
_as_call = attrgetter("kind", "head", "status", "grpc_status")


class StreamOwner(Protocol):
    """The connection of a stream. `why`: the reason of its last goodbye or cut."""

    context: Context
    why: str
    client: Transport
    client_ended: bool

    @property
    def connected_at(self) -> float:
        """When the client has connected."""

    @property
    def peer(self) -> str:
        """The client's address."""

    def say_goodbye_to(self, stream: "Stream", why: str) -> None:
        """Say goodbye on this stream as soon as that loses nothing."""


class Stream:
    """A request and its answer, held in the ledger; `status` is 0 until the answer begins.

    `due`, `answer_due`: how many bytes the DATA of the request, and of the answer, must have:
    content-length plus the padding so far (RFC 9113 8.1.1). UNTOLD or more without content-length;
    `answer_due` is NO_MORE before the answer begins.
    """

    __slots__ = (
        "answer_due",
        "app_done",
        "begun",
        "client_done",
        "credit",
        "due",
        "facts",
        "grpc_status",
        "head",
        "id",
        "kind",
        "named",
        "opened",
        "owner",
        "received",
        "sent",
        "status",
        "taken",
    )

    # The media type of the answer; set only where `stream-drain` names it.
    named: bytes

    def __init__(
        self, owner: StreamOwner, stream: int, head: RequestHead, opened: float, client_done: bool
    ) -> None:
        self.owner = owner
        self.id = stream
        self.head = head
        self.opened = opened
        self.client_done = client_done
        self.app_done = self.begun = False
        self.status = 0
        # By how much the client has raised the window of this stream (WINDOW_UPDATE).
        self.credit = 0
        # Bytes of DATA sent to the app, and those that it has given back by WINDOW_UPDATE.
        self.sent = self.taken = 0
        self.due, self.answer_due = head.length, NO_MORE
        self.grpc_status: bytes | None = None
        self.kind = head.kind
        # For the access log: bytes of DATA of the answer, and the logged fields of the request.
        self.received = 0
        self.facts: Facts = NO_FACTS

    @property
    def peer(self) -> str:
        """The client's address."""
        return self.owner.peer

    @property
    def path(self) -> str:
        """The target of the request; for gRPC the method."""
        return self.head.path.decode("ascii", "replace")

    @property
    def media_type(self) -> bytes:
        """The media type of an answer that `stream-drain` names; empty for any other."""
        return getattr(self, "named", b"")

    @property
    def may_be_endless(self) -> bool:
        """Whether the answer has not announced a length so far: one that has would be malformed if
        we ended it early (RFC 9113 8.1.1)."""
        return not NO_MORE < self.answer_due < UNTOLD

    @property
    def has_its_length(self) -> bool:
        """Whether the request's DATA matches its content-length, if it has one (RFC 9113 8.1.1)."""
        return self.sent == self.due or self.due >= UNTOLD

    def answer_may_differ(self, status: int) -> bool:
        """Whether the answer's DATA may differ from its content-length: an answer without content
        may announce what it would have (RFC 9110 8.6), and CONNECT opens a tunnel (9.3.6)."""
        method = self.head.method
        if not status:
            return False
        is_empty = not self.received and (method == b"HEAD" or status in (204, 304))
        return is_empty or (method == b"CONNECT" and status < 300)

    @property
    def asked_whole(self) -> bool:
        """Whether the app owes an answer: the request is complete, or is CONNECT (RFC 8441 5)."""
        return self.client_done or self.head.method == b"CONNECT"

    @property
    def watches_health(self) -> bool:
        """Whether this is a gRPC health watch, which is endless, and which clients repeat."""
        return self.kind == "grpc" and self.head.path == _WATCH

    def say_goodbye(self, why: str) -> None:
        """Say goodbye on this stream as soon as that loses nothing."""
        self.owner.say_goodbye_to(self, why)

    def close(self, ending: int) -> None:
        """Count and book the end of the stream."""
        context = self.owner.context
        if self.status:
            context.counters.answered(self, context.now())
        if self.kind == "grpc":
            self.count_call(_STATUS_BY_ENDING[ending])
        if context.access_log is not None:
            self.log(context.access_log)
        if ending == GOODBYE and self.kind != "websocket":
            context.deliveries.begin(self, self.owner, self.owner.why)
        else:
            # GOODBYE of a WebSocket means that the client has answered: it is delivered.
            context.ledger.close(self, ending, self.owner.why)

    def count_call(self, otherwise: bytes) -> None:
        """Count this gRPC call by its status; `otherwise` if the app has given none."""
        said = self.grpc_status
        answered = (self.app_done or said is not None) and self.status in _ANSWERED
        methods = self.owner.context.counters.methods
        methods.count(self.head.path, said or otherwise, answered=answered)

    def log(self, write: AccessLog) -> None:
        """Write the stream's line in the access log."""
        method = self.head.method.decode("ascii", "replace")
        seconds = self.owner.context.now() - self.opened
        path, status, received, facts = self.path, self.status, self.received, self.facts
        write(Access(self.kind, self.peer, method, path, status, seconds, received, facts))

    def was_reset(self, code: int) -> None:
        """Note the gRPC status that a client derives from the app's RST_STREAM."""
        if self.grpc_status is None:
            self.grpc_status = _RESET_STATUS.get(code, _INTERNAL)


def count_calls(context: Context, finished: Iterable[Stream]) -> None:
    """Count the gRPC calls among streams whose two messages are complete. Those that finish in one
    read are often alike."""
    for (kind, head, status, said), alike in groupby(finished, _as_call):
        if kind == "grpc":
            said, calls = said or _STATUS_BY_ENDING[FINISHED], len([*alike])
            answered = status in _ANSWERED
            context.counters.methods.count(head.path, said, answered=answered, calls=calls)
