"""Readiness: where we stand in our life, and whether the app answers."""

import asyncio
from typing import TYPE_CHECKING

from drainproxy import __version__
from drainproxy.config import Address, AppHealth, Forward, UnixSocket
from drainproxy.drain.machine import Phase
from drainproxy.sidecar import grpc_call
from drainproxy.wire import grpc_health
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import parse_response
from drainproxy.wire.rewrite import END_OF_HEAD

if TYPE_CHECKING:
    from drainproxy.sidecar.supervisor import Sidecar

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# How long the app may take, in seconds.
TIMEOUT = 1.0
# How long its answer is believed, in seconds: many probes are one question to the app.
FRESH = 1.0
_GRPC_HEALTH = "/grpc.health.v1.Health/Check"
_GRPC_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


def unready_phase(phase: Phase, unready: str) -> str:
    """Why nobody should send us new work in this phase; empty if they may. `unready` is the
    setting of that name."""
    if phase is Phase.STARTING:
        return "starting: the listeners are not bound yet"
    if phase is Phase.SERVING or (phase is Phase.ANNOUNCED and unready == "leaving"):
        return ""
    return f"draining ({phase.value})"


class Readiness:
    """Answers the readiness probes of one sidecar."""

    def __init__(self, sidecar: "Sidecar") -> None:
        self._sidecar = sidecar
        self._asked = 0.0
        self._answer: asyncio.Task[str] | None = None

    async def problem(self) -> str:
        """Why we are not ready; empty if we are."""
        if unready := self._unready():
            return unready
        answer = await asyncio.shield(self._ask())
        # A drain may have begun while the app was asked.
        return self._unready() or answer

    def known(self) -> str | None:
        """The same without waiting; None while the app is being asked."""
        if unready := self._unready():
            return unready
        answer = self._ask()
        return answer.result() if answer.done() else None

    def _unready(self) -> str:
        """Why we are not ready, whatever the app says."""
        sidecar = self._sidecar
        unready = unready_phase(sidecar.machine.phase, sidecar.settings.unready)
        if not unready and not sidecar.listening:
            unready = "a listener is not bound again yet"
        return unready

    def _ask(self) -> asyncio.Task[str]:
        """What the apps said, or are about to say, if they were asked a moment ago."""
        now = self._sidecar.now()
        if self._answer is None or (self._answer.done() and now - self._asked >= FRESH):
            settings = self._sidecar.settings
            self._asked = now
            self._answer = asyncio.create_task(
                app_problem(settings.forward, settings.app_health, settings.max_fields)
            )
        return self._answer


async def app_problem(
    forwards: tuple[Forward, ...], health: AppHealth, most_fields: int = 100
) -> str:
    """What is wrong with the first app that is not healthy; empty if all are.

    An app behind `/tcp` does not speak HTTP: of it no more is asked than to accept. The head of an
    answer has `most_fields`.
    """
    questions = dict.fromkeys(
        (forward.app, AppHealth() if forward.protocol == "tcp" else health) for forward in forwards
    )
    answers = await asyncio.gather(*(_problem(*each, most_fields) for each in questions))
    return next(filter(None, answers), "")


async def _problem(app: Address | UnixSocket, health: AppHealth, most_fields: int) -> str:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await _ask(app, health, most_fields)
    except TimeoutError:
        return f"the app at {app} did not answer within {TIMEOUT:g} s"
    except OSError as error:
        return f"the app at {app} does not accept connections: {error.strerror or error}"


async def _ask(app: Address | UnixSocket, health: AppHealth, most_fields: int) -> str:
    connection = await _connect(app)
    try:
        if health.kind == "http":
            return await _ask_http(connection, app, health.path, most_fields)
        if health.kind == "grpc":
            return await _ask_grpc(connection, app, health.service)
        return ""
    finally:
        connection[1].close()


async def _ask_http(
    connection: Connection, app: Address | UnixSocket, path: str, most_fields: int
) -> str:
    reader, writer = connection
    writer.write(_request(app, path))
    try:
        status = await _status(reader, most_fields)
    except (EOFError, ConnectionError, asyncio.LimitOverrunError, Refused):
        return f"the app at {app} gave no HTTP answer to {path}"
    return "" if 200 <= status < 400 else f"the app at {app} answered {status} to {path}"


async def _ask_grpc(connection: Connection, app: Address | UnixSocket, service: str) -> str:
    question = f"{_GRPC_HEALTH} of {service}" if service else _GRPC_HEALTH
    message = grpc_health.request(service)
    try:
        status, answer = await grpc_call.call(*connection, _host(app), _GRPC_HEALTH, message)
        if status == "OK":
            status = _GRPC_STATUSES[grpc_health.answered_status(answer)]
    except (EOFError, ConnectionError, grpc_call.NoGrpc, grpc_health.Malformed, IndexError):
        return f"the app at {app} gave no gRPC answer to {question}"
    return "" if status == "SERVING" else f"the app at {app} answered {status} to {question}"


async def _connect(app: Address | UnixSocket) -> Connection:
    if isinstance(app, UnixSocket):
        return await asyncio.open_unix_connection(app.path)
    if app.host != "localhost":
        return await asyncio.open_connection(app.host, app.port)
    # Both are known without asking a resolver, for which a thread would have to be started.
    try:
        return await asyncio.open_connection("127.0.0.1", app.port)
    except ConnectionRefusedError:
        return await asyncio.open_connection("::1", app.port)


def _request(app: Address | UnixSocket, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {_host(app)}\r\nUser-Agent: drainproxy/{__version__}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def _host(app: Address | UnixSocket) -> str:
    return str(app) if isinstance(app, Address) else "localhost"


async def _status(reader: asyncio.StreamReader, most_fields: int) -> int:
    """Of the final answer: RFC 9110 15.2 lets any number of others come before it."""
    while True:
        head = await reader.readuntil(END_OF_HEAD)
        status = parse_response(head, b"GET", most_fields).status
        if status >= 200:
            return status
