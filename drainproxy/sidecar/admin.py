"""The admin endpoints: probes, metrics, status, drain and undrain."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from math import inf, isnan
from typing import Any, Protocol

import msgspec.json
from aiohttp import web

from drainproxy import __version__
from drainproxy.config import parse_duration, parse_percent
from drainproxy.drain.machine import Phase
from drainproxy.drain.origin import Origin
from drainproxy.drain.report import DrainReport
from drainproxy.not_http import brief
from drainproxy.relay.counters import Counters
from drainproxy.sidecar.acceptor import Acceptor
from drainproxy.sidecar.admin_connections import AdminConnections
from drainproxy.sidecar.auth import Refusal, read_refusal, refusal
from drainproxy.sidecar.listener import bind
from drainproxy.sidecar.rebalance import Rebalance
from drainproxy.sidecar.sockets import keep_alive
from drainproxy.sidecar.status import (
    LONGEST_PAGE,
    PAGE,
    Observed,
    connections,
    seconds_left,
    status,
    without_paths,
)
from drainproxy.sidecar.wiring import descriptors

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# In seconds: so long before the deadline /prestop answers in any case, so that the kubelet goes on.
PRESTOP_SPARE = 0.5
# In seconds: a request that waits for the end of a drain checks so often whether the drain was
# taken back, or has another deadline.
_LOOK_EVERY = 1.0
# In seconds: how long `stop` waits for answers under way, and how long a connection may be idle.
_SHUTDOWN_TIMEOUT = 1.0
_KEEPALIVE = 75.0
# Paths and methods in log lines about refusals are truncated to so many characters.
_LONGEST_PATH = 200
_LONGEST_METHOD = 20

# The parameter `of` of a preStop hook names its container; it may be missing.
_HOOKS = {"app": Origin.APP_HOOK, "sidecar": Origin.SIDECAR_HOOK}

_WAIT = {"1": True, "true": True, "0": False, "false": False}


class Administered(Observed, Protocol):
    """The parts of a sidecar that the endpoints show or call."""

    admin_token: str | None
    own_hooks: int
    rebalance: Rebalance | None

    def drain(self, origin: Origin) -> None:
        """Begin a drain; if one is under way, note that this origin asks for it too."""

    def undrain(self) -> bool:
        """Take the drain back; False where that is not allowed."""

    def start_rebalance(self, share: float, over: float) -> bool:
        """Ask a share of the clients to reconnect; False where that is not possible."""

    async def drained(self) -> DrainReport | None:
        """The report of the drain under way once it is over; None if it was taken back."""


class AdminServer:
    """The admin application on its sockets, until `stop`."""

    def __init__(self, runner: web.AppRunner, connections: AdminConnections, port: int) -> None:
        self._runner = runner
        self._connections = connections
        self._acceptors: list[Acceptor] = []
        # The bound port.
        self.port = port

    def listen(self, sock: socket.socket, counters: Counters) -> None:
        """Answer on this socket too; OSError if it cannot listen."""
        self._acceptors.append(Acceptor(sock, self._connections.connection, counters))

    async def stop(self) -> None:
        """Close; answers under way have a second to finish."""
        for acceptor in self._acceptors:
            acceptor.close()
        await self._connections.close(_SHUTDOWN_TIMEOUT)
        await self._runner.cleanup()


async def serve(sidecar: Administered) -> AdminServer:
    """Listen on the admin address; OSError with that address if this fails."""
    settings, counters = sidecar.settings, sidecar.context.counters
    sockets = bind(settings.admin, "admin")
    most = descriptors(settings).admin

    def handler() -> Any:
        """Make a protocol of aiohttp; the runner has its factory once it is set up."""
        assert runner.server is not None
        return runner.server()

    connections = AdminConnections(most, handler, counters, sidecar.now, sidecar.context.refusal)
    runner = web.AppRunner(
        application(sidecar, connections),
        access_log=None,
        handle_signals=False,
        keepalive_timeout=_KEEPALIVE,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
        tcp_keepalive=False,
        logger=brief("drainproxy.admin"),
    )
    await runner.setup()
    server = AdminServer(runner, connections, sockets[0].getsockname()[1])
    for sock in sockets:
        keep_alive(sock, settings.tcp_keepalive)
        server.listen(sock, counters)
    return server


def application(sidecar: Administered, connections: AdminConnections) -> web.Application:
    """Every endpoint of the sidecar, and the list of them."""
    admin = Admin(sidecar, connections)
    app = web.Application(middlewares=[admin.tracked, _errors_as_json])
    table = _endpoints(admin)
    app.add_routes([web.get("/", _listing(table)), *(route for route, _ in table)])
    return app


def _endpoints(admin: "Admin") -> list[tuple[web.RouteDef, str]]:
    """Each with what it is for."""
    limit = "?limit=100 and ?after= from the Link header"
    rebalance = "reconnect a share of the connections: ?percent=20&over=30s"
    return [
        (web.get("/livez", admin.livez), "200: the process is alive"),
        (web.get("/readyz", admin.readyz), "200 if new requests should come here, else 503"),
        (web.get("/startupz", admin.startupz), "200 once the listeners are bound"),
        (web.get("/metrics", admin.one_at_a_time(admin.metrics)), "for Prometheus"),
        (web.get("/status", admin.one_at_a_time(admin.status)), "phase, what is in flight"),
        (web.get("/connections", admin.one_at_a_time(admin.connections)), f"a page: {limit}"),
        (web.post("/drain", admin.guarded(admin.drain)), "begin a drain; ?wait=1 until it is over"),
        (web.post("/undrain", admin.guarded(admin.undrain)), "take a drain back"),
        (web.post("/rebalance", admin.guarded(admin.rebalance)), rebalance),
        # HEAD must change nothing (RFC 9110 9.2.1), and this begins a drain.
        (
            web.get("/prestop", admin.guarded(admin.prestop), allow_head=False),
            "begin a drain and answer when it is over: a preStop hook",
        ),
    ]


def _listing(table: Iterable[tuple[web.RouteDef, str]]) -> Handler:
    """A page for people who look at the port."""
    lines = [f"{route.method:4} {route.path:12}  {what}\n" for route, what in table]
    text = f"drainproxy {__version__}: admin endpoints\n\n{''.join(lines)}"

    async def listing(_: web.Request) -> web.Response:
        return web.Response(text=text, headers={"Cache-Control": "no-store"})

    return listing


class Admin:
    """The handlers. They go on when their client leaves: a drain does not depend on its asker."""

    def __init__(self, sidecar: Administered, connections: AdminConnections) -> None:
        self._sidecar = sidecar
        self._connections = connections
        self._turn = asyncio.Semaphore()

    @web.middleware
    async def tracked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Run the handler; meanwhile its connection is not closed for a new one."""
        self._connections.asks(request.protocol)
        try:
            answer = await handler(request)
        finally:
            self._connections.answered(request.protocol)
        if 400 <= answer.status < 500:
            self._tell(request, answer)
        return answer

    def _tell(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Log a refusal, that is, a 4xx; the 503 of a probe is none."""
        body = answer.body if isinstance(answer, web.Response) else None
        reason = msgspec.json.decode(body)["reason"] if isinstance(body, bytes) else ""
        asked = f"{request.method[:_LONGEST_METHOD]} {request.path[:_LONGEST_PATH]}"
        words = f"{asked}: {answer.status} {reason}"
        self._sidecar.context.refusal("admin", request.remote or "unknown", words)

    def guarded(self, handler: Handler) -> Handler:
        """`handler` for clients that may change the state; others are refused."""

        async def guard(request: web.Request) -> web.StreamResponse:
            refused = refusal(self._sidecar.admin_token, request.remote, request.headers)
            if refused is None:
                self._connections.may_wait(request.protocol)
                return await handler(request)
            return _refused(refused)

        return guard

    def one_at_a_time(self, handler: Handler) -> Handler:
        """`handler`, whose answer is much work, for one request at a time; the next one begins
        after a turn of the loop."""

        async def turn(request: web.Request) -> web.StreamResponse:
            async with self._turn:
                if request.transport is None:
                    # The client left while it waited: its answer would only delay the exit.
                    return web.Response()
                answer = await handler(request)
                await asyncio.sleep(0)
                return answer

        return turn

    async def livez(self, _: web.Request) -> web.Response:
        """Liveness: always 200, since a process that answers is alive."""
        return self._probe("")

    async def readyz(self, _: web.Request) -> web.Response:
        """Readiness: 503 with the reason while no new work should come here."""
        return self._probe(await self._sidecar.readiness.problem())

    async def startupz(self, _: web.Request) -> web.Response:
        """Startup: 200 once the listeners were bound; a native sidecar starts before its app."""
        starting = self._sidecar.machine.phase is Phase.STARTING
        return self._probe("the listeners are not bound yet" if starting else "")

    def _probe(self, problem: str) -> web.Response:
        body = {
            "ok": not problem,
            "phase": self._sidecar.machine.phase.value,
            "reason": problem or "ok",
        }
        return _json(body, 503 if problem else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        """The metrics, for Prometheus."""
        from drainproxy.sidecar.exposition import render

        body, content_type = render(self._sidecar, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def status(self, request: web.Request) -> web.Response:
        """The state of the process; request paths only for clients that may read them."""
        told = status(self._sidecar)
        return _json(told if self._read_refusal(request) is None else without_paths(told))

    async def connections(self, request: web.Request) -> web.Response:
        """One page of the client connections, with a link to the next page (RFC 8288)."""
        if (refused := self._read_refusal(request)) is not None:
            return _refused(refused)
        try:
            most = int(request.query.get("limit", PAGE))
            after = float(request.query.get("after", -inf))
            if not 0 < most <= LONGEST_PAGE or isnan(after):
                raise ValueError
        except ValueError:
            reason = (
                f"limit is a number from 1 to {LONGEST_PAGE}, after is taken from a Link header"
            )
            return _json({"reason": reason}, 400)
        page = connections(self._sidecar, after, most)
        link = f'</connections?limit={most}&after={page.after!r}>; rel="next"'
        return _json(page.connections, headers={} if page.after is None else {"Link": link})

    def _read_refusal(self, request: web.Request) -> Refusal | None:
        return read_refusal(self._sidecar.admin_token, request.remote, request.headers)

    async def drain(self, request: web.Request) -> web.Response:
        """Begin a drain; with `wait=1` answer when it is over."""
        wait = _WAIT.get(request.query.get("wait", "0"))
        if wait is None:
            return _json({"reason": "wait is 0 or 1"}, 400)
        self._sidecar.drain(Origin.ADMIN)
        if not wait:
            return _json(self._with_phase({"deadline": seconds_left(self._sidecar)}))
        report = await self._report(-inf)
        if report is None:
            return _json(self._with_phase({"reason": "the drain was cancelled"}), 409)
        return _json(self._with_phase(report.as_dict()))

    async def undrain(self, _: web.Request) -> web.Response:
        """Take the drain back."""
        if self._sidecar.undrain():
            return _json(self._with_phase({}))
        reason = "a drain cannot be cancelled while starting or cutting, nor after a signal"
        return _json(self._with_phase({"reason": reason}), 409)

    async def rebalance(self, request: web.Request) -> web.Response:
        """Ask a share of the clients to reconnect; if that is under way, report its progress."""
        sidecar = self._sidecar
        try:
            share = parse_percent(request.query["percent"] + "%")
            over = parse_duration(request.query["over"])
            if not 0 < share <= 1:
                raise ValueError
        except (KeyError, ValueError):
            reason = "percent is a number above 0 and at most 100; over is a duration such as 30s"
            return _json({"reason": reason}, 400)
        started = sidecar.start_rebalance(share, over)
        if sidecar.rebalance is None or sidecar.machine.phase is not Phase.SERVING:
            return _json(self._with_phase({"reason": "a drain asks all clients to reconnect"}), 409)
        return _json({"started": started, **sidecar.rebalance.progress()})

    async def prestop(self, request: web.Request) -> web.Response:
        """Begin a drain, and answer when it is over: the kubelet sends SIGTERM after that."""
        given = request.query.getall("of", [])
        if len(given) > 1 or not _HOOKS.keys() >= {*given}:
            return _json({"reason": "of is given once at most, and is app or sidecar"}, 400)
        origin = _HOOKS[given[0]] if given else Origin.HOOK
        is_own = origin is Origin.SIDECAR_HOOK
        self._sidecar.drain(origin)
        self._sidecar.own_hooks += is_own
        try:
            report = await self._report(PRESTOP_SPARE)
        finally:
            self._sidecar.own_hooks -= is_own
        if report is None:
            return _json(self._with_phase({"reason": "the drain is not over"}))
        return _json(self._with_phase(report.as_dict()))

    def _with_phase(self, body: Mapping[str, object]) -> dict[str, object]:
        return {"phase": self._sidecar.machine.phase.value, **body}

    async def _report(self, spare: float) -> DrainReport | None:
        """Wait for the report; None if the drain is taken back, or `spare` seconds before the
        deadline. With -inf the deadline does not count: after SIGSTOP it may be over already."""
        sidecar = self._sidecar
        # Drained, but not all were cut yet: then there is no report.
        while sidecar.machine.phase is not Phase.DRAINED or sidecar.report is None:
            deadline = sidecar.machine.deadline
            if deadline is None or (left := deadline - spare - sidecar.now()) <= 0:
                return None
            try:
                async with asyncio.timeout(min(left, _LOOK_EVERY)):
                    return await sidecar.drained()
            except TimeoutError:
                continue
        return sidecar.report


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _json({"reason": error.reason}, error.status, allow)


def _refused(refused: Refusal) -> web.Response:
    challenge = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
    return _json({"reason": refused.reason}, refused.status, challenge)


def _json(body: Any, code: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=code,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type="application/json",
    )
