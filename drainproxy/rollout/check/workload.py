"""A workload with what belongs to it: Services, budgets, autoscaler, canary."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from .amounts import share
from .place import FieldPlace, Object

# Kind and API group of what is rolled out.
ROLLED_OUT: Final = {
    *((kind, "apps") for kind in ("Deployment", "StatefulSet", "DaemonSet")),
    *((kind, "extensions") for kind in ("Deployment", "DaemonSet")),
    ("Rollout", "argoproj.io"),
}

# kind -> its field for the smallest number of pods, and what that is where it is not given. KEDA
# scales to zero.
AUTOSCALERS: Final = {
    "HorizontalPodAutoscaler": ("minReplicas", 1),
    "ScaledObject": ("minReplicaCount", 0),
}

# Where a Rollout names a Service whose selector it moves.
_LEADING: Final = (
    ("canary", "canaryService"),
    ("canary", "stableService"),
    ("blueGreen", "activeService"),
)

# Ports that people look at and no client of the app.
_ASIDE = re.compile(
    r"(?:.*-)?(?:(?:metrics?|prom(?:etheus)?)(?:-port|-https?)?|health\w*|probes?|debug|admin|pprof)"
)
# A Service that is for metrics alone, beside another for clients, or called after its workload.
_MEASURING = re.compile(r"(?:.*-)?(?:metrics?|exporter)(?:-service|-svc)?")
# Other people's sidecars, which injectors put in and their own probes and hooks serve.
_FOREIGN: Final = ("istio-proxy", "linkerd-proxy", "daprd", "vault-agent", "cloud-sql-proxy")
_OURS: Final = "drainproxy"
# Commands of hooks that end the app themselves, or do nothing, and return at once.
_AT_ONCE = re.compile(
    r"(?:\S*sh -\w*c )?(?:exec )?"
    r"(?:\S*nginx -s (?:quit|stop|reload)|kill (?:-s )?(?:-?\w+ )?1|(?:\S*/)?true|:|exit 0"
    r"|echo [^;&|\n]*|);?"
)


def is_sidecar(container: FieldPlace) -> bool:
    """Whether a container is our proxy: by its name or its image, and by what it runs. The same
    image is the gate, the webhook and the smoke test, through which no connection goes."""
    image = container.at("image").text
    is_ours = container.at("name").text == _OURS or (_OURS in image and _last_part(image) == _OURS)
    if not is_ours:
        return False
    words = _words(container)
    flags = {word.partition("=")[0] for word in words if word.startswith("-")}
    is_told = len(flags) < len(words)
    # An entrypoint may have said "run" before; other commands have --config too.
    has_file = "--config" in flags and words[0].startswith("-")
    return not is_told or "run" in words or "--forward" in flags or has_file


def containers_with_ports(spec: FieldPlace) -> list[FieldPlace]:
    """Those of a pod whose ports Services find by name: all, and then its native sidecars."""
    native = [
        each
        for each in spec.at("initContainers").items
        if each.at("restartPolicy").text == "Always"
    ]
    return [*spec.at("containers").items, *native]


def is_foreign(container: FieldPlace) -> bool:
    """Whether it is a sidecar of somebody else, which serves itself."""
    return container.at("name").text in _FOREIGN


def is_aside(name: str) -> bool:
    """Whether a port of this name is there for metrics or probes, and not for clients."""
    return bool(_ASIDE.fullmatch(name))


def is_held_back(container: FieldPlace) -> bool:
    """Whether it answers for a while when its pod is being deleted: a preStop hook waits, and our
    webhook goes on by itself (--stop-delay)."""
    hook = container.at("lifecycle", "preStop")
    command = " ".join(each.text for each in hook.at("exec", "command").items)
    if hook.at("exec").exists and not _AT_ONCE.fullmatch(command):
        return True
    if any(hook.at(each).exists for each in ("httpGet", "tcpSocket")):
        return True
    if (hook.at("sleep", "seconds").number or 0) > 0:
        return True
    return _image(container) == _OURS and "webhook" in _words(container)


def _image(container: FieldPlace) -> str:
    """The last part of its name, without tag and digest."""
    return _last_part(container.at("image").text)


def _last_part(image: str) -> str:
    return re.split("[:@]", image.rpartition("/")[2])[0]


def _words(container: FieldPlace) -> list[str]:
    given = (*container.at("command").items, *container.at("args").items)
    return " ".join(each.text for each in given).split()


class ServedPort:
    """A port that a Service leads to: the place of its entry there, and the pod's port."""

    def __init__(self, service: Object, place: FieldPlace) -> None:
        self.service = service
        self.place = place

    @property
    def target(self) -> FieldPlace:
        """Where the entry says which port of the pod it leads to."""
        explicit = self.place.at("targetPort")
        return explicit if explicit.text not in ("", "0") else self.place.at("port")

    @property
    def is_tcp(self) -> bool:
        """Whether its clients open connections."""
        return _is_tcp(self.place)

    @property
    def is_aside(self) -> bool:
        """Whether it is there for metrics or probes, and not for clients."""
        names = self.place.at("name").text, self.target.text
        return any(map(is_aside, names))


