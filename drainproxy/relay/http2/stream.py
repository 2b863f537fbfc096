"""One HTTP/2 stream: in flight from its request to the end of both messages."""

from typing import Protocol

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT, FINISHED, GOODBYE
from drainproxy.relay.context import Access, AccessLog, Context
from drainproxy.relay.transport import Transport
from drainproxy.wire.http2_head import UNTOLD, RequestHead
from drainproxy.wire.logged import NO_FACTS, Facts

# What a gRPC client makes of a stream that was reset (gRPC over HTTP/2, "Errors"): the statuses
# CANCELLED, RESOURCE_EXHAUSTED, PERMISSION_DENIED and UNAVAILABLE, for all other codes INTERNAL.
_RESET_STATUS = {8: b"1", 11: b"8", 12: b"7", 7: b"14"}
_INTERNAL = b"13"
UNAVAILABLE = b"14"
# Less than no DATA.
NO_MORE = -1
# gRPC Health Checking Protocol: its answers come whenever the health changes.
_WATCH = b"/grpc.health.v1.Health/Watch"
# Without any status of the app: CANCELLED if the client went away, UNKNOWN if the app just said
# none, and what we say ourselves.
_STATUS_BY_ENDING = {
    CLIENT_LEFT: b"1",
    FINISHED: b"2",
    **dict.fromkeys((APP_LEFT, CUT, GOODBYE), UNAVAILABLE),
}


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

    `due`, `answer_due`: how many bytes its DATA, and that of its answer, must add up to, where they
    say so: their content-length and what has come of padding (RFC 9113 8.1.1); else over UNTOLD.
    Before an answer begins it is NO_MORE.
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

    # Set where the settings name the media type of the answer, and of no other stream.
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
        # By how much the client has opened the window of this stream.
        self.credit = 0
        # Of its DATA what has gone to the app, and what the app has given back to its window.
        self.sent = self.taken = 0
        self.due, self.answer_due = head.length, NO_MORE
        self.grpc_status: bytes | None = None
        self.kind = head.kind
        # DATA of the answer; and what the request's fields tell of it, for the access log.
        self.received = 0
        self.facts: Facts = NO_FACTS

    @property
    def peer(self) -> str:
        """The client's address."""
        return self.owner.peer

    @property
    def path(self) -> str:
        """The target; of gRPC it is the method."""
        return self.head.path.decode("ascii", "replace")

    @property
    def media_type(self) -> bytes:
        """The media type of the answer, if it has begun and the settings name it."""
        return getattr(self, "named", b"")

    @property
    def may_be_endless(self) -> bool:
        """It has not announced its length, as far as is known: RFC 9113 8.1.1, with less than its
        content-length it would be malformed."""
        return not NO_MORE < self.answer_due < UNTOLD

    @property
    def has_its_length(self) -> bool:
        """Its DATA adds up to what its content-length says, if it says that (RFC 9113 8.1.1)."""
        return self.sent == self.due or self.due >= UNTOLD

    def answer_may_differ(self, status: int) -> bool:
        """From the length that it announces: where an answer has no content, the length of what it
        stands for may be said (RFC 9110 8.6); and what answers CONNECT is a tunnel (9.3.6)."""
        method = self.head.method
        if not status:
            return False
        is_empty = not self.received and (method == b"HEAD" or status in (204, 304))
        return is_empty or (method == b"CONNECT" and status < 300)

    @property
    def asked_whole(self) -> bool:
        """The request has come, and the app owes an answer: to CONNECT at once (RFC 8441 5)."""
        return self.client_done or self.head.method == b"CONNECT"

    @property
    def watches_health(self) -> bool:
        """Whether this is a health watch: endless, and its client begins it again elsewhere."""
        return self.kind == "grpc" and self.head.path == _WATCH

    def say_goodbye(self, why: str) -> None:
        """As soon as that loses nothing."""
        self.owner.say_goodbye_to(self, why)

    def close(self, ending: int) -> None:
        """Both messages are through, or never will be."""
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
            # A WebSocket's client has answered.
            context.ledger.close(self, ending, self.owner.why)

    def count_call(self, otherwise: bytes = _STATUS_BY_ENDING[FINISHED]) -> None:
        """Count this gRPC call by its status; `otherwise` if nobody has named one."""
        said = self.grpc_status
        # An answer that is no 200 says that there is no such call, or did not come to ask
        # (gRPC, "HTTP to gRPC Status Code Mapping").
        answered = (self.app_done or said is not None) and self.status in (0, 200)
        self.owner.context.counters.count_grpc(self.head.path, said or otherwise, answered=answered)

    def log(self, write: AccessLog) -> None:
        """Its line in the access log."""
        method = self.head.method.decode("ascii", "replace")
        seconds = self.owner.context.now() - self.opened
        path, status, received, facts = self.path, self.status, self.received, self.facts
        write(Access(self.kind, self.peer, method, path, status, seconds, received, facts))

    def was_reset(self, code: int) -> None:
        """The app has reset it: what that means to a gRPC client."""
        if self.grpc_status is None:
            self.grpc_status = _RESET_STATUS.get(code, _INTERNAL)
