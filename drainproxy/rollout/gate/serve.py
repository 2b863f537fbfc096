"""Serves the gate over HTTP to engines: Argo Rollouts reads the verdict, Flagger the status.

Argo's web provider counts any status but 2xx as an error of the measurement, which finally aborts
the rollout: so it gets 200 and the verdict. Flagger takes 200 as yes and 403 as not yet; its
`rollback` hook rolls back at 200, so doubt is 403 there too.

Readiness does not depend on Prometheus: a gate that is not ready answers nobody, which an engine
counts as an error where a hold would be right.
"""

import hmac
import logging
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct, json
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from .body import LARGEST, UnreadableBody, decoded, too_large
from .evaluation import Evaluation, evaluate, evaluation_of
from .look_cache import LookCache
from .prometheus import PrometheusServer
from .record import RecordSource
from .report import GateReport, held, mistaken
from .request import GateRequest, UnnamedVersionError, read_argo, read_flagger
from .steps import Steps

log = logging.getLogger("drainproxy.gate")


class Token(Struct, frozen=True):
    """The file of the token that callers bear; read anew each time, since it is renewed."""

    path: Path | None

    def fits(self, request: web.Request) -> bool:
        """Whether the caller bears it, or nobody has to."""
        if self.path is None:
            return True
        try:
            wanted = self.path.read_text().strip()
        except (OSError, UnicodeError) as error:
            log.error("cannot read the token from %s: %s", self.path, error)
            return False
        given = _given(request.headers.get("Authorization", ""))
        return bool(wanted) and hmac.compare_digest(_bytes(given), _bytes(wanted))


def _bytes(text: str) -> bytes:
    """A header may hold bytes that are no UTF-8, which aiohttp keeps as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _given(header: str) -> str:
    """The token of a bearer (RFC 6750), or the password of basic authentication (RFC 7617): Flagger
    can send no header, but what stands before the @ of a webhook's URL."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


class Gate:
    """The application; `server` is the Prometheus that it asks, `record` that of migrations."""

    def __init__(
        self, server: PrometheusServer, token: Token, record: RecordSource | None = None
    ) -> None:
        self._server = server
        self._record = record or RecordSource()
        self._token = token
        self._looks = LookCache(time.monotonic)
        self._steps = Steps()
        self._registry = CollectorRegistry()
        self._verdicts = Counter(
            "drainproxy_gate_verdicts",
            "Verdicts by where they were asked for.",
            ["endpoint", "verdict"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "drainproxy_gate_look_seconds",
            "From the question to Prometheus to the verdict.",
            registry=self._registry,
        )

    def application(self) -> web.Application:
        """As aiohttp serves it."""
        # Bodies are decoded by us: what aiohttp cannot decode has no answer of ours.
        app = web.Application(
            client_max_size=LARGEST,
            handler_args={"auto_decompress": False},
            middlewares=[_explained],
        )
        app.add_routes(
            [
                web.get("/gate/argo", self.argo),
                web.post("/gate/argo", self.argo),
                web.post("/gate/flagger/confirm", self.confirm),
                web.post("/gate/flagger/rollback", self.rollback),
                web.get("/livez", self.healthy),
                web.get("/readyz", self.healthy),
                web.get("/metrics", self.metrics),
            ]
        )
        return app

    async def argo(self, request: web.Request) -> web.Response:
        """`result.verdict` for the conditions of an analysis."""
        if not self._token.fits(request):
            return _unauthorized()
        body = await _read(request)
        report = await self._verdict("argo", lambda: read_argo(body, request.query))
        return _answer(report, 200)

    async def confirm(self, request: web.Request) -> web.Response:
        """`confirm-promotion`, `confirm-traffic-increase`: on if it passes."""
        return await self._flagger(request, "confirm", "pass")

    async def rollback(self, request: web.Request) -> web.Response:
        """`rollback`: back if it fails."""
        return await self._flagger(request, "rollback", "fail")

    async def _flagger(self, request: web.Request, endpoint: str, yes: str) -> web.Response:
        if not self._token.fits(request):
            return _unauthorized()
        body = await _read(request)
        report = await self._verdict(endpoint, lambda: read_flagger(body))
        return _answer(report, 200 if report.verdict == yes else 403)

    async def _verdict(self, endpoint: str, read: Callable[[], GateRequest]) -> GateReport:
        try:
            asked = read()
            found = evaluation_of(asked)
        except (UnnamedVersionError, ValueError) as error:
            report = held(str(error.args[0] if error.args else error))
        except Exception as error:
            log.exception("a request could not be understood")
            report = mistaken(error)
        else:
            report = await self._looks.get(json.encode(asked), lambda: self._look(found))
            if endpoint == "confirm" and report.verdict == "pass":
                self._steps.passed(found.rollout, time.time())
        self._verdicts.labels(endpoint, report.verdict).inc()
        log.info("%s: %s: %s", endpoint, report.verdict, report.reason)
        return report

    async def _look(self, evaluation: Evaluation) -> GateReport:
        step = self._steps.within_step(evaluation.rollout, time.time())
        judged = replace(evaluation, rollout=step)
        with self._seconds.time():
            try:
                return await evaluate(self._server, self._record, judged)
            except Exception as error:
                log.exception("a look has failed")
                return mistaken(error)

    async def healthy(self, _: web.Request) -> web.Response:
        """It answers."""
        return web.json_response({"status": "ok"})

    async def metrics(self, _: web.Request) -> web.Response:
        """For Prometheus."""
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(self._registry), headers=headers)


async def _read(request: web.Request) -> bytes:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    except (web.RequestPayloadError, ConnectionError) as error:
        raise UnreadableBody(400, f"the body broke off: {error}") from None
    return decoded(body, request.headers.get("Content-Encoding", ""))


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UnreadableBody as error:
        log.warning("%s: %s", request.path, error.reason)
        return _answer(held(error.reason), error.status)


def _answer(report: GateReport, status: int) -> web.Response:
    return web.Response(body=report.as_json(), status=status, content_type="application/json")


def _unauthorized() -> web.Response:
    reason = {"reason": "a bearer token is needed, and this is not it"}
    return web.json_response(reason, status=401, headers={"WWW-Authenticate": "Bearer"})
