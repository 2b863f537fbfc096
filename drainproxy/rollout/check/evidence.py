"""What the input proves of each box of the checklist: a row of the table for each section.

No finding is no proof: a rule that had nothing to look at finds nothing. A box is ticked if it is
proved for every subject of its section, unknown if the input does not say, and open if something
required is missing.
"""

from collections.abc import Callable, Iterator
from typing import Final, get_args

from msgspec import Struct

from drainproxy.manifests.api_kinds import is_served

from .inventory import Inventory
from .migrating import migrates
from .place import FieldPlace, Object
from .rule import Proof
from .rules.analysis import TEMPLATES, named_templates, templates_of
from .rules.drain import is_for_peers_alone
from .rules.exceptions import ignored_by
from .rules.migration import changes_by_sql, in_words, migrations, not_seen, phases
from .rules.objects import is_passed_over, version_of
from .rules.pipeline import BUDGETS, smoke_tests, watchers
from .rules.rollback import goes_back_on_errors
from .serving import ends_after_a_wait, lacks_probe, serving_containers
from .sidecar import asleep, sidecar_of
from .workload import CheckedWorkload

PROOFS: Final[tuple[Proof, ...]] = get_args(Proof)
_ELSEWHERE: Final = "its pods are described elsewhere"
_NO_CONTAINER: Final = "its pod template has no container of an app"
_NONE: Final = "it is scaled to zero"
# Labels of pods that stand in no template: controllers give them.
_GIVEN_LATER: Final = {
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
    "pod-template-hash",
    "rollouts-pod-template-hash",
}
# What they prove they prove for their own.
_OF_ONE: Final = ("Canary", "Rollout", *TEMPLATES)


class Evidence(Struct, frozen=True):
    """What is known of one subject of a section, and why no more than that."""

    about: Object
    proof: Proof
    note: str = ""


Found = Iterator[Evidence]


def of_section(section: str, inventory: Inventory) -> list[Evidence]:
    """The evidence of a section by its id, in the order of the input."""
    return [*_TABLE[section](inventory)]


def summary(found: list[Evidence]) -> str:
    """The note of the first, and how many more there are."""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0].about.title}: {found[0].note}{more}"


def _said(workload: CheckedWorkload, proof: Proof, note: str = "") -> Evidence:
    return Evidence(workload.root.object, proof, note)


def _described(inventory: Inventory) -> Iterator[tuple[CheckedWorkload, Evidence | None]]:
    """The workloads that somebody connects to, each where its pods are described. Where they are
    not, that is all there is to say."""
    for workload in inventory.serving:
        if not workload.pod.exists or (workload.owns_pod and not workload.containers):
            yield workload, _said(workload, "unknown", _unseen(workload))
        elif workload.owns_pod:
            yield workload, None


def _unseen(workload: CheckedWorkload) -> str:
    """Why nothing is known of its pods: another object has them, or `containers` is not there."""
    is_elsewhere = workload.root.at("spec", "workloadRef").exists
    return _ELSEWHERE if is_elsewhere else _NO_CONTAINER


def _probes(inventory: Inventory) -> Found:
    """The rules look at every container that clients are led to."""
    for workload, unknown in _described(inventory):
        yield unknown or _said(workload, "proved")


def _grace(inventory: Inventory) -> Found:
    """Only against an end whose length is known can the grace period be measured."""
    for workload, unknown in _described(inventory):
        sidecar = sidecar_of(workload)
        sleeps = [asleep(each) for each in serving_containers(workload)]
        if unknown:
            yield unknown
        elif sidecar and sidecar.reads_a_file:
            yield _said(workload, "unknown", "the settings of its sidecar are in a file")
        elif sidecar and any(map(_takes_as_long_as_it_takes, serving_containers(workload))):
            yield _said(
                workload, "unknown", "this input does not show how long its preStop hook takes"
            )
        elif sidecar or all(each is not None for each in sleeps):
            yield _said(workload, "proved")
        else:
            why = "without a sidecar or a preStop sleep the length of its shutdown is unknown"
            yield _said(workload, "unknown", why)


def _takes_as_long_as_it_takes(container: FieldPlace) -> bool:
    """Whether its preStop hook runs something that does not sleep."""
    return container.at("lifecycle", "preStop", "exec").exists and asleep(container) is None


