"""A client of the API of Prometheus, Thanos and Mimir. Every failure has a reason."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, json

from drainproxy.config.key_files import load_pair
from drainproxy.config.urls import authorization, basic_authorization, shown, without_user
from drainproxy.rollout.unwaited import in_thread

from .memory import MOST, Allowance, BeyondAllowance, SharedMemory
from .samples import Series

if TYPE_CHECKING:
    from aiohttp import ClientSession


class NoAnswer(Exception):
    """Prometheus has not said what was asked: the reason, for people."""


class PrometheusServer(Struct, frozen=True):
    """Where it is and how to talk to it. Files are read anew for every question, since tokens and
    certificates are renewed. `timeout`: seconds for all questions of one verdict together."""

    url: str
    timeout: float = 8.0
    headers: tuple[tuple[str, str], ...] = ()
    bearer_file: str | None = None
    user: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    # All looks of a process have one server.
    memory: SharedMemory = msgspec.field(default_factory=SharedMemory)

    @property
    def shown(self) -> str:
        """For people: without the user and password that may stand in the URL."""
        return shown(self.url)


class _Result(Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    value: tuple[float, str] | None = None


class _Data(Struct, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Answer(Struct, rename="camel"):
    status: str
    data: _Data | None = None
    error: str = ""
    error_type: str = ""
    warnings: list[str] | None = None
    # Of VictoriaMetrics, where a part of its storage does not answer.
    is_partial: bool = False


async def ask(
    server: PrometheusServer,
    queries: Mapping[str, str],
    now: float,
    allowance: Allowance | None = None,
) -> dict[str, list[Series]]:
    """The series for each query, by its name, as they were at `now`; NoAnswer if there is one that
    was not answered as a whole. Who keeps them has an allowance for it."""
    from aiohttp import ClientError

    its = allowance or Allowance(SharedMemory(MOST))
    if not _is_address(server.url):
        raise NoAnswer(f"{server.shown}: no address such as http://prometheus:9090")
    try:
        async with asyncio.timeout(server.timeout), await _session(server) as session:
            found = await asyncio.gather(
                *(_ask(session, server, query, now, its) for query in queries.values())
            )
    except TimeoutError:
        reason = (
            "no answer" if not its.is_waiting else "other looks have taken what memory there is"
        )
        raise NoAnswer(f"{server.shown}: {reason} within {server.timeout:g} s") from None
    except (BeyondAllowance, ClientError, OSError, ValueError) as error:
        raise NoAnswer(f"{server.shown}: {_reason(error)}") from None
    return dict(zip(queries, found, strict=True))


async def _session(server: PrometheusServer) -> "ClientSession":
    """With what every question has; OSError or ValueError where a file cannot be read."""
    from aiohttp import ClientSession, ClientTimeout, TCPConnector
    from aiohttp.helpers import get_env_proxy_for_url
    from yarl import URL

    # A file may be a pipe, or of a network that is away; the usual authorities take tens of ms.
    headers, tls = await in_thread(lambda: (_headers(server), _tls(server)))
    proxy = None
    # `trust_env` would do, and send what ~/.netrc has for this host or for any, too.
    if not _is_own(server.url):
        with suppress(LookupError):
            proxy = get_env_proxy_for_url(URL(server.url))
    return ClientSession(
        connector=TCPConnector(ssl=tls),
        headers=headers,
        timeout=ClientTimeout(None),
        proxy=proxy and proxy[0],
        proxy_auth=proxy and proxy[1],
    )


def _reason(error: Exception) -> str:
    from aiohttp import ClientPayloadError

    if isinstance(error, ClientPayloadError):
        return "the answer breaks off, or is not compressed as it says"
    return str(error) or type(error).__name__


async def _ask(
    session: "ClientSession", server: PrometheusServer, query: str, now: float, its: Allowance
) -> list[Series]:
    form = {
        "query": query,
        "time": f"{now:.3f}",
        # Durations with a unit have no decimals there.
        "timeout": f"{server.timeout:g}",
        # Of Thanos: a part of the series is no answer.
        "partial_response": "false",
    }
    async with session.post(_endpoint(server.url), data=form, allow_redirects=False) as answer:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            await its.spend(len(chunk))
            body += chunk
            # What a few compressed bytes become is there at once: others, and the timeout, go on.
            await asyncio.sleep(0)
    return await in_thread(lambda: series_of(server.shown, answer.status, body))


def _endpoint(url: str) -> str:
    """Of the API at this address, whose query stays, as a tenant's token may stand there."""
    parts = without_user(urlsplit(url))
    return parts._replace(path=parts.path.rstrip("/") + "/api/v1/query", fragment="").geturl()


def series_of(url: str, status: int, body: bytes | bytearray) -> list[Series]:
    """What an answer of the API says; NoAnswer if it says that it cannot, or only a part."""
    try:
        said = json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise NoAnswer(f"{url}: status {status}, and no answer of Prometheus") from None
    if said.status != "success" or status != 200:
        reason = said.error or said.error_type or "no reason given"
        raise NoAnswer(f"{url}: status {status}: {reason}")
    if said.warnings:
        raise NoAnswer(f"{url}: the answer is in doubt: {'; '.join(said.warnings)}")
    if said.is_partial:
        raise NoAnswer(f"{url}: the answer is a part of the series only")
    if said.data is None or said.data.result_type not in ("matrix", "vector"):
        raise NoAnswer(f"{url}: the answer holds no series")
    try:
        # Not every server that speaks this API leaves out what it has none of.
        results = json.decode(said.data.result, type=list[_Result] | None) or []
        results.reverse()
        # Each is given up as it is converted: both forms of all samples are twice the memory.
        return [_series(results.pop()) for _ in range(len(results))]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NoAnswer(f"{url}: the answer holds something else than samples: {error}") from None


def _series(result: _Result) -> Series:
    samples: Sequence[tuple[float, str]] = result.values
    if result.value is not None:
        samples = [result.value]
    return Series(result.metric, [(moment, float(value)) for moment, value in samples])


def _is_address(url: str) -> bool:
    """What cannot be read is in no message of others, whose text may hold its password."""
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _is_own(url: str) -> bool:
    """Whether it is of this machine, which no proxy of the environment can reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(server: PrometheusServer) -> list[tuple[str, str]]:
    headers = list(server.headers)
    if server.bearer_file:
        headers.append(("Authorization", f"Bearer {_secret(server.bearer_file)}"))
    elif server.user is not None:
        password = _secret(server.password_file) if server.password_file else ""
        headers.append(("Authorization", basic_authorization(server.user, password)))
    elif credentials := authorization(urlsplit(server.url)):
        headers.append(("Authorization", credentials))
    return headers


def _secret(path: str) -> str:
    return Path(path).read_text().strip()


def _tls(server: PrometheusServer) -> ssl.SSLContext | bool:
    if not server.url.startswith("https:"):
        return True
    context = ssl.create_default_context(cafile=server.ca_file)
    if server.cert_file:
        load_pair(context, server.cert_file, server.key_file)
    return context
