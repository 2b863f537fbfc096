"""Builds the parts of `relay` from the settings."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterable
from math import inf

from drainproxy.config import Address, Forward, Settings, UnixSocket
from drainproxy.drain.aging import STREAM, Aging
from drainproxy.drain.machine import Timing
from drainproxy.drain.stream_drain import StreamDrain
from drainproxy.relay.context import RETRY_WITHIN, AccessLog, Context
from drainproxy.relay.limits import Limits
from drainproxy.relay.route import Route
from drainproxy.sidecar import access_lines, rlimits
from drainproxy.sidecar.notices import Hints, Notices, Refusals
from drainproxy.sidecar.presence import Presence
from drainproxy.sidecar.sockets import has_unread, reset, take_unread, undelivered
from drainproxy.sidecar.upstream import Upstream


def limits(settings: Settings) -> Limits:
    """The limits of sessions, by these settings and by the file descriptors that we have."""
    shares = descriptors(settings)
    return Limits(
        max_connections=shares.clients,
        max_refused=shares.refused,
        max_header_bytes=settings.max_header_bytes,
        max_fields=settings.max_fields,
        header_timeout=settings.header_timeout,
        idle_timeout=settings.idle_timeout or inf,
        request_timeout=settings.request_timeout,
        idle_close=settings.idle_close,
        websocket_close_code=settings.websocket_close_code,
        websocket_close_reason=settings.websocket_close_reason,
        kinds_ended_by_drain=kinds_ended_by_drain(settings),
        stream_drain=stream_drain(settings),
        # Over less than a second they count as simultaneous.
        goodbyes_are_spread=settings.drain_spread >= 1,
        forwarded=settings.forwarded == "append",
        aging=aging(settings),
        sse_drain=settings.sse_drain,
        websocket_answer_timeout=settings.websocket_answer_timeout,
        max_streams=settings.max_streams,
        max_resets=settings.max_resets,
        connect_timeout=settings.connect_timeout,
    )


def descriptors(settings: Settings) -> rlimits.Shares:
    """The shares of file descriptors, by these settings."""
    return rlimits.shares(settings.max_connections, grpc=settings.grpc_health is not None)


def kinds_ended_by_drain(settings: Settings) -> frozenset[str]:
    """The kinds that a drain ends at leaving, by these settings; it waits for all others."""
    drains = {
        "websocket": settings.websocket_drain,
        "sse": settings.sse_drain,
        "grpc": settings.grpc_drain,
    }
    return frozenset(kind for kind, drain in drains.items() if drain != "wait")


def stream_drain(settings: Settings) -> StreamDrain:
    """The answers of other kinds that a drain ends at leaving, by these settings."""
    named = settings.stream_drain
    return StreamDrain(
        frozenset(each.media_type.encode() for each in named if each.media_type),
        tuple(each.prefix for each in named if each.prefix),
    )


def aging(settings: Settings) -> Aging:
    """The ages of connections and streams, by these settings."""
    own = {
        "http1": settings.max_connection_age_http1,
        "http2": settings.max_connection_age_http2,
        "websocket": settings.max_connection_age_websocket,
        "sse": settings.max_connection_age_sse,
        "tcp": settings.max_connection_age_tcp,
    }
    common = settings.max_connection_age
    ages = {kind: common if age is None else age for kind, age in own.items()}
    return Aging(
        {**ages, STREAM: settings.max_stream_age},
        jitter=settings.max_connection_age_jitter,
        grace=settings.max_connection_age_grace,
    )


def timing(settings: Settings) -> Timing:
    """The lengths of the phases of a drain, by these settings."""
    return Timing(
        settings.drain_delay, settings.drain_quiet, settings.drain_timeout, settings.leaving_timeout
    )


def context(settings: Settings) -> Context:
    """The context of a process that runs with these settings."""
    made = Context(
        limits(settings),
        time.monotonic,
        reset=reset,
        take_unread=take_unread,
        has_unread=has_unread,
        undelivered=undelivered,
        mask=lambda: os.urandom(4),
        retry_after=lambda: random.randint(1, RETRY_WITHIN),
        uniform=random.random,
        soon=lambda step: asyncio.get_running_loop().call_soon(step),
    )
    made.notice = Notices(time.monotonic)
    made.refusal = Refusals(time.monotonic)
    made.hint = Hints()
    return made


def routes(
    forwards: Iterable[Forward],
    settings: Callable[[], Settings],
    presence: Callable[[Address | UnixSocket], Presence],
    may_return: Callable[[], bool],
) -> list[Route]:
    """One route for each `--forward`. `settings` returns the current ones, since how an app is
    reached may change at run time."""
    source = settings().app_source

    def timeout() -> float:
        return settings().connect_timeout

    def keepalive() -> float:
        return settings().tcp_keepalive

    made = []
    for each in forwards:
        app = each.app
        upstream = Upstream(app, timeout, keepalive, source, presence(app), may_return)
        made.append(Route(each.protocol, str(app), upstream.connect, upstream.give_up))
    return made


def access_log(settings: Settings) -> AccessLog | None:
    """The function that is called for each exchange that ends; None without an access log."""
    return access_lines.writer(query=settings.access_log_query) if settings.access_log else None
