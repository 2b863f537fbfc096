"""Rules about probes: what they ask, and whether a rollout can rely on the answer."""

import re
from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.check.amounts import failures_for, patience
from drainproxy.rollout.check.environment import Environment, environment
from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.migrating import asking
from drainproxy.rollout.check.place import FieldPlace
from drainproxy.rollout.check.rule import PROBES, Level, Problem, rule
from drainproxy.rollout.check.serving import PROBE_ACTIONS, lacks_probe, serving_containers
from drainproxy.rollout.check.shell import simple_commands
from drainproxy.rollout.check.sidecar import WorkloadSidecar, sidecar_of
from drainproxy.rollout.check.workload import CheckedWorkload

_KINDS: Final = ("readinessProbe", "livenessProbe", "startupProbe")
# Longer than this, and a start deserves a probe of its own.
_LONG_DELAY: Final = 30

# As long as commands and paths are; the rest is not looked at.
_LONGEST: Final = 1000
# Paths of HTTP that compare the schema with what this version of the code expects.
_SCHEMA_PATH = re.compile(
    r"/[\w/-]*(?:migrations?|schema)(?=[/?]|$)|[^?]*\?(?:[^&]*&)*(?:migrations?|schema)(?=[=&]|$)",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[^/\s]+(/\S*)")


@rule(
    "readiness-probe-missing",
    "error",
    PROBES,
    reason="Without a readinessProbe a new pod gets clients before it can answer.",
    remedy="Add a readinessProbe that succeeds once the app can answer requests.",
)
def readiness_probe_missing(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """A container without a readinessProbe is ready the moment that its process starts. A rollout
    then removes the old pods while the new ones still load, and every client that is led to them
    gets an error. It is asked of the containers that a Service leads to; where neither a Service
    nor a port is given it is a warning."""
    for container in serving_containers(workload) if workload.serves else ():
        if lacks := lacks_probe(container, "readinessProbe"):
            name = container.at("name").text
            level: Level | None = "warning" if workload.is_doubtful else None
            yield Problem(container, f"container {name} has {lacks}", level)


@rule(
    "liveness-probe-missing",
    "warning",
    PROBES,
    reason="Without a livenessProbe an app that hangs is never restarted.",
    remedy="Add a livenessProbe that asks the process alone, none of what it depends on.",
)
def liveness_probe_missing(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """The guide asks for both probes. A livenessProbe restarts an app that is alive and does
    nothing; it must not ask databases or other services, or their failure restarts every pod."""
    for container in serving_containers(workload) if workload.serves else ():
        if lacks := lacks_probe(container, "livenessProbe"):
            name = container.at("name").text
            yield Problem(container, f"container {name} has {lacks}")


@rule(
    "probes-identical",
    "warning",
    PROBES,
    reason="A livenessProbe that fails with readiness restarts pods that are only busy.",
    remedy="Ask another endpoint, or let the livenessProbe be patient for longer.",
)
def probes_identical(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """When readiness and liveness ask the same and give up after the same time, a pod that should
    get no more clients for a moment is killed instead, and what it had in flight with it. The same
    endpoint is fine if liveness gives up later."""
    for container in serving_containers(workload) if workload.serves else ():
        ready, live = container.at("readinessProbe"), container.at("livenessProbe")
        if _asks_the_same(container) and patience(live) <= patience(ready):
            failures = failures_for(live, 3 * patience(ready))
            yield Problem(
                live,
                f"the livenessProbe of {container.at('name').text} asks the same as its"
                f" readinessProbe and gives up after {patience(live)}s, no later than that: ask"
                f" another endpoint, or set failureThreshold: {failures}",
            )


@rule(
    "probe-port-unknown",
    "error",
    PROBES,
    reason="A probe of a port name that the container does not declare never succeeds.",
    remedy="Name a port of the same container, or write its number.",
)
def probe_port_unknown(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """The kubelet looks the name up among the ports of the probe's own container. One that is not
    there fails every time: the pod never becomes ready, or is restarted for ever."""
    for container in workload.every_container if workload.owns_pod else ():
        known = [port.at("name").text for port in container.at("ports").items]
        for kind in _KINDS:
            for action in ("httpGet", "tcpSocket"):
                port = container.at(kind, action, "port")
                if port.text and not port.text.isdigit() and port.text not in known:
                    names = ", ".join(filter(None, known)) or "none"
                    yield Problem(
                        port,
                        f"the {kind} asks port {port.text!r}, which container"
                        f" {container.at('name').text} does not declare (it names: {names})",
                    )


@rule(
    "startup-budget-missing",
    "warning",
    PROBES,
    reason="A long initialDelaySeconds delays every start, and is too short for the slowest.",
    remedy="Give the container a startupProbe and take the delay away.",
)
def startup_budget_missing(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """A fixed delay is waited for by pods that were ready long ago, and a start that takes longer
    once is killed by liveness. A startupProbe waits as long as needed, up to failureThreshold x
    periodSeconds, and not a second longer."""
    for container in workload.containers:
        if container.at("startupProbe").exists:
            continue
        for kind in ("livenessProbe", "readinessProbe"):
            delay = container.at(kind, "initialDelaySeconds")
            if (delay.number or 0) > _LONG_DELAY:
                failures = -(-(delay.number or 0) * 2 // 5)
                yield Problem(
                    delay,
                    f"the {kind} of {container.at('name').text} waits {delay.text}s before each"
                    f" start is looked at: a startupProbe with periodSeconds: 5 and"
                    f" failureThreshold: {failures} waits up to {failures * 5}s, but only as long"
                    " as needed",
                )
                break


@rule(
    "liveness-kills-drain",
    "error",
    PROBES,
    reason="A livenessProbe that fails while the pod drains kills what is being drained.",
    remedy="Let the livenessProbe ask something that stays alive during a drain.",
)
def liveness_kills_drain(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """In a drain the sidecar is not ready on purpose, and refuses connections in the end. A
    livenessProbe that passes the sidecar, or asks for its readiness, and gives up before the drain
    is over, gets the container restarted in the middle of it: a drain by hand, or one of a
    container's restart, is no deletion of the pod, which ends the probing. It is a warning where
    liveness asks the same as the app's own readiness, which may be made to fail too. Without a
    sidecar only the deletion drains: nothing asks while the preStop hook sleeps."""
    sidecar = sidecar_of(workload)
    for container in workload.containers if sidecar else ():
        live = container.at("livenessProbe")
        drain = sidecar.drain_timeout if sidecar else 0
        is_sure = _is_lost_in_a_drain(sidecar, container, live)
        if drain > patience(live) and (is_sure or _asks_the_same(container)):
            yield Problem(
                live,
                f"the livenessProbe of {container.at('name').text} follows readiness and gives up"
                f" after {patience(live)}s, within a drain of up to {drain:g}s: ask another"
                f" endpoint, or set failureThreshold: {failures_for(live, drain)}",
                None if is_sure else "warning",
            )


@rule(
    "readiness-asks-for-schema",
    "warning",
    PROBES,
    reason="Readiness that asks for the newest schema fails in every old pod when it changes.",
    remedy="Ask in the release pipeline whether the schema is there, not in a probe.",
)
def readiness_asks_for_schema(workload: CheckedWorkload, inventory: Inventory) -> Iterator[Problem]:
    """Code must run with the schema of the version before and after it (N-1). A readinessProbe that
    compares the two takes all pods of the old version out at the moment of a migration, and makes
    a rollback unready."""
    for container in workload.containers:
        probe = container.at("readinessProbe")
        path, command = probe.at("httpGet", "path"), probe.at("exec", "command")
        asked = _SCHEMA_PATH.match(path.text[:_LONGEST])
        words = [each.text for each in command.items]
        known = environment(container, inventory) if words else {}
        for place, found in ((path, asked and asked[0]), (command, _schema_in(words, known))):
            if found:
                yield Problem(
                    place,
                    f"the readinessProbe of {container.at('name').text} asks for the schema"
                    f" ({found}): every pod of the old version is unready after a migration",
                )


def _schema_in(words: list[str], known: Environment) -> str | None:
    """What of a command compares the schema, or asks a URL that does. A file may have any name."""
    urls = (_SCHEMA_PATH.match(each[1]) for each in _URL.finditer(" ".join(words)[:_LONGEST]))
    asked = next(filter(None, urls), None)
    found = filter(None, map(asking, simple_commands(words, known)))
    return next(found, None) or (asked and asked[0])


def _action(probe: FieldPlace) -> tuple[str, FieldPlace] | None:
    return next(((name, probe.at(name)) for name in PROBE_ACTIONS if probe.at(name).exists), None)


def _asks_the_same(container: FieldPlace) -> bool:
    asked = [_asked(container, container.at(kind)) for kind in _KINDS[:2]]
    return asked[0] is not None and asked[0] == asked[1]


def _asked(container: FieldPlace, probe: FieldPlace) -> tuple[object, ...] | None:
    """What a probe asks, however it is written: the API's defaults filled in, ports as numbers."""
    if (action := _action(probe)) is None:
        return None
    name, asked = action
    return (
        name,
        _port(container, asked.at("port").text),
        asked.at("path").text or "/",
        asked.at("scheme").text or "HTTP",
        *(str(asked.at(key).value or "") for key in ("host", "service", "command", "httpHeaders")),
    )


def _port(container: FieldPlace, port: str) -> str:
    """The number of a port of the container that is named."""
    for declared in container.at("ports").items:
        if port and declared.at("name").text == port:
            return declared.at("containerPort").text
    return port


def _is_lost_in_a_drain(
    sidecar: WorkloadSidecar | None, container: FieldPlace, probe: FieldPlace
) -> bool:
    """Whether the sidecar answers a probe, or would have to let it through."""
    action = _action(probe)
    if sidecar is None or action is None:
        return False
    port = _port(container, action[1].at("port").text)
    return action[1].at("path").text == "/readyz" or sidecar.answers(port)