def _drain(inventory: Inventory) -> Found:
    """A sidecar drains and ages. A preStop hook waits: what the app does then, it does itself."""
    for workload, unknown in _described(inventory):
        sidecar = sidecar_of(workload)
        hooks = [ends_after_a_wait(workload, each) for each in serving_containers(workload)]
        if unknown:
            yield unknown
        elif sidecar and sidecar.reads_a_file:
            yield _said(workload, "unknown", "the settings of its sidecar are in a file")
        elif sidecar:
            yield _said(workload, "proved")
        elif workload.ports and not all(hooks) and not is_for_peers_alone(workload):
            yield _said(workload, "open", "it has neither a sidecar nor a preStop hook that waits")
        else:
            why = "without a sidecar this input does not show whether its connections drain and age"
            yield _said(workload, "unknown", why)


def _strategy(inventory: Inventory) -> Found:
    for workload in inventory.workloads:
        if not workload.is_managed:
            yield _said(workload, *_rolled(workload))


def _rolled(workload: CheckedWorkload) -> tuple[Proof, str]:
    """Whether pods are replaced step by step, without a hand."""
    spec = workload.root.at("spec")
    if spec.at("paused").value is True:
        return "open", "it is paused"
    if not workload.least and workload.kind != "DaemonSet":
        return "unknown", _NONE
    if workload.kind == "Rollout":
        chosen = spec.at("strategy").entries.keys() & {"canary", "blueGreen"}
        return ("proved", "") if chosen else ("open", "it is neither canary nor blue-green")
    field = "strategy" if workload.kind == "Deployment" else "updateStrategy"
    kind = spec.at(field, "type").text
    if kind == "Recreate" and not workload.serves:
        return "unknown", "its strategy is Recreate, and it has no clients"
    if kind not in ("", "RollingUpdate"):
        return "open", f"its strategy is {kind}"
    if partition := workload.rolling.at("partition").number:
        return "open", f"partition {partition} keeps pods at the version before"
    return "proved", ""


def _capacity(inventory: Inventory) -> Found:
    for workload in inventory.serving:
        if workload.is_managed:
            continue
        if workload.kind == "DaemonSet":
            yield _said(workload, "unknown", "it has as many pods as there are nodes")
        elif not workload.pod.exists:
            yield _said(workload, "unknown", _unseen(workload))
        elif not workload.least:
            yield _said(workload, "unknown", _NONE)
        else:
            yield _said(workload, "proved")


def _traffic(inventory: Inventory) -> Found:
    """Of each Service by which clients come: that what is behind it is probed, and held back."""
    proofs = _proofs(inventory)
    led = {_identity(each) for workload in inventory.workloads for each in workload.services}
    for service in inventory.of("Service"):
        selector = service.root.at("spec", "selector").texts
        if selector and _identity(service) not in led:
            yield Evidence(service, "unknown", _not_behind(service, selector, inventory))
        for proof in proofs.get(id(service), ()):
            yield Evidence(service, *proof)


def _proofs(inventory: Inventory) -> dict[int, list[tuple[Proof, str]]]:
    """What is known of the workloads that clients reach by a Service; each is looked at once."""
    found: dict[int, list[tuple[Proof, str]]] = {}
    for workload in inventory.workloads:
        if workload.ports and not is_for_peers_alone(workload):
            proof = _led_to(workload)
            for service in {id(port.service): None for port in workload.ports}:
                found.setdefault(service, []).append(proof)
    return found


def _identity(each: Object) -> tuple[str, str]:
    """The same for all copies of a Service."""
    return each.namespace, each.name


def _not_behind(service: Object, selector: dict[str, str], inventory: Inventory) -> str:
    """What a Service leads to that is no workload of the table."""
    if pod := next(inventory.pods.selected(selector, service), None):
        return f"{pod.place.object.title} is behind it, whose kind is not looked at"
    written = {key: selector[key] for key in selector if key not in _GIVEN_LATER}
    pod = next(inventory.pods.selected(written, service), None)
    if pod and written != selector:
        return f"it selects pods of {pod.place.object.title} by a label of their controller"
    return "no workload of this input is behind it"


