"""Rules about canaries and blue-green: routers that exist, small first steps, and a delayed
scale-down."""

import re
from collections.abc import Iterator
from typing import Final

from drainproxy.config.mistakes import did_you_mean
from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace
from drainproxy.rollout.check.rule import STRATEGY, Problem, rule
from drainproxy.rollout.check.workload import CheckedWorkload

# The keys of trafficRouting in the CRD of Argo Rollouts.
_ROUTERS: Final = (
    "alb",
    "ambassador",
    "apisix",
    "appMesh",
    "istio",
    "nginx",
    "plugins",
    "smi",
    "traefik",
    "managedRoutes",
    "maxTrafficWeight",
)
# What Argo Rollouts advises at least, until every node knows the new endpoints.
_ENDPOINT_DELAY: Final = 30
# The guide's canaries go by steps of this many percent.
_STEP: Final = 5
_STREAMS = re.compile(r"(?:.*[/.-])?(?:grpc|h2c|wss?|websockets?)(?:[/.-].*)?", re.IGNORECASE)


@rule(
    "unknown-traffic-router",
    "error",
    STRATEGY,
    kinds=("Rollout",),
    about="object",
    reason="Argo Rollouts drops a router that it does not know, and shifts no traffic.",
    remedy="Use a router of the CRD; Gateway API and others are plugins, under plugins.",
)
def unknown_traffic_router(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """A key that the CRD does not have is pruned without a word: the steps run, the weights are
    never set, and every analysis judges a canary without traffic."""
    for key, place in root.at("spec", "strategy", "canary", "trafficRouting").entries.items():
        if key not in _ROUTERS:
            near = did_you_mean(key, _ROUTERS)
            hint = f"did you mean {near}?" if near else f"one of {', '.join(_ROUTERS[:9])}"
            yield Problem(place, f"{key!r} is no traffic router of Argo Rollouts: {hint}")


@rule(
    "scale-down-before-drain",
    "error",
    STRATEGY,
    kinds=("Rollout",),
    reason="Old pods that go before all routers know it are still sent clients.",
    remedy=f"Leave the delay at {_ENDPOINT_DELAY} s or more; no dynamicStableScale with streams.",
)
def scale_down_before_drain(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """After a switch of Services the old pods stay for scaleDownDelaySeconds, until every node and
    load balancer has the new endpoints. dynamicStableScale takes stable pods away as the weight
    moves, but WebSockets and gRPC streams stay where they were opened, and are cut with them."""
    strategy = workload.root.at("spec", "strategy")
    routed = strategy.at("canary", "trafficRouting").exists
    for name in ("blueGreen", "canary") if routed else ("blueGreen",):
        for field, least in (("scaleDownDelaySeconds", 0), ("abortScaleDownDelaySeconds", 1)):
            delay = strategy.at(name, field)
            if delay.number is not None and least <= delay.number < _ENDPOINT_DELAY:
                yield Problem(
                    delay,
                    f"pods go {delay.number}s after the switch, before every router knows it: set"
                    f" {field}: {_ENDPOINT_DELAY}",
                )
    dynamic = strategy.at("canary", "dynamicStableScale")
    if dynamic.value is True and (port := _streaming_port(workload)):
        yield Problem(
            dynamic,
            f"dynamicStableScale takes stable pods away under the open streams of port {port}: set"
            " dynamicStableScale: false",
        )


def _streaming_port(workload: CheckedWorkload) -> str:
    """The name of a port of WebSockets or gRPC; empty if there is none."""
    names = [
        port.at("name").text for each in workload.containers for port in each.at("ports").items
    ]
    for port in workload.ports:
        names += [port.place.at("appProtocol").text, port.place.at("name").text]
    names += ["grpc" for each in workload.containers if each.at("readinessProbe", "grpc").exists]
    return next((name for name in names if _STREAMS.fullmatch(name)), "")


@rule(
    "canary-starts-too-large",
    "info",
    STRATEGY,
    kinds=("Rollout", "Canary"),
    about="object",
    reason="A canary that starts with many clients shows its faults to many.",
    remedy=f"Start with a weight of {_STEP} %.",
)
def canary_starts_too_large(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """The guide's canaries begin with 5 % of the clients. Without a traffic router the weight of an
    Argo Rollout is made of whole pods, so that few replicas cannot be finer."""
    canary = root.at("spec", "strategy", "canary")
    weights = [each.at("setWeight") for each in canary.at("steps").items]
    analysis = root.at("spec", "analysis")
    weights += [analysis.at("stepWeight"), *analysis.at("stepWeights").items[:1]]
    first = next((each for each in weights if each.number), None)
    if first is not None and (first.number or 0) > _STEP:
        yield Problem(first, f"the canary starts with {first.number} % of the clients, not {_STEP}")
