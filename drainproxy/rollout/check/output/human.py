"""The checklist for people: a box for each item, with its findings under it."""

from collections.abc import Callable, Iterator
from typing import Final

from drainproxy.rollout.check.place import printable
from drainproxy.rollout.check.report import Box, CheckReport, Finding
from drainproxy.rollout.check.rule import LEVELS

# No finding, since there was nothing to find one in.
_NOTHING: Final = (
    "Nothing was judged: this input has no workload, no Service that selects pods, no migration"
)

Paint = Callable[[str, str], str]

_SIGNS: Final = {"ticked": "[x]", "not ticked": "[ ]", "not applicable": "[-]"}
_COLOURS: Final = {
    "ticked": "green",
    "not ticked": "red",
    "not applicable": "bright_black",
    "error": "red",
    "warning": "yellow",
    "info": "cyan",
}


def plain(text: str, _colour: str) -> str:
    """No colour."""
    return text


def human(report: CheckReport, paint: Paint = plain) -> str:
    """The whole report; `paint` colours a text where there is a terminal."""
    lines = [line for box in report.boxes for line in _box(box, paint)]
    return "\n".join([*lines, "", _total(report)]) + "\n"


def checklist(report: CheckReport) -> str:
    """The boxes alone, and the count: what stands beside a report for programs."""
    return "\n".join([*(_head(box, plain) for box in report.boxes), _total(report)]) + "\n"


def _box(box: Box, paint: Paint) -> Iterator[str]:
    yield _head(box, paint)
    for each in box.findings:
        where = printable(f"{each.file}:{each.line}:{each.column}")
        level = paint(each.level, _COLOURS[each.level])
        yield f"    {where}: {level}: {_about(each)} [{each.rule}]"


def _about(finding: Finding) -> str:
    """The object is named where the message does not do it."""
    title = finding.object
    return finding.message if title in finding.message else f"{title}: {finding.message}"


def _head(box: Box, paint: Paint) -> str:
    notes = [_count(len(box.findings), "finding")] if box.findings else []
    notes += [f"{box.ignored} ignored"] if box.ignored else []
    notes += [printable(box.note)] if box.note and not box.findings else []
    sign = paint(_SIGNS[box.state], _COLOURS[box.state])
    return f"{sign} {box.section.title}" + (f": {', '.join(notes)}" if notes else "")


def _total(report: CheckReport) -> str:
    words = {"error": "error", "warning": "warning", "info": "hint"}
    counts = [_count(report.count(level), words[level]) for level in LEVELS]
    objects = report.inventory.objects
    files = len({each.file for each in objects})
    about = f"{_count(len(objects), 'object')} of {_count(files, 'file')}"
    advice = "; `drainproxy check --explain ID` explains a rule" if report.findings else ""
    nothing = f"\n{_NOTHING}" if report.is_empty else ""
    return f"{', '.join(counts)} in {about}{advice}{nothing}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
