"""The admission webhook's server: HTTPS for the API server, plain HTTP for probes and metrics.

It knows nothing of injection: `Answer` turns the bytes of a review into the bytes of an answer.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter
from typing import Final, NoReturn, Protocol

import msgspec.json
from aiohttp import web
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from drainproxy.config import Address
from drainproxy.not_http import brief

# The API server sends objects of up to 3 MiB (its limit for a request is as large).
LARGEST_REVIEW: Final = 3 << 20

# Milliseconds are usual; a garbage collection, a cold cache or a namespace that is asked for, more.
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Seconds that reviews under way have, when the listeners are closed: the API server waits as long.
_LAST_REVIEWS: Final = 10.0
# Seconds in which a review must have come: no API server waits longer for its answer.
_WHOLE: Final = 30.0

log = logging.getLogger("drainproxy.webhook")


class Reply(Struct, frozen=True):
    """The answer to a review, what came of it in a word, what else the log should say, and whether
    somebody should read it."""

    body: bytes
    outcome: str
    fields: dict[str, object] = {}
    is_warning: bool = False


class WebhookHealth(Struct, frozen=True):
    """Why reviews should go elsewhere, and what is weaker than it could be; both may be empty."""

    problem: str = ""
    remark: str = ""

    def beside(self, remark: str) -> "WebhookHealth":
        """The same, with one more thing that is weaker, unless that is empty."""
        return WebhookHealth(self.problem, "; ".join(filter(None, (self.remark, remark))))


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# From a review to its answer; ValueError, with a reason, for one that is malformed.
Answer = Callable[[bytes], Awaitable[Reply]]


class Metrics:
    """What Prometheus is told."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reviews = Counter(
            "drainproxy_webhook_reviews",
            "Reviews by what came of them.",
            ["outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "drainproxy_webhook_review_duration_seconds",
            "From the last byte of a review to its answer.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.api_failures = Counter(
            "drainproxy_webhook_api_failures",
            "Times that the API server could not be read, by what was asked of it.",
            ["resource"],
            registry=self.registry,
        )
        self.ready = Gauge(
            "drainproxy_webhook_ready",
            "Whether reviews should come here.",
            registry=self.registry,
        )

    def failed(self, resource: str) -> None:
        """The API server did not give, or take, something of this kind."""
        self.api_failures.labels(resource).inc()

    def render(self) -> bytes:
        """As text."""
        return generate_latest(self.registry)


