"""The beginning of an answer to an upgrade, which the library does not keep.

It says only that there was no valid answer; whether none came, another protocol, or another status
whose body never ends, the first bytes say.
"""

import re
from asyncio import BaseTransport
from typing import Final

from websockets.asyncio.client import ClientConnection

from drainproxy.rollout.smoke.stage import Stage

from .foreign import ENOUGH, may_be_http, not_http

_STATUS: Final = re.compile(rb"HTTP/(\d\.\d) (\d{3})[ \r]")


_CLOSED: Final = "the WebSocket never opened"


class Heard:
    """What `HOST:PORT` says first, on the last connection to it; a stage is told of it."""

    def __init__(self, where: str, stage: Stage, *, secure: bool) -> None:
        self.where = where
        self._stage = stage
        self._began = b""
        stage.waiting_for = f"{_CLOSED}: no connection{' with TLS' if secure else ''}"

    @property
    def connection(self) -> type[ClientConnection]:
        """The class of connections that are listened to."""
        heard = self

        class Connection(ClientConnection):
            def connection_made(self, transport: BaseTransport) -> None:
                heard._began = b""  # a redirect has led to another
                heard._stage.waiting_for = f"{_CLOSED}: no answer to the upgrade"
                super().connection_made(transport)

            def data_received(self, data: bytes) -> None:
                heard.take(data)
                super().data_received(data)

        return Connection

    def take(self, data: bytes) -> None:
        """More of the answer; the stage says what is missing then."""
        if len(self._began) >= ENOUGH:
            return
        self._began += data[:ENOUGH]
        if not may_be_http(self._began):
            self._stage.waiting_for = f"{not_http(self.where, self._began)}; nothing else came"
        elif (status := self._status) and status[2] != b"101":
            self._stage.waiting_for = (
                f"the upgrade was answered with {status[2].decode()}, not 101, and that did not end"
            )

    @property
    def _status(self) -> re.Match[bytes] | None:
        return _STATUS.match(self._began)

    def problem(self, cause: BaseException | None) -> str:
        """Why what came is no answer; `cause` is what the library says."""
        if not self._began:
            return f"{self.where} closed the connection before an answer to the upgrade"
        if not may_be_http(self._began):
            return not_http(self.where, self._began)
        if (status := self._status) and status[1] != b"1.1":
            version, code = status[1].decode(), status[2].decode()
            return (
                f"the upgrade was answered with {code} in HTTP/{version},"
                " not with 101 in HTTP/1.1 (RFC 6455, 4.1)"
            )
        if isinstance(cause, EOFError) or cause is None:
            return f"{self.where} closed the connection within its answer to the upgrade"
        return f"the answer to the upgrade cannot be read: {cause}"
