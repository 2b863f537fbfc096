"""Puts changes of Services and policies into the report, with the workload for which they were
made.

With `--only` the report names only what the output holds. A workload in the other half still counts
for the verdict, and is named if it is not captured.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from drainproxy.config.mistakes import told
from drainproxy.manifests.services import is_service
from drainproxy.manifests.templates import title

from .halves import Half
from .inputs import Found
from .report import ReportLine
from .surroundings import Change


def told_of(
    lines: Sequence[ReportLine],
    numbers: Sequence[int],
    changes: Iterable[Change],
    only: Half | None,
) -> list[ReportLine]:
    """The lines, with each change once: in the line of the first workload for whose sake it is, or
    in one of its own. `numbers` are the lines of the workloads of which the changes speak."""
    found, others = [*lines], list[ReportLine]()
    beside: dict[int, list[str]] = {}
    warnings: dict[int, list[str]] = {}
    for change in changes:
        service = is_service(change.found.body)
        if only is not None and service != (only == "services"):
            continue
        if change.for_whom is None:
            others.append(_alone(change))
            continue
        at = numbers[change.for_whom]
        if change.warning:
            warnings.setdefault(at, []).append(change.warning)
        if not change.text:
            continue
        if only == "services":
            others.append(_retargeted(change, lines[at]))
        else:
            name = title(change.found.body).replace(".networking.k8s.io", "")
            beside.setdefault(at, []).append(f"{name}: {change.text}")
    for at in dict.fromkeys((*beside, *warnings)):
        warned = [*found[at].warnings, *told(warnings.get(at, []))]
        found[at] = replace(found[at], changes=told(beside.get(at, [])), warnings=warned)
    return [*half_of(found, only), *others]


def half_of(lines: Iterable[ReportLine], only: Half | None) -> Iterator[ReportLine]:
    """Without what is done to objects of the other half."""
    for line in lines:
        if is_in(line, only):
            yield line
        elif line.makes_pods:
            yield replace(line, is_elsewhere=line.outcome == "injected")


def is_in(line: ReportLine, only: Half | None) -> bool:
    """Whether an object is in the half that is written; mistakes are told in any case."""
    service = line.object.startswith("service/")
    return only is None or line.outcome == "error" or service == (only == "services")


def back(found: Found, reason: str = "") -> ReportLine:
    """Of a Service or a policy that is as it was at first."""
    return ReportLine(
        object=title(found.body),
        outcome="uninjected",
        reason=reason,
        makes_pods=False,
        **where(found),
    )


def where(found: Found) -> dict[str, Any]:
    """The fields of a line that say where an object stands."""
    return {
        "namespace": found.namespace,
        "file": found.file,
        "line": found.line,
        "document": found.number,
    }


def _alone(change: Change) -> ReportLine:
    if not change.is_left:
        return back(change.found, change.text)
    return replace(back(change.found, change.text), outcome="skipped")


def _retargeted(change: Change, workload: ReportLine) -> ReportLine:
    return ReportLine(
        object=title(change.found.body),
        outcome="injected",
        summary=change.text,
        reason=change.text,
        steps=workload.steps,
        notes=workload.notes,
        makes_pods=False,
        **where(change.found),
    )