def _led_to(workload: CheckedWorkload) -> tuple[Proof, str]:
    if not (workload.owns_pod and workload.containers):
        known = workload.pod.exists and not workload.owns_pod
        return ("proved", "") if known else ("unknown", f"of {workload.title} {_unseen(workload)}")
    for container in serving_containers(workload):
        name = container.at("name").text
        if lacks := lacks_probe(container, "readinessProbe"):
            return "open", f"it leads to container {name}, which has {lacks}"
        if not sidecar_of(workload) and not ends_after_a_wait(workload, container):
            return "open", f"it leads to container {name} until that container ends"
    return "proved", ""


def _rollback(inventory: Inventory) -> Found:
    for each in inventory.of("HelmRelease"):
        yield Evidence(each, *goes_back_on_errors(each, None, inventory))
    for workload in inventory.serving:
        if not workload.is_managed:
            each = workload.root.object
            yield Evidence(each, *goes_back_on_errors(each, workload.canary, inventory))


def _migration(inventory: Inventory) -> Found:
    for each in migrations(inventory):
        said = phases(each)
        if wrong := [*said - {"expand", "migrate"}]:
            yield Evidence(each, "open", f"it is in phase {wrong[0]}")
        elif not said and not changes_by_sql(each, inventory):
            cut = "" if migrates(each, inventory) else not_seen(each, inventory)
            if cut:
                yield Evidence(each, "unknown", f"{cut} may migrate")
                continue
            yield Evidence(each, "open", "it states no phase")
        else:
            yield Evidence(each, *in_words(each, inventory))


def _smoke(inventory: Inventory) -> Found:
    return _once(smoke_tests(inventory), "nothing here tests it", inventory)


def _budget(inventory: Inventory) -> Found:
    return _once(watchers(inventory), "nothing here measures its errors", inventory)


def _once(proofs: list[Object], missing: str, inventory: Inventory) -> Found:
    """Of what one object proves for all near it. A Canary proves for its own, and a template for
    the Rollouts that run it."""
    run = named_templates(inventory)
    idle = [each for each in proofs if each.kind in TEMPLATES and each.name not in run]
    idle_spaces = {each.namespace for each in idle}
    of_one = {id(each) for each in proofs if each.kind == "Canary"} | _that_run(proofs, inventory)
    asking = {id(each) for each in proofs if each.kind == "Rollout"}
    spaces = {each.namespace for each in proofs if each.kind not in _OF_ONE}
    far = next((each for each in proofs if each.kind in BUDGETS), None)
    for workload in inventory.serving:
        near = workload.root.object
        if id(near) in of_one or id(workload.canary) in of_one or _is_among(spaces, near):
            yield _said(workload, "proved")
        elif id(near) in asking:
            yield _said(workload, "unknown", "the templates of its analyses are not in this input")
        elif _is_among(idle_spaces, near):
            yield _said(workload, "unknown", f"nothing here runs {idle[0].title}")
        elif far and not workload.is_managed:
            yield _said(
                workload, "unknown", f"this input does not show whether {far.title} covers it"
            )
        elif not workload.is_managed:
            yield _said(workload, "open", missing)


def _that_run(proofs: list[Object], inventory: Inventory) -> set[int]:
    """The Rollouts that run one of these templates."""
    names = {each.name for each in proofs if each.kind in TEMPLATES}
    found = inventory.of("Rollout") if names else ()
    return {id(each) for each in found if names & templates_of(each, inventory)}


def _is_among(spaces: set[str], near: Object) -> bool:
    """Whether an object is, or may be, in one of these namespaces."""
    return bool(spaces & {near.namespace, ""} if near.namespace else spaces)


def _objects(inventory: Inventory) -> Found:
    """Kinds of others, of which nothing is known, neither prove anything nor count."""
    for each in inventory.objects:
        if is_passed_over(each):
            yield Evidence(each, "unknown", "no rule looks at its kind")
        elif is_served(version_of(each), each.kind):
            yield Evidence(each, "proved")


def _exceptions(inventory: Inventory) -> Found:
    return (Evidence(each, "proved") for each in inventory.objects if ignored_by(each))


_TABLE: Final[dict[str, Callable[[Inventory], Found]]] = {
    "probes": _probes,
    "migration": _migration,
    "smoke": _smoke,
    "budget": _budget,
    "grace": _grace,
    "drain": _drain,
    "strategy": _strategy,
    "capacity": _capacity,
    "traffic": _traffic,
    "rollback": _rollback,
    "objects": _objects,
    "exceptions": _exceptions,
}
