"""Injects whole inputs: every workload, and the Services and NetworkPolicies that lead to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ConfigError
from drainproxy.config.mistakes import told
from drainproxy.manifests.documents import restyle
from drainproxy.manifests.misfits import Misfit
from drainproxy.manifests.podspec import Json, Workload, read, workload
from drainproxy.manifests.policies import PolicyPod
from drainproxy.manifests.templates import makes_pods, reason, title
from drainproxy.manifests.values import without_collector

from .affected_workloads import Behind
from .capture import Capture
from .density import Effort, TooMuch
from .errors import mistaken
from .foreign import foreign_policies
from .halves import Half, written
from .inject import Injected, Skipped, again, inject, uninject
from .inputs import Found, ManifestInput, read_input
from .leads import Around
from .limits import too_many_services
from .misplaced import misplaced
from .namespace import Namespace
from .neighbours import Neighbour, Neighbours
from .owners import Owners
from .plan import Foreseen, Options, foresee
from .ports import names_by_number
from .report import NAMES_NEED, TWO_STEPS, InjectionReport, Outcome, ReportLine
from .skip import reason_to_skip
from .status import restored, status_text
from .surroundings import Surroundings
from .telling import back, is_in, told_of, where
from .texts import settled


class BatchResult(Struct, frozen=True):
    """The manifests after it, in pieces, and what came of each object.

    `is_empty` if there was no Kubernetes object in the input.
    """

    parts: Sequence[str]
    report: InjectionReport
    is_empty: bool = False

    @property
    def text(self) -> str:
        """The manifests as one text."""
        return "".join(self.parts)

    @property
    def lines(self) -> Sequence[ReportLine]:
        """One for each object that makes pods, and for each that is wrong."""
        return self.report.lines

    @property
    def failed(self) -> bool:
        """Whether something is wrong: there is no text then."""
        return self.report.failed


@without_collector()
def inject_all(texts: Mapping[str, str], options: Options, only: Half | None = None) -> BatchResult:
    """Inject every workload in these files (by name), and change what leads clients to them."""
    given = read_input(texts)
    around = Surroundings(given.objects)
    all_foreseen: _AllForeseen = {}
    owners = Owners(given.objects)
    members = [*_neighbours(given, options, owners, all_foreseen)]
    effort = Effort(given.left)
    try:
        others = [each for _, each in members]
        listed = around.listed(each.pod for each in others)
        neighbours = Neighbours(
            around.services, others, around.namespaces, around.held, effort, listed
        )
    except TooMuch as error:
        return _refused(members[error.args[1]][0], error.args[0])
    lines: list[ReportLine] = []
    behind: dict[int, Behind] = {}

    def work(target: _Target) -> _Done:
        if owner := owners.of(target.found):
            return target.line("skipped", reason=str(owner), makes_pods=not owner.is_here), None
        line, capture = _inject(target, options, neighbours, all_foreseen)
        return replace(line, warnings=[*misplaced(target.workload), *line.warnings]), capture

    for found in given.objects:
        line, capture = _careful(found, work)
        if line and (workloads := _behind(found, around.namespaces, capture)):
            behind[len(lines)] = workloads
        lines += [line] if line else []
    changes = [*around.change([*behind.values()], effort)]
    said = told_of(lines, [*behind], changes, only)
    said += _foreign(given, [one.capture for one in behind.values() if one.capture])
    return _result(given, around, said, only)


@without_collector()
def uninject_all(texts: Mapping[str, str], only: Half | None = None) -> BatchResult:
    """Take everything in these files back to what it was before."""
    given = read_input(texts)
    around = Surroundings(given.objects)
    lines = [line for line, _ in (_careful(each, _uninject) for each in given.objects) if line]
    lines += [back(found) for found in around.restore()]
    result = _result(given, around, [each for each in lines if is_in(each, only)], only)
    return replace(result, report=replace(result.report, is_back=True))


# What is done to the pod of a workload: its document is changed in place.
_Done = tuple[ReportLine, Capture | None]
# What was foreseen last of a workload, which is when its neighbours were settled.
_AllForeseen = dict[int, Foreseen]
_Work = Callable[["_Target"], _Done]


class _Target(Struct, frozen=True):
    """A workload, and where it stands."""

    found: Found
    workload: Workload

    def line(self, outcome: Outcome, **fields: Any) -> ReportLine:
        """What came of it."""
        return ReportLine(
            object=self.workload.title, outcome=outcome, **fields, **where(self.found)
        )

    @property
    def pod(self) -> Json:
        """Its pod or template."""
        pod = self.workload.pod
        assert pod is not None, "who has none is not worked on"
        return pod

    def become(self, pod: Json) -> None:
        """Put a pod in the place of its own."""
        self.workload.put(pod)
        self.found.document.changed = True


def _careful(found: Found, work: _Work) -> tuple[ReportLine | None, Capture | None]:
    """A line for whatever makes pods, whether the work can be done or not."""
    one = workload(found.body)
    if one is None:
        return _unsupported(found), None
    target = _Target(found, one)
    try:
        if one.pod is None:
            why = one.without_template
            return target.line("skipped", reason=why, makes_pods=False), None
    except Misfit as error:
        return replace(target.line("error"), **mistaken(found, error)), None
    try:
        return work(target)
    except (ConfigError, ValueError) as error:
        return replace(target.line("error"), **mistaken(found, error, one.path)), None


def _unsupported(found: Found) -> ReportLine | None:
    if not makes_pods(found.body):
        return None
    return ReportLine(
        object=title(found.body),
        outcome="unsupported",
        reason=reason(found.body),
        **where(found),
    )


def _inject(
    target: _Target, options: Options, neighbours: Neighbours, all_foreseen: _AllForeseen
) -> _Done:
    labels = read(target.pod).labels
    around = neighbours.around(target.found.namespace, labels, target.workload.stateful_set)
    if many := too_many_services(around.services or ()):
        return target.line("skipped", reason=many), None
    foreseen = all_foreseen.pop(id(target.found), None)
    outcome = inject(target.pod, replace(options, around=around), foreseen)
    if isinstance(outcome, Skipped):
        return target.line("skipped", reason=outcome.reason, warnings=outcome.warnings), None
    restyle(outcome.pod, outcome.annotations)
    target.become(outcome.pod)
    return _injected(target, outcome), outcome.capture


def _injected(target: _Target, outcome: Injected) -> ReportLine:
    capture = outcome.capture
    missed = capture.missed
    steps = TWO_STEPS if any(each.takes_two_steps for each in capture.rewrites) else ()
    return target.line(
        "bypassed" if missed else "injected",
        summary=missed or str(capture),
        capture=capture.mode,
        reason=missed or capture.reason,
        ports=capture.ports,
        warnings=told([text for text in outcome.warnings if text not in missed]),
        steps=steps,
        notes=[NAMES_NEED] if outcome.needs_names_of_sidecars else [],
        captured=capture.captures,
    )


def _foreign(given: ManifestInput, captures: Sequence[Capture]) -> Iterator[ReportLine]:
    """A line for each policy of another kind that may hold for the app's port and not for ours."""
    direct = [capture for capture in captures if capture.mode != "redirect"]
    taken = dict.fromkeys(port for capture in direct for port in capture.ports)
    for found, text in foreign_policies(given.objects, [*taken]):
        fields = {"reason": text, "makes_pods": False, **where(found)}
        yield ReportLine(object=title(found.body), outcome="unsupported", **fields)


