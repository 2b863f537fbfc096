"""The model of a smoke test: requests, expectations and results.

Times are in seconds. A field that is None, empty or UNSET expects nothing.
"""

from typing import Any

from msgspec import UNSET, Struct

# Without a unit of its own each attempt gets this long, in seconds.
TIMEOUT = 10.0
RETRY_INTERVAL = 1.0

Headers = tuple[tuple[str, str], ...]


class Tls(Struct, frozen=True):
    """Whom to trust, by the paths of PEM files, and who we are.

    `server_name` is the name that the certificate must have, where it is not that of the URL.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    server_name: str = ""
    insecure: bool = False


class StatusRange(Struct, frozen=True):
    """Status codes of HTTP, both ends included: 200, 2xx or 200-299."""

    first: int
    last: int

    def __contains__(self, status: int) -> bool:
        return self.first <= status <= self.last

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        if self.first % 100 == 0 and self.last == self.first + 99:
            return f"{self.first // 100}xx"
        return f"{self.first}-{self.last}"


SUCCESS = (StatusRange(200, 299),)


class Text(Struct, frozen=True):
    """What a text must hold, must not hold, and which regular expressions must be found in it."""

    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()


class HttpExpect(Struct, frozen=True):
    """`json` is a part of the answer: keys that it does not name may be there too."""

    status: tuple[StatusRange, ...] = SUCCESS
    headers: Headers = ()
    text: Text = Text()
    json: Any = UNSET
    within: float | None = None


class Http(Struct, frozen=True):
    """A request. `follow_redirects` None: unless a 3xx is what is expected."""

    url: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes | None = None
    follow_redirects: bool | None = None
    tls: Tls = Tls()
    expect: HttpExpect = HttpExpect()

    @property
    def follows(self) -> bool:
        """Whether redirects are followed."""
        if self.follow_redirects is not None:
            return self.follow_redirects
        return not all(300 <= each.first <= each.last <= 399 for each in self.expect.status)


# By this we end a WebSocket where a step names no other (RFC 6455, 7.4.1).
CLOSE_CODE = 1000


class WebSocketExpect(Struct, frozen=True):
    """`messages`: in this order, each held by one that comes. `close_code`: the server's Close."""

    messages: tuple[str, ...] = ()
    subprotocol: str = ""
    close_code: int | None = None
    within: float | None = None


class WebSocketAction(Struct, frozen=True):
    """An upgrade and what is sent then. With `close` we end it first, by that code."""

    url: str
    headers: Headers = ()
    subprotocols: tuple[str, ...] = ()
    send: tuple[str | bytes, ...] = ()
    close: int | None = None
    tls: Tls = Tls()
    expect: WebSocketExpect = WebSocketExpect()


class SseExpect(Struct, frozen=True):
    """So many events, and these texts in the data of any of them. `ends`: the stream ends then."""

    events: int = 1
    headers: Headers = ()
    first_event_within: float | None = None
    contains: tuple[str, ...] = ()
    event: str = ""
    ends: bool = False
    within: float | None = None


class Sse(Struct, frozen=True):
    """An event stream (WHATWG HTML 9.2), left when it has brought what is expected."""

    url: str
    headers: Headers = ()
    tls: Tls = Tls()
    expect: SseExpect = SseExpect()


class GrpcExpect(Struct, frozen=True):
    """`health` is a status of grpc.health.v1; `text` looks at the message, `json` at a part."""

    status: str = "OK"
    health: str = "SERVING"
    text: Text = Text()
    json: Any = UNSET
    within: float | None = None


class Grpc(Struct, frozen=True):
    """A unary call: of `method` with `message`, or with `json` by the server's reflection; without
    a method the health of `service`, of the whole server if that is empty."""

    target: str
    secure: bool = False
    method: str = ""
    service: str = ""
    message: bytes = b""
    json: Any = UNSET
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    tls: Tls = Tls()
    expect: GrpcExpect = GrpcExpect()


class ExecExpect(Struct, frozen=True):
    """`text` looks at what the command writes to its standard output."""

    exit_code: int = 0
    text: Text = Text()
    within: float | None = None


class ExecAction(Struct, frozen=True):
    """A command: the words of a program, never seen by a shell, or a text for `sh -c`."""

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    expect: ExecExpect = ExecExpect()


Action = Http | WebSocketAction | Sse | Grpc | ExecAction


class Step(Struct, frozen=True):
    """One question, asked up to `retries` times again until its answer is right."""

    name: str
    kind: str
    action: Action
    line: int | None = None
    timeout: float = TIMEOUT
    retries: int = 0
    retry_interval: float = RETRY_INTERVAL


class SmokeTest(Struct, frozen=True):
    """All steps of a file, or the only one of a URL."""

    name: str
    source: str
    steps: tuple[Step, ...]
    url: str = ""
    # Values of variables that no report may hold.
    secrets: tuple[str, ...] = ()
