"""SARIF 2.1.0 (OASIS), as code scanning takes it: relative URIs, regions, suppressions."""

from typing import Any, Final
from urllib.parse import quote

import msgspec

from drainproxy import __version__
from drainproxy.rollout.check.report import CheckReport, Finding
from drainproxy.rollout.check.rule import CheckRule

from .machine import boxes

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}


def sarif(report: CheckReport) -> str:
    """One run, with every rule that was asked and what was found; what is ignored is suppressed."""
    index = {rule.id: at for at, rule in enumerate(report.rules)}
    results = [_result(each, index) for each in report.findings]
    results += [_result(each, index) | _SUPPRESSED for each in report.ignored]
    driver = {
        "name": "drainproxy check",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [*map(_rule, report.rules)],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"checklist": [*boxes(report)]},
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log)).decode() + "\n"


_SUPPRESSED: Final = {"suppressions": [{"kind": "inSource"}]}


def _rule(rule: CheckRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": _literal(rule.reason)},
        "fullDescription": {"text": _literal(rule.explanation)},
        "help": {"text": _literal(rule.remedy)},
        "helpUri": rule.section.help,
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
        "properties": {"tags": [rule.section.id]},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    physical = {"artifactLocation": {"uri": uri(finding.file)}, "region": region}
    logical = {"fullyQualifiedName": finding.object, "kind": "resource"}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVELS[finding.level],
        "message": {"text": _literal(f"{finding.message}. {finding.remediation}")},
        "locations": [{"physicalLocation": physical, "logicalLocations": [logical]}],
    }


def _literal(text: str) -> str:
    """The text as a message string: there `{0}` is a placeholder (section 3.11.5)."""
    return text.replace("{", "{{").replace("}", "}}")


def uri(file: str) -> str:
    """A path as a URI: relative as it was given, a file URI if it is absolute (RFC 8089)."""
    if file == "-":
        return "stdin"
    encoded = quote(file.removeprefix("./"))
    return f"file://{encoded}" if encoded.startswith("/") else encoded
