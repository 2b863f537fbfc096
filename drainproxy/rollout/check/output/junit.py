"""JUnit's XML, which every CI server shows: a suite for each file, a case for each object."""

from typing import Final

from ..place import Object
from ..report import Finding, Report
from ..rule import LEVELS, Level

# XML 1.0, section 2.2: other control characters may not even be escaped.
_FORBIDDEN: Final = dict.fromkeys(
    {*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}, "\N{REPLACEMENT CHARACTER}"
)


def junit(report: Report, fail_on: Level) -> str:
    """A finding that counts is a failure, another one a skipped case; what has none passes."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    root = Element("testsuites", name="drainproxy check")
    for file in dict.fromkeys(each.file for each in report.inventory.objects):
        suite = SubElement(root, "testsuite", name=_text(file))
        found = [each for each in report.findings if each.file == file]
        objects = [each for each in report.inventory.objects if each.file == file]
        for title in dict.fromkeys(map(_title, objects)):
            if all(each.object != title for each in found):
                SubElement(suite, "testcase", classname=_text(file), name=_text(title))
        for each in found:
            name = _text(f"{each.object}: {each.rule} in line {each.line}")
            case = SubElement(suite, "testcase", classname=_text(file), name=name)
            counts = LEVELS.index(each.level) <= LEVELS.index(fail_on)
            kind = "failure" if counts else "skipped"
            element = SubElement(case, kind, message=_text(each.message))
            element.text = _text(_detail(each))
            if counts:
                element.set("type", each.rule)
        for key, tag in (("tests", "testcase"), ("failures", ".//failure")):
            suite.set(key, str(len(suite.findall(tag))))
        suite.set("errors", "0")
        suite.set("skipped", str(len(suite.findall(".//skipped"))))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _title(each: Object) -> str:
    return each.title


def _detail(finding: Finding) -> str:
    where = f"{finding.file}:{finding.line}:{finding.column}"
    return f"{where}: {finding.level}: {finding.message}\n{finding.remediation}"


def _text(text: str) -> str:
    return text.translate(_FORBIDDEN)
