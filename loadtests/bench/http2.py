"""The figures of HTTP/2 on both sides: the same fields every time, and an id new in every call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter

from loadtests.bench import calls
from loadtests.bench.ground import Ground, Target
from loadtests.bench.load import CpuWatch, Outcome, h2load
from loadtests.bench.targets import HTTP2_TARGETS

CONNECTIONS = 8
STREAMS = 8
# Every target gets as many for each second of the plan, whatever it makes of them.
_REQUESTS = 40_000
_CALLS = 20_000
_PATIENCE = 10

Load = Callable[[int], Outcome]


def same(ground: Ground) -> None:
    """GETs with the same fields every time: header blocks of a few bytes."""
    app = ground.http2_app({"index.html": b"hello from the app\n"})
    with app as app_port, ground.all_targets(app_port, HTTP2_TARGETS) as targets:
        _warm(ground, targets, _requests(1))
        for round_, target in ground.rounds(targets):
            _round(ground, "http2", round_, target, _requests(ground.plan.seconds))


def varying(ground: Ground) -> None:
    """Unary gRPC calls with an id of their own, the same ones for every target of a round."""
    app = ground.http2_app({calls.PATH: calls.ANSWER}, trailer="grpc-status: 0")
    with app as app_port, ground.all_targets(app_port, HTTP2_TARGETS) as targets:
        _warm(ground, targets, _calls(1))
        for _, turns in groupby(ground.rounds(targets), key=itemgetter(0)):
            load = _calls(ground.plan.seconds)
            for round_, target in turns:
                _round(ground, "http2-varying", round_, target, load)


def _requests(seconds: int) -> Load:
    return lambda port: h2load(port, CONNECTIONS, STREAMS, _REQUESTS * seconds)


def _calls(seconds: int) -> Load:
    scripts = calls.scripts(CONNECTIONS, _CALLS * seconds // CONNECTIONS)
    return lambda port: calls.call(port, scripts, STREAMS, within=_PATIENCE * seconds)


def _warm(ground: Ground, targets: Iterable[Target], load: Load) -> None:
    for target in targets:
        with ground.or_left_out(target.name):
            load(target.port)


def _round(ground: Ground, measure: str, round_: int, target: Target, load: Load) -> None:
    with ground.or_left_out(target.name):
        with CpuWatch(target.process) as watch:
            outcome = load(target.port)
        values = {"requests_per_s": outcome.requests_per_s, "errors": outcome.errors}
        cpu = watch.figures("cpu_us", 1e6 / outcome.requests)
        ground.samples.add(measure, target.name, round_, **values, **cpu)