class CheckedWorkload:
    """What is rolled out, and all in the input that concerns it."""

    def __init__(
        self, root: FieldPlace, pod: FieldPlace, *, owns_pod: bool, is_managed: bool
    ) -> None:
        """`owns_pod`: the template stands in this object, and not in one that it refers to.
        `is_managed`: a Rollout replaces its pods by its own, so its strategy is not used."""
        self.root = root
        self.pod = pod
        self.owns_pod = owns_pod
        self.is_managed = is_managed
        self.services: list[Object] = []
        self.budgets: list[Object] = []
        self.autoscaler: Object | None = None
        self.canary: Object | None = None
        self.is_injected = False
        self.is_unproved = False

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return self.root.object.kind

    @property
    def title(self) -> str:
        """`deployment/web`."""
        return self.root.object.title

    @cached_property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return self.pod.at("metadata", "labels").texts

    @cached_property
    def spec(self) -> FieldPlace:
        """The spec of its pods."""
        return self.pod.at("spec")

    @cached_property
    def containers(self) -> list[FieldPlace]:
        """Those of the app: neither init containers nor sidecars of others, nor ours."""
        every = self.spec.at("containers").items if self.owns_pod else []
        return [each for each in every if not (is_foreign(each) or is_sidecar(each))]

    @cached_property
    def every_container(self) -> list[FieldPlace]:
        """Native sidecars and all others, in the order in which EndpointSlice looks for names."""
        return containers_with_ports(self.spec)

    @cached_property
    def every_port(self) -> list[ServedPort]:
        """The TCP ports of the Services that select its pods."""
        found = (
            ServedPort(each, port)
            for each in self.services
            for port in each.root.at("spec", "ports").items
        )
        return [each for each in found if each.is_tcp]

    @cached_property
    def ports(self) -> list[ServedPort]:
        """Those by which clients come. A Service's name says that it is for metrics where there is
        another, or where it is the workload's with that word added: a product may be called so."""
        aside = {each.name for each in self.services if _MEASURING.fullmatch(each.name)}
        if len(aside) == len({each.name for each in self.services}):
            aside = {each for each in aside if each.startswith(f"{self.root.object.name}-")}
        found = (each for each in self.every_port if not (each.is_aside or self._is_aside(each)))
        return [each for each in found if each.service.name not in aside]

    def _is_aside(self, port: ServedPort) -> bool:
        """Whether a number leads to a port that the pod declares for metrics or probes."""
        declared = [*_declared(self.every_container)]
        number = port.target.text
        names = [each.at("name").text for each in declared if _number(each) == number]
        return bool(names) and all(map(is_aside, names))

    @cached_property
    def serves(self) -> bool:
        """Whether somebody connects to its pods. Where no Service is given it may be, unless all
        ports that it declares are for metrics or datagrams, or it is a DaemonSet without any."""
        if self.ports or self.canary or self._is_led_to:
            return True
        if not self._declares:
            return self.is_unproved and self.kind != "DaemonSet"
        return self.is_unproved and any(map(_is_for_clients, self._declares))

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing says that somebody connects: no Service is given, no port declared."""
        return not (self.ports or self.canary or self._is_led_to or self._declares)

    @property
    def _is_led_to(self) -> bool:
        """Whether a Rollout names the Services that lead to it, which may stand elsewhere."""
        strategy = self.root.at("spec", "strategy")
        return any(strategy.at(*path).exists for path in _LEADING)

    @cached_property
    def _declares(self) -> list[FieldPlace]:
        return [*_declared(self.containers)]

    @cached_property
    def replicas(self) -> FieldPlace:
        """Where the number of its pods is written."""
        return self.root.at("spec", "replicas")

    @property
    def floor(self) -> FieldPlace:
        """Where the smallest number of its pods is written: with an autoscaler, there."""
        if not self.autoscaler:
            return self.replicas
        return self.autoscaler.root.at("spec", AUTOSCALERS[self.autoscaler.kind][0])

    @property
    def least(self) -> int:
        """The smallest number of pods that the input lets it have."""
        if self.floor.number is not None:
            return self.floor.number
        return AUTOSCALERS[self.autoscaler.kind][1] if self.autoscaler else 1

    @cached_property
    def rolling(self) -> FieldPlace:
        """Where maxSurge and maxUnavailable are written, or would be."""
        spec = self.root.at("spec")
        if self.kind == "Rollout":
            return spec.at("strategy", "canary")
        field = "strategy" if self.kind == "Deployment" else "updateStrategy"
        return spec.at(field, "rollingUpdate")

    @property
    def is_rolled(self) -> bool:
        """Whether new pods replace old ones step by step, by what this object says."""
        if self.is_managed or not self.least:
            return False
        if self.kind == "Rollout":
            return not self.root.at("spec", "strategy", "blueGreen").exists
        field = "strategy" if self.kind == "Deployment" else "updateStrategy"
        return self.root.at("spec", field, "type").text in ("", "RollingUpdate")

    @property
    def is_routed(self) -> bool:
        """Whether a traffic router moves the clients, while the stable pods stay as they are."""
        return self.root.at("spec", "strategy", "canary", "trafficRouting").exists

    @property
    def planned(self) -> int:
        """The pods that there are at a rollout: what is written, but not less than the least."""
        return max(self.least, self.replicas.number or 0)


def kept(budget: Object, pods: int) -> int | None:
    """How many of so many pods a budget keeps; None if it does not say so readably."""
    spec = budget.root.at("spec")
    if (least := spec.at("minAvailable")).exists:
        return share(least, pods, up=True)
    away = share(spec.at("maxUnavailable"), pods, up=True)
    return None if away is None else max(pods - away, 0)


def _is_tcp(port: FieldPlace) -> bool:
    """What does not say speaks TCP."""
    return port.at("protocol").text in ("", "TCP")


def _is_for_clients(port: FieldPlace) -> bool:
    return _is_tcp(port) and not is_aside(port.at("name").text)


def _number(port: FieldPlace) -> str:
    return port.at("containerPort").text


def _declared(containers: Sequence[FieldPlace]) -> Iterator[FieldPlace]:
    for container in containers:
        yield from container.at("ports").items