def _uninject(target: _Target) -> _Done:
    pod = uninject(target.pod)
    if pod is None:
        return target.line("skipped", reason="it is not injected"), None
    target.become(pod)
    return target.line("uninjected"), None


def _neighbours(
    given: ManifestInput, options: Options, owners: Owners, all_foreseen: _AllForeseen
) -> Iterator[tuple[Found, Neighbour]]:
    for found in given.objects:
        one = workload(found.body)
        try:
            if one and one.pod is not None and owners.of(found) is None:
                yield found, _neighbour(found, one, one.pod, options, all_foreseen)
        except (ConfigError, ValueError):
            continue  # reported when it is to be injected


def _neighbour(
    found: Found, one: Workload, pod: Json, options: Options, all_foreseen: _AllForeseen
) -> Neighbour:
    # What was never injected is not changed here, and needs no copy.
    before = pod if status_text(pod) is None else restored(pod)
    view, options = read(before), again(pod, options)

    def foreseen(around: Around) -> Capture | None:
        if reason_to_skip(view) or too_many_services(around.services or ()):
            return None
        all_foreseen[id(found)] = foresee(view, replace(options, around=around))
        return all_foreseen[id(found)].capture

    return Neighbour(one.title, found.namespace, view, foreseen, one.stateful_set)


def _behind(
    found: Found, namespaces: Mapping[str, Namespace], capture: Capture | None
) -> Behind | None:
    """What a Service or a policy can be about; None if it makes no pods that can be read."""
    one = workload(found.body)
    try:
        if one is None or one.pod is None:
            return None
        view = read(one.pod)
    except ValueError:
        return None  # there is an error already, and no text
    said = namespaces.get(found.namespace, Namespace()).labels
    place = PolicyPod(found.namespace, view.labels, said or None)
    names = names_by_number(view) if capture else {}
    return Behind(place, capture, one.stateful_set, one.title, names)


def _result(
    given: ManifestInput, around: Surroundings, lines: Sequence[ReportLine], only: Half | None
) -> BatchResult:
    broken = [
        ReportLine(
            object="",
            outcome="error",
            file=each.file,
            line=each.line,
            document=each.number,
            problems=[each.problem],
        )
        for each in given.broken
    ]
    unreadable = [
        ReportLine(
            object=title(found.body), outcome="error", **{**where(found), **mistaken(found, error)}
        )
        for found, error in around.mistakes
    ]
    lines = [*broken, *unreadable, *lines, *_unwritten(given)]
    report = InjectionReport(lines, names_files=len(given.files) > 1)
    is_empty = not (given.broken or any("kind" in each.body for each in given.objects))
    return BatchResult(() if report.failed else written(given, only), report, is_empty)


def _refused(found: Found, problem: str) -> BatchResult:
    line = ReportLine(object=title(found.body), outcome="error", problems=[problem], **where(found))
    return BatchResult((), InjectionReport([line]))


def _unwritten(given: ManifestInput) -> Iterator[ReportLine]:
    """Write what was changed into the texts; a line for each document that cannot be edited."""
    for name, documents in given.files.items():
        for at, document in enumerate(documents):
            try:
                documents[at] = settled(document)
            except ValueError as error:
                yield ReportLine(object="", outcome="error", file=name, problems=[str(error)])
