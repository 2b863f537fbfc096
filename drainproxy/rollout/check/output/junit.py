"""JUnit XML for CI servers: a suite for each file, a case for each object."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from drainproxy.rollout.check.report import CheckReport, Finding
from drainproxy.rollout.check.rule import LEVELS, Level

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# XML 1.0, section 2.2: other control characters may not even be escaped.
_FORBIDDEN: Final = dict.fromkeys(
    {*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}, "\N{REPLACEMENT CHARACTER}"
)


def junit(report: CheckReport, fail_on: Level) -> str:
    """A finding that counts is a failure, another one a skipped case; what has none passes."""
    from xml.etree.ElementTree import Element, indent, tostring

    root = Element("testsuites", name="drainproxy check")
    counting = LEVELS[: LEVELS.index(fail_on) + 1]
    titles: dict[str, dict[str, None]] = {}
    for each in report.inventory.objects:
        titles.setdefault(each.file, {})[each.title] = None
    findings: dict[str, list[Finding]] = {file: [] for file in titles}
    for finding in report.findings:
        findings[finding.file].append(finding)
    for file, found in findings.items():
        root.append(_suite(file, titles[file], found, counting))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(
    file: str, titles: Iterable[str], findings: list[Finding], counting: tuple[Level, ...]
) -> "Element":
    from xml.etree.ElementTree import Element, SubElement

    suite = Element("testsuite", name=_text(file))
    wrong = {each.object for each in findings}
    for title in titles:
        if title not in wrong:
            SubElement(suite, "testcase", classname=_text(file), name=_text(title))
    for each in findings:
        name = _text(f"{each.object}: {each.rule} in line {each.line}")
        case = SubElement(suite, "testcase", classname=_text(file), name=name)
        kind = "failure" if each.level in counting else "skipped"
        element = SubElement(case, kind, message=_text(each.message))
        element.text = _text(_detail(each))
        if kind == "failure":
            element.set("type", each.rule)
    for key, tag in (("tests", "testcase"), ("failures", ".//failure"), ("skipped", ".//skipped")):
        suite.set(key, str(len(suite.findall(tag))))
    suite.set("errors", "0")
    return suite


def _detail(finding: Finding) -> str:
    where = f"{finding.file}:{finding.line}:{finding.column}"
    return f"{where}: {finding.level}: {finding.message}\n{finding.remediation}"


def _text(text: str) -> str:
    return text.translate(_FORBIDDEN)
