"""JSON for programs, and annotations for GitHub workflows."""

from collections.abc import Iterator
from typing import Final

import msgspec

from drainproxy.rollout.check.report import CheckReport, Finding

_COMMANDS: Final = {"error": "error", "warning": "warning", "info": "notice"}


def as_json(report: CheckReport) -> str:
    """A list of findings."""
    return msgspec.json.format(msgspec.json.encode(report.findings)).decode() + "\n"


def github(report: CheckReport) -> str:
    """One workflow command for each finding, which GitHub shows at its line."""
    return "".join(f"{line}\n" for line in map(_command, report.findings))


def _command(finding: Finding) -> str:
    properties = {
        "file": "stdin" if finding.file == "-" else finding.file,
        "line": str(finding.line),
        "col": str(finding.column),
        "title": f"{finding.rule} ({finding.object})",
    }
    told = ",".join(f"{key}={_property(text)}" for key, text in properties.items())
    message = f"{finding.message}\n{finding.remediation}"
    return f"::{_COMMANDS[finding.level]} {told}::{_data(message)}"


def _data(text: str) -> str:
    """As actions/toolkit escapes what stands behind the second `::`."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def boxes(report: CheckReport) -> Iterator[dict[str, object]]:
    """The checklist as values."""
    for box in report.boxes:
        counts = {"findings": len(box.findings), "ignored": box.ignored}
        about = {"id": box.section.id, "title": box.section.title, "state": box.state}
        yield {**about, "note": box.note, **counts}
