"""What surrounds each pod of an input, where several pods may be behind one Service.

Changing the target of a Service affects every pod that it selects: all of them must listen on the
new port, or the Service stays as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from drainproxy.manifests.endpoints import find_port, resolve
from drainproxy.manifests.podspec import Pod
from drainproxy.manifests.services import Service, ServicePort

from .capture import Capture, Rewrite
from .density import Effort, TooMuch
from .leads import Around, Held
from .limits import too_many_services
from .listeners import ListedPorts
from .namespace import Namespace, forbids_redirect, redirects_if_asked
from .selecting import Selecting

# How clients would be led to a pod; None if it gets no sidecar.
Foresee = Callable[[Around], Capture | None]


class Neighbour(Struct, frozen=True):
    """A workload, as those behind the same Service must know it."""

    title: str
    namespace: str
    pod: Pod
    foresee: Foresee
    stateful_set: str | None = None

    def serves(self, port: ServicePort) -> bool:
        """Whether clients of a Service's port come here. Who ends by itself may bear the labels of
        a server without being one: it must declare the port."""
        return not self.pod.completes or find_port(self.pod, port.target) is not None


class Neighbours:
    """The Services, workloads and namespaces of an input; `around` is what each pod has to know.

    Raises TooMuch, with the number of a workload, if all this takes more than the effort.
    """

    def __init__(
        self,
        services: Sequence[Service],
        workloads: Iterable[Neighbour],
        namespaces: Mapping[str, Namespace],
        held: Mapping[Held, int] | None = None,
        effort: Effort | None = None,
        listed: ListedPorts | None = None,
    ) -> None:
        self._selecting = Selecting(services, effort or Effort())
        self._namespaces = namespaces
        self._held = held or {}
        self._listed = listed or ListedPorts()
        self._workloads = [*workloads]
        # By their numbers: who is behind a Service, and behind which Services somebody is.
        self._members: dict[int, list[int]] = {}
        self._names: dict[tuple[Held, str], str] = {}
        self._refused: dict[Held, str] = {}
        self._behind: dict[int, Sequence[Service]] = {}
        crowds = set[tuple[int, bool]]()
        for at, each in enumerate(self._workloads):
            try:
                self._behind[at] = self._in_front(each, crowds)
            except TooMuch as error:
                raise TooMuch(str(error), at) from None
            for service in self._behind[at]:
                self._members.setdefault(service.key, []).append(at)
        self._settle()

    def _in_front(self, each: Neighbour, crowds: set[tuple[int, bool]]) -> Sequence[Service]:
        """The Services that select its pods. Where these are so many that nobody behind them gets a
        sidecar, one of those with the same labels is enough to say so."""
        labels = each.pod.labels
        found = self._selecting.services(each.namespace, labels, each.stateful_set)
        if not too_many_services(found):
            self._selecting.weigh(found)
            return found
        crowd = id(found), each.pod.completes
        found = () if crowd in crowds else found
        crowds.add(crowd)
        return found

    def around(
        self, namespace: str, labels: Mapping[str, str], stateful_set: str | None = None
    ) -> Around:
        """What stands around a pod with these labels."""
        said = self._namespaces.get(namespace, Namespace())
        return Around(
            services=self._selecting.services(namespace, labels, stateful_set),
            objection=self._objection,
            no_redirect=forbids_redirect(namespace, said.labels),
            redirects_if_asked=redirects_if_asked(said.annotations),
            held=self._held,
            listed=self._listed,
        )

    def _objection(self, service: Service, port: ServicePort, target: int | str) -> str:
        place = service.key, port.step
        if not isinstance(target, str):
            return self._refused.get(place, "")
        if (place, target) not in self._names:
            self._names[place, target] = self._without_name(service, port, target)
        return self._names[place, target]

    def _without_name(self, service: Service, port: ServicePort, name: str) -> str:
        """Pods without a sidecar matter as well: by the name they must be reached as before."""
        for each in map(self._workloads.__getitem__, self._members.get(service.key, ())):
            if resolve(each.pod, name) != port.target and each.serves(port):
                return f"{each.title} has no port {name} with that number"
        return ""

    def _settle(self) -> None:
        """Refuse numbers that do not suit all who are behind them. Who is refused one may need a
        redirect, and then the next is refused as well: only those behind it are asked again."""
        asked: Iterable[int] = range(len(self._workloads))
        targets: dict[int, _Targets] = {}
        while asked:
            changed = {at: self._targets(at) for at in asked}
            targets |= changed
            keys = dict.fromkeys(each.key for at in changed for each in self._behind[at])
            refused = [key for key in keys if self._refuse(key, targets)]
            asked = dict.fromkeys(at for key in refused for at in self._members[key])

    def _targets(self, at: int) -> "_Targets":
        each = self._workloads[at]
        return _Targets(
            each.foresee(self.around(each.namespace, each.pod.labels, each.stateful_set))
        )

    def _refuse(self, key: int, targets: Mapping[int, "_Targets"]) -> bool:
        """Whether a number had to be refused to a Service."""
        wanted: dict[Held, Rewrite] = {}
        for at in self._members[key]:
            for rewrite in targets[at].numbers(key):
                wanted.setdefault((key, rewrite.port.step), rewrite)
        refused = dict(self._unsuited(wanted, targets))
        self._refused |= refused
        return bool(refused)

    def _unsuited(
        self, wanted: Mapping[Held, Rewrite], targets: Mapping[int, "_Targets"]
    ) -> Iterator[tuple[Held, str]]:
        for place, rewrite in wanted.items():
            for at in self._members[place[0]]:
                each, why = self._workloads[at], targets[at].problem(place, rewrite.target)
                if why and each.serves(rewrite.port):
                    yield place, f"{each.title} {why}"


class _Targets:
    """What the ports of Services are to target for the sake of one workload."""

    def __init__(self, capture: Capture | None) -> None:
        self._capture = capture
        rewrites = capture.rewrites if capture else ()
        self._targets = {(each.service.key, each.port.step): each.target for each in rewrites}
        self._numbers: dict[int, list[Rewrite]] = {}
        for each in rewrites:
            if isinstance(each.target, int):
                self._numbers.setdefault(each.service.key, []).append(each)

    def numbers(self, key: int) -> Sequence[Rewrite]:
        """The ports of a Service that are to target a number."""
        return self._numbers.get(key, ())

    def problem(self, place: Held, number: int | str) -> str:
        """Why a number does not suit it; empty if it does."""
        if self._capture is None or self._capture.mode is None:
            return "gets no sidecar"
        if self._capture.mode == "redirect":
            return "is redirected"
        suits = self._targets.get(place) == number
        return "" if suits else f"does not have its sidecar at {number}"