class Webhook:
    """The applications of a webhook: `reviews` and `observation`.

    When it is `leaving` it is not ready, still answers, and asks clients to connect elsewhere.
    """

    def __init__(
        self,
        answer: Answer,
        health: Callable[[], WebhookHealth] = WebhookHealth,
        metrics: Metrics | None = None,
    ) -> None:
        self._answer = answer
        self._health = health
        self.metrics = metrics or Metrics()
        self.metrics.ready.set_function(lambda: not self._state().problem)
        self.leaving = False

    def reviews(self) -> web.Application:
        """`POST /inject`."""
        middlewares = [self._say_goodbye, _errors_as_json]
        app = web.Application(client_max_size=LARGEST_REVIEW, middlewares=middlewares)
        app.add_routes([web.post("/inject", self._inject)])
        return app

    def observation(self) -> web.Application:
        """`/livez`, `/readyz` and `/metrics`."""
        app = web.Application(middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._show_metrics),
            ]
        )
        return app

    async def _inject(self, request: web.Request) -> web.Response:
        try:
            return await self._reply(await _read(request))
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(413, f"a review has at most {LARGEST_REVIEW} bytes")
        except ValueError as error:
            return self._refuse(400, str(error))
        except Exception:
            self.metrics.reviews.labels("failed").inc()
            log.exception("internal error while answering a review")
            return _json({"reason": "internal error in the webhook: see its log"}, 500)

    async def _reply(self, body: bytes) -> web.Response:
        started = perf_counter()
        reply = await self._answer(body)
        seconds = perf_counter() - started
        self.metrics.seconds.observe(seconds)
        self.metrics.reviews.labels(reply.outcome).inc()
        level = logging.WARNING if reply.is_warning else logging.INFO
        fields = {**reply.fields, "ms": round(seconds * 1000, 2)}
        log.log(level, reply.outcome, extra={"fields": fields})
        return web.Response(body=reply.body, content_type="application/json")

    def _refuse(self, status: int, reason: str) -> web.Response:
        self.metrics.reviews.labels("malformed").inc()
        log.warning("malformed", extra={"fields": {"status": status, "reason": reason}})
        return _json({"reason": reason}, status)

    @web.middleware
    async def _say_goodbye(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if self.leaving:
            response.force_close()
        return response

    async def _livez(self, _: web.Request) -> web.Response:
        return _json({"ok": True, "reason": "ok"})

    async def _readyz(self, _: web.Request) -> web.Response:
        state = self._state()
        ok, reason = not state.problem, state.problem or state.remark or "ok"
        return _json({"ok": ok, "reason": reason}, 200 if ok else 503)

    def _state(self) -> WebhookHealth:
        return WebhookHealth("it is shutting down") if self.leaving else self._health()

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=self.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


class ListenAddress(Struct, frozen=True):
    """Where a webhook listens."""

    listen: Address
    observe: Address


class HasCertificate(Protocol):
    """Who looks after the certificate: `context` shows it once it is `loaded`."""

    context: ssl.SSLContext
    loaded: asyncio.Event
    problem: str

    async def watch(self) -> NoReturn:
        """Keep it up to date."""
        ...


async def serve(
    webhook: Webhook,
    certificates: HasCertificate,
    place: ListenAddress,
    stop: asyncio.Event,
    stop_delay: float,
) -> None:
    """Serve, as soon as there is a certificate, until `stop` is set, and then leave: not ready any
    more, but still answering for `stop_delay` seconds until the API server has heard of it, and
    then for what is under way.

    Setting `stop` again ends that delay. OSError if it cannot listen.
    """
    reviews, observation = _runner(webhook.reviews()), _runner(webhook.observation())
    watching = asyncio.create_task(certificates.watch())
    try:
        await _listen("observe", observation, place.observe)
        if await _comes_first(certificates.loaded, stop):
            await _listen("listen", reviews, place.listen, certificates.context)
            log.info("ready", extra={"fields": {"listen": str(place.listen)}})
            await stop.wait()
        stop.clear()
        webhook.leaving = True
        log.info("leaving")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), stop_delay)
    finally:
        watching.cancel()
        await reviews.cleanup()
        await observation.cleanup()


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_LAST_REVIEWS,
        logger=brief("drainproxy.webhook.server"),
    )


async def _comes_first(awaited: asyncio.Event, stop: asyncio.Event) -> bool:
    """Whether this happens before it is told to stop."""
    waiting = [asyncio.create_task(each.wait()) for each in (awaited, stop)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    return awaited.is_set()


async def _listen(
    setting: str, runner: web.AppRunner, address: Address, context: ssl.SSLContext | None = None
) -> None:
    await runner.setup()
    # None is every interface, IPv6 too.
    site = web.TCPSite(runner, address.host or None, address.port, ssl_context=context)
    try:
        await site.start()
    except OSError as error:
        problem = f"{setting}: cannot listen on {address}: {error.strerror or error}"
        raise OSError(error.errno, problem) from None


async def _read(request: web.Request) -> bytes:
    """The whole body, decoded; ValueError if that cannot be had. It is not waited for if it is too
    large, however little of it comes."""
    length = request.content_length or 0
    if length > LARGEST_REVIEW:
        raise web.HTTPRequestEntityTooLarge(LARGEST_REVIEW, length)
    try:
        async with asyncio.timeout(_WHOLE):
            return await request.read()
    except TimeoutError:
        raise ValueError(f"the body has not come within {_WHOLE:g} s") from None
    except (web.RequestPayloadError, ConnectionError) as error:
        why = " ".join(str(error).split())
        raise ValueError(f"the body breaks off, or is not coded as it says: {why}") from None


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _json({"reason": error.reason}, error.status)


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )
