"""Checks the health of an app: `app-health`."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from drainproxy import __version__
from drainproxy.config import Address, AppHealth, Forward, UnixSocket
from drainproxy.sidecar import dial, grpc_call
from drainproxy.wire import grpc_health
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import parse_response
from drainproxy.wire.rewrite import END_OF_HEAD

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# In seconds: the app has so long to answer.
TIMEOUT = 1.0
_GRPC_HEALTH = "/grpc.health.v1.Health/Check"
_GRPC_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


class AppHealthCheck(NamedTuple):
    """The health check of one app."""

    app: Address | UnixSocket
    health: AppHealth

    @classmethod
    def of(cls, forward: Forward, health: AppHealth) -> "AppHealthCheck":
        """The check of this forward's app; with `/tcp` it only has to accept a connection."""
        return cls(forward.app, AppHealth() if forward.protocol == "tcp" else health)


async def ask(
    questions: Iterable[AppHealthCheck], most_fields: int = 100, source: str | None = None
) -> dict[AppHealthCheck, str]:
    """Check all apps at the same time; returns the problem of each, empty if it is healthy.

    `most_fields`: of the head of an answer. `source`: app-source.
    """
    asked = tuple(dict.fromkeys(questions))
    problems = await asyncio.gather(*(_problem(*each, most_fields, source) for each in asked))
    return dict(zip(asked, problems, strict=True))


async def _problem(
    app: Address | UnixSocket, health: AppHealth, most_fields: int, source: str | None
) -> str:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await _ask(await _connect(app, source), app, health, most_fields)
    except TimeoutError:
        return f"the app at {app} did not answer within {TIMEOUT:g} s"
    except OSError as error:
        return f"the app at {app} does not accept connections: {error.strerror or error}"


async def _ask(
    connection: Connection, app: Address | UnixSocket, health: AppHealth, most_fields: int
) -> str:
    try:
        if health.kind == "http":
            return await _ask_http(connection, app, health, most_fields)
        if health.kind == "grpc":
            return await _ask_grpc(connection, app, health.service)
        return ""
    finally:
        connection[1].close()


async def _ask_http(
    connection: Connection, app: Address | UnixSocket, health: AppHealth, most_fields: int
) -> str:
    reader, writer = connection
    path = health.path
    writer.write(_request(health.host or _host(app), path))
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


async def _connect(app: Address | UnixSocket, source: str | None) -> Connection:
    if isinstance(app, UnixSocket):
        return await asyncio.open_unix_connection(app.path)
    if app.host != "localhost":
        return await _open(app.host, app.port, source)
    # IP addresses need no resolver, which would start a thread.
    try:
        return await _open("127.0.0.1", app.port, source)
    except OSError as error:
        if error.errno not in dial.NOT_THERE:
            raise
        return await _open("::1", app.port, source)


async def _open(host: str, port: int, source: str | None) -> Connection:
    if source is None or not dial.fits(source, host):
        return await asyncio.open_connection(host, port)
    return await asyncio.open_connection(sock=await dial.connected(source, host, port))


def _request(host: str, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: drainproxy/{__version__}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def _host(app: Address | UnixSocket) -> str:
    return str(app) if isinstance(app, Address) else "localhost"


async def _status(reader: asyncio.StreamReader, most_fields: int) -> int:
    """The status of the final answer, behind any number of interim ones (RFC 9110 15.2)."""
    while True:
        head = await reader.readuntil(END_OF_HEAD)
        status = parse_response(head, b"GET", most_fields).status
        if status >= 200:
            return status
