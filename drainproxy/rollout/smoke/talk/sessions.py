"""HTTP over aiohttp: a connection of its own for each attempt, and errors in words."""

import errno
import re
import socket
import ssl
from ast import literal_eval
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
from yarl import URL

from drainproxy import __version__
from drainproxy.rollout.smoke.credentials import shown
from drainproxy.rollout.smoke.model import Tls
from drainproxy.rollout.smoke.stage import Failed, Stage

from .coding import ACCEPTED
from .foreign import not_http
from .tls import context, tls_problem

AGENT = f"drainproxy-smoke/{__version__}"
MOST_REDIRECTS = 10
# The largest head of an answer that is read, in bytes.
_MOST_HEAD = 65536
# A reset takes the place of an end where something was still unread.
_BY_THEM = (errno.ECONNRESET, errno.EPIPE)
_EXCERPT = re.compile(r"""^\s*(b'[^'\n]*'|b"[^"\n]*")$""", re.MULTILINE)


@asynccontextmanager
async def session(url: str, tls: Tls, stage: Stage) -> AsyncIterator[aiohttp.ClientSession]:
    """Without cookies, without a proxy, and without time limits: the caller has them."""
    if url.lower().startswith("https://"):
        stage.waiting_for = "no connection with TLS"
    connector = aiohttp.TCPConnector(
        ssl=context(tls) if url.lower().startswith("https") or tls != Tls() else True,
        force_close=True,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": AGENT, "Accept-Encoding": ACCEPTED},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[_traced(stage)],
        auto_decompress=False,
        max_line_size=_MOST_HEAD,
        max_field_size=_MOST_HEAD,
    ) as made:
        yield made


def _traced(stage: Stage) -> aiohttp.TraceConfig:
    """Once there is a connection the answer is what is missing."""

    async def connected(*_: Any) -> None:
        stage.waiting_for = "no answer"

    async def redirected(_: Any, __: Any, params: Any) -> None:
        to = place(params.response.headers.get("Location", ""))
        stage.waiting_for = f"redirected to {to}, no answer"

    traced = aiohttp.TraceConfig()
    traced.on_connection_create_end.append(connected)
    traced.on_request_redirect.append(redirected)
    return traced


@contextmanager
def in_words(url: str) -> Iterator[None]:
    """Whatever goes wrong with HTTP becomes Failed, with one line."""
    host = URL(url).host_port_subcomponent or ""
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Failed(_no_way(error) or _no_answer(error, host)) from None


def _no_way(error: Exception) -> str:
    """Why there was nobody to be asked; empty if there was."""
    match error:
        case aiohttp.TooManyRedirects():
            return _redirects([place(str(each.url)) for each in error.history])
        case aiohttp.InvalidURL() | aiohttp.RedirectClientError():
            return f"redirected to {place(_first_line(error))}, which is no URL of HTTP"
        case aiohttp.ClientConnectorError():
            return connect_problem(error.os_error, f"{error.host}:{error.port}")
    return ""


def _no_answer(error: Exception, host: str) -> str:
    """Why nothing came that can be read as an answer."""
    match error:
        case aiohttp.ClientSSLError():
            return f"no TLS with {host}: {error}"
        case aiohttp.ServerDisconnectedError():
            # A text if nothing came, else the head as far as it came.
            when = "before" if isinstance(error.message, str) else "within the head of"
            return f"{host} closed the connection {when} an answer"
        case aiohttp.ClientPayloadError():
            return f"the answer broke off: {_first_line(error)}"
        case aiohttp.ClientResponseError():
            return _unreadable(host, error.message)
        case OSError() if error.errno in _BY_THEM:
            return f"{host} closed the connection before an answer"
    return f"{host}: {_first_line(error)}"


@contextmanager
def in_body() -> Iterator[None]:
    """A connection that breaks once there is a head breaks off the answer."""
    try:
        yield
    except aiohttp.ClientOSError as error:
        raise Failed(f"the answer broke off: {error.strerror or _first_line(error)}") from None


def must_be_http1(answer: aiohttp.ClientResponse) -> None:
    """The parser takes any version, and reads it as HTTP/1.1."""
    if answer.version is not None and answer.version.major != 1:
        major, minor = answer.version
        raise Failed(f"it answered in HTTP/{major}.{minor} to a request in HTTP/1.1")


def _unreadable(host: str, message: str) -> str:
    """Why an answer cannot be read; what the parser says has an excerpt in its last lines."""
    if message.startswith("Bad status line") and (began := _EXCERPT.search(message)):
        # An answer that is whole is lost with what the parser finds behind it in the same piece.
        return not_http(host, literal_eval(began[1]), is_first=False)
    return f"the answer of {host} cannot be read as HTTP: {message.splitlines()[0].rstrip(':')}"


def connect_problem(error: BaseException, where: str) -> str:
    """Why nobody could be reached at `HOST:PORT`."""
    if isinstance(error, ssl.SSLError):
        return tls_problem(error, where)
    if isinstance(error, ssl.CertificateError):
        return f"the certificate of {where} is not valid: {error}"
    if isinstance(error, socket.gaierror):
        return f"the name {where.rpartition(':')[0]} cannot be resolved: {error.strerror}"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens at {where}: connection refused"
    if isinstance(error, ConnectionError):
        return f"{where} closed the connection at once"
    reason = error.strerror if isinstance(error, OSError) else None
    return f"no connection to {where}: {reason or _first_line(error)}"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _redirects(places: list[str]) -> str:
    last = places[-1]
    loop = last in places[:-1]
    ring = places[len(places) - 1 - places[-2::-1].index(last) - 1 :] if loop else places[-3:]
    way = " -> ".join(ring)
    return f"redirected {len(places)} times{', in a loop' if loop else ''}: {way}"


def place(url: str) -> str:
    """A URL without user and query, which may hold what nobody should read in a log."""
    return shown(url).partition("?")[0]
