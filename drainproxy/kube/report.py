"""The report of an injection: one line for each object, as text or JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from msgspec import Struct, to_builtins

from drainproxy.config.mistakes import printable

from .capture import Mode
from .ports import PortTakeover

# `unsupported` makes pods, but is of a kind that is not injected; `bypassed` has a sidecar that its
# clients pass by.
Outcome = Literal["injected", "skipped", "bypassed", "unsupported", "error", "uninjected"]

# For whom the steps are: a new app can be applied at once.
STEPS_FOR: Final = (
    "Pods without a sidecar do not listen on its port: if some run, apply this in two steps:"
)
# How to apply a Service that comes to target a number: pods without a sidecar do not listen there.
TWO_STEPS: Final = (
    "1. drainproxy inject --only workloads FILES | kubectl apply -f -, and wait for the rollout",
    "2. drainproxy inject --only services FILES | kubectl apply -f -",
    "back, also before a rollout is undone: first uninject --only services, then --only workloads",
)

# EndpointSlices find the name of a port at a native sidecar since then (kubernetes#128850).
NAMES_NEED: Final = (
    "a native sidecar that has a port's name needs Kubernetes 1.33 or newer; below it:"
    " native-sidecar=false"
)

# Always told, even if there is none.
_COUNTED: Final[tuple[Outcome, ...]] = ("injected", "skipped", "bypassed")
_COUNTED_BACK: Final[tuple[Outcome, ...]] = ("uninjected", "skipped")


class ReportLine(Struct, frozen=True, kw_only=True):
    """What came of one object, or of a file that cannot be read.

    `line` is where it begins, or what is wrong in it, `document` the number of its document, both
    from 1; `summary` is the outcome in words, `changes` are what else was changed for it, `steps`
    how to apply it, `notes` what it needs. What `is_elsewhere` is in the half that was not asked
    for: it counts, and is not told.
    """

    object: str
    outcome: Outcome
    summary: str = ""
    namespace: str = ""
    file: str = ""
    line: int | None = None
    document: int | None = None
    capture: Mode | None = None
    reason: str = ""
    ports: Sequence[PortTakeover] = ()
    changes: Sequence[str] = ()
    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()
    steps: Sequence[str] = ()
    notes: Sequence[str] = ()
    captured: bool = False
    makes_pods: bool = True
    is_elsewhere: bool = False

    def text(self, names_file: bool) -> str:
        """For people; with the file where there are several."""
        if not self.object:
            return printable(f"{self.where}: {'; '.join(self.problems)}")
        prefix = f"{self.file}: " if names_file else ""
        if self.outcome == "error":
            prefix = f"{self.where}: "
        detail = f" ({self.summary or self.reason})" if self.summary or self.reason else ""
        # Names of an input are anybody's words, and must not look like lines of ours.
        first = printable(f"{prefix}{self.object} {self.outcome}{detail}")
        return "\n".join([first, *(f"  {printable(text)}" for text in self._details())])

    @property
    def where(self) -> str:
        """The file, and what is known of the place in it."""
        name = "standard input" if self.file == "-" else self.file
        line = f" line {self.line}" if self.line else ""
        return f"{name}{line}" + (f" (document {self.document})" if self.document else "")

    def _details(self) -> Iterator[str]:
        yield from self.problems
        yield from self.changes
        yield from (f"warning: {text}" for text in self.warnings)


class InjectionReport(Struct, frozen=True):
    """All lines of a run."""

    lines: Sequence[ReportLine]
    names_files: bool = False
    is_back: bool = False

    @property
    def failed(self) -> bool:
        """Whether something was wrong: the manifests are of no use then."""
        return any(each.outcome == "error" for each in self.lines)

    @property
    def captures_nothing(self) -> bool:
        """Whether there was something to capture, and nothing of it is."""
        return bool(self._pods) and not any(each.captured for each in self._pods)

    @property
    def captures_all(self) -> bool:
        """Whether everything that makes pods is captured, past which nobody comes."""
        return all(each.outcome == "injected" for each in self._pods)

    @property
    def _pods(self) -> list[ReportLine]:
        return [each for each in self.lines if each.makes_pods]

    @property
    def _told(self) -> list[ReportLine]:
        return [each for each in self.lines if not each.is_elsewhere]

    def summary(self) -> dict[str, int]:
        """How often each outcome came."""
        found = Counter[str](each.outcome for each in self._told)
        always = _COUNTED_BACK if self.is_back else _COUNTED
        return {**dict.fromkeys(always, 0), **found}

    def text(self) -> str:
        """For people: a line for each object, what to do next, and the summary last."""
        lines = [each.text(self.names_files) for each in self._told]
        lines += [*dict.fromkeys(f"note: {text}" for each in self._told for text in each.notes)]
        steps = [*dict.fromkeys(step for each in self._told for step in each.steps)]
        if steps:
            lines.append(STEPS_FOR)
        lines += [f"  {step}" for step in steps]
        return "\n".join([*lines, ", ".join(_counted(*each) for each in self.summary().items())])

    def json(self) -> str:
        """For machines."""
        objects = [_as_json(each) for each in self._told]
        found = {"objects": objects, "summary": self.summary()}
        return json.dumps(found, indent=2, ensure_ascii=False)


def _counted(outcome: str, count: int) -> str:
    return f"{count} {outcome}" + ("s" if outcome == "error" and count != 1 else "")


def _as_json(line: ReportLine) -> object:
    found = to_builtins(line)
    del found["is_elsewhere"]
    ports = [{key: value for key, value in port.items() if value} for port in found["ports"]]
    return {**found, "ports": ports}
