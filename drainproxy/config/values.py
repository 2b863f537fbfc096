"""The values of settings, as the rest of the package sees them."""

from typing import Literal

from msgspec import Struct

Protocol = Literal["auto", "http", "tcp"]
Unready = Literal["announced", "leaving", "closed"]
DrainAt = Literal["end", "wait"]
EventsDrainAt = Literal["auto", "end", "wait"]
Forwarded = Literal["append", "off"]
ProxyProtocol = Literal["off", "v1", "v2"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]


class Address(Struct, frozen=True, tag=True):
    """A TCP address, IPv6 without brackets. Without a host we listen on all interfaces, and an app
    is where app-host says."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if host else str(self.port)


class UnixSocket(Struct, frozen=True, tag=True):
    """The path of a Unix stream socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


class Forward(Struct, frozen=True):
    """What comes to `listen` goes to `app`."""

    listen: Address
    app: Address | UnixSocket
    protocol: Protocol = "auto"

    def __str__(self) -> str:
        return f"{self.listen}={self.app}/{self.protocol}"


class AppHealth(Struct, frozen=True):
    """What readiness asks the app: a connect, `GET path` (of `host`, or of the app's address), or
    the gRPC health of `service`."""

    kind: Literal["tcp", "http", "grpc"] = "tcp"
    path: str = ""
    service: str = ""
    host: str = ""

    def __str__(self) -> str:
        detail = f"//{self.host}{self.path}" if self.host else self.path or self.service
        return f"{self.kind}:{detail}" if detail else self.kind


class EndingStream(Struct, frozen=True):
    """Answers that end at leaving: those of a media type (lower case), or at a path and below."""

    media_type: str = ""
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.media_type or self.prefix}=end"


class Secret(str):
    """A text that no `repr`, and so no log of a `Settings`, gives away."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
