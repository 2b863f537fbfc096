"""Opens a WebSocket, talks on it, and closes it."""

import asyncio
from asyncio import FIRST_COMPLETED
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
)
from websockets.protocol import State
from websockets.typing import Subprotocol

from drainproxy.rollout.smoke.answers import WebSocketAnswer
from drainproxy.rollout.smoke.checks import said
from drainproxy.rollout.smoke.model import CLOSE_CODE, WebSocketAction
from drainproxy.rollout.smoke.stage import Failed, Stage

from .heard import Heard
from .sessions import AGENT, connect_problem, place
from .tls import context

# How long the server may take to answer a Ping, and then a Close whose code nobody asked for.
_FAREWELL = 1.0
_MOST_MESSAGE = 1 << 24


async def ask(action: WebSocketAction, stage: Stage) -> WebSocketAnswer:
    """Open, send, wait for the messages, and for the server's Close if that is expected."""
    connection = await _open(action, stage)
    try:
        await _speak(action, connection, stage)
        is_theirs = await _end(action, connection, stage)
    finally:
        connection.transport.abort()
    received = connection.protocol.close_rcvd
    code = None if received is None else int(received.code)
    return WebSocketAnswer(connection.subprotocol or "", code, is_theirs)


async def _open(action: WebSocketAction, stage: Stage) -> ClientConnection:
    parts = urlsplit(action.url)
    heard = Heard(parts.netloc.rpartition("@")[2], stage, secure=parts.scheme == "wss")
    secure = {"ssl": context(action.tls)} if parts.scheme == "wss" else {}
    if secure and action.tls.server_name:
        secure["server_hostname"] = action.tls.server_name  # type: ignore[assignment]
    try:
        return await connect(
            action.url,
            additional_headers=action.headers,
            subprotocols=[Subprotocol(each) for each in action.subprotocols] or None,
            user_agent_header=AGENT,
            create_connection=heard.connection,
            open_timeout=None,
            close_timeout=_FAREWELL,
            ping_interval=None,
            max_size=_MOST_MESSAGE,
            proxy=None,
            **secure,  # type: ignore[arg-type]
        )
    except (InvalidHandshake, InvalidURI, EOFError, OSError) as error:
        raise Failed(_refused(error, heard)) from None


def _refused(error: Exception, heard: Heard) -> str:
    """Why it did not open."""
    match error:
        case InvalidStatus():
            body = bytes(error.response.body or b"").decode(errors="replace")
            status = error.response.status_code
            return f"the upgrade was answered with {status}, not 101{said(body)}"
        case InvalidURI():
            return f"redirected to {place(error.uri)}, which is no URL of a WebSocket"
        case InvalidMessage() | EOFError():
            return heard.problem(error.__cause__)
        case InvalidHandshake():
            return f"the upgrade went wrong: {error}"
    return connect_problem(error, heard.where)


async def _speak(action: WebSocketAction, connection: ClientConnection, stage: Stage) -> None:
    """Send all, and read until each expected message was there, in their order."""
    expected = iter(action.expect.messages)
    wanted = next(expected, None)
    others = 0
    try:
        for message in action.send:
            stage.waiting_for = "open, but what is sent was not taken"
            await connection.send(message)
        while wanted is not None:
            after = f" ({others} others came)" if others else ""
            stage.waiting_for = f"open, but no message that holds {wanted!r}{after}"
            came = await connection.recv()
            text = came if isinstance(came, str) else came.decode(errors="replace")
            if wanted in text:
                wanted, others = next(expected, None), 0
            else:
                others += 1
    except ConnectionClosed as error:
        before = f"a message came that holds {wanted!r}" if wanted is not None else "all was sent"
        raise Failed(f"the WebSocket ended with {_how(error)} before {before}") from None


async def _end(action: WebSocketAction, connection: ClientConnection, stage: Stage) -> bool:
    """Come to the end of it, by our Close unless the server's is expected; whether the server was
    first."""
    if action.close is None and action.expect.close_code is not None:
        stage.waiting_for = "open, but the server sent no Close"
        await _read_on(connection)
        return True
    stage.waiting_for = "open, but a Ping was not answered"
    await _hear_out(connection)
    is_theirs = connection.state is not State.OPEN
    stage.waiting_for = "our Close was not answered"
    await connection.close(CLOSE_CODE if action.close is None else action.close)
    return is_theirs


async def _hear_out(connection: ClientConnection) -> None:
    """Wait until what the server has sent so far is here: before our Close is answered it may have
    refused us, and frames come in their order, so the answer to a Ping comes behind that (RFC 6455,
    5.5.2). Servers that answer no Ping while they are busy are not waited for."""
    # Messages that nobody takes would hold up the frames behind them.
    reading = asyncio.create_task(_read_on(connection))
    try:
        pong = asyncio.ensure_future(await connection.ping())
        await asyncio.wait({pong, reading}, timeout=_FAREWELL, return_when=FIRST_COMPLETED)
    except ConnectionClosed:
        pass
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read_on(connection: ClientConnection) -> None:
    """Take messages until the connection ends."""
    with suppress(ConnectionClosed):
        while True:
            await connection.recv()


def _how(error: ConnectionClosed) -> str:
    if error.rcvd is None:
        return "a lost connection, without a Close,"
    reason = f" ({error.rcvd.reason})" if error.rcvd.reason else ""
    return f"Close {int(error.rcvd.code)}{reason}"
