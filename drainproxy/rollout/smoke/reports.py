"""A result as text for people, as JSON and as JUnit's XML."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as xml

import msgspec

from .result import SmokeResult, StepResult

# XML 1.0, section 2.2: what is no character of it.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def duration(seconds: float) -> str:
    """A time as people read it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def step_lines(step: StepResult) -> Iterator[str]:
    """How a step went: a line, and one for each thing that was wrong in the end."""
    if not step.attempts:
        yield f"skip  {step.name}"
        return
    took = duration(step.attempts[-1].seconds)
    tries = f", attempt {len(step.attempts)}" if len(step.attempts) > 1 else ""
    yield f"{step.verdict}  {step.name}  ({took}{tries})"
    for problem in step.problems:
        yield f"      {problem}"


def summary(result: SmokeResult) -> str:
    """The verdict in a line."""
    if result.problem:
        return f"fail: {result.problem}"
    counts = [f"{result.count('pass')} of {len(result.steps)} steps passed"]
    counts += [f"{count} {word}" for count, word in _not_passed(result) if count]
    return f"{result.verdict}: {', '.join(counts)}, in {duration(result.seconds)}"


def _not_passed(result: SmokeResult) -> tuple[tuple[int, str], ...]:
    return (result.count("fail"), "failed"), (result.count("skip"), "skipped")


def as_human(result: SmokeResult) -> str:
    """All steps and the verdict."""
    lines = [line for step in result.steps for line in step_lines(step)]
    return "\n".join([*lines, summary(result)]) + "\n"


def as_json(result: SmokeResult) -> str:
    """One object; times are in seconds."""
    value: dict[str, Any] = {
        "verdict": result.verdict,
        "reason": summary(result).partition(": ")[2],
        "name": result.name,
        "file": result.source,
        "url": result.url,
        "began": result.began.isoformat(),
        "seconds": round(result.seconds, 6),
        "total": len(result.steps),
        "passed": result.count("pass"),
        "failed": result.count("fail"),
        "skipped": result.count("skip"),
        "steps": [_step_value(step) for step in result.steps],
    }
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _step_value(step: StepResult) -> dict[str, Any]:
    attempts = [
        {"seconds": round(each.seconds, 6), "problems": each.problems} for each in step.attempts
    ]
    return {
        "name": step.name,
        "kind": step.kind,
        "line": step.line,
        "verdict": step.verdict,
        "seconds": round(sum(each.seconds for each in step.attempts), 6),
        "problems": step.problems,
        "attempts": attempts,
    }


def as_junit(result: SmokeResult) -> str:
    """The XML that continuous integration shows: a suite, and a test case for each step."""
    counts = {
        "tests": str(max(len(result.steps), 1)),
        "failures": str(result.count("fail") or int(bool(result.problem))),
        "errors": "0",
        "skipped": str(result.count("skip")),
        "time": f"{result.seconds:.3f}",
    }
    suites = xml.Element("testsuites", counts)
    began = result.began.replace(tzinfo=None).isoformat(timespec="seconds")
    suite = xml.SubElement(suites, "testsuite", {"name": result.name, **counts, "timestamp": began})
    for step in result.steps:
        _test_case(suite, step, result.source)
    if result.problem:
        case = xml.SubElement(suite, "testcase", {"name": "steps", "classname": "smoke"})
        xml.SubElement(case, "failure", {"message": result.problem, "type": "fail"})
    for element in suites.iter():
        element.attrib = {key: _plain(text) for key, text in element.attrib.items()}
        element.text = _plain(element.text) if element.text else None
    xml.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml.tostring(suites, encoding="unicode")}\n'


def _test_case(suite: xml.Element, step: StepResult, source: str) -> None:
    where = {"file": source, "line": str(step.line)} if step.line else {}
    seconds = f"{sum(each.seconds for each in step.attempts):.3f}"
    names = {"name": step.name, "classname": f"smoke.{step.kind}", "time": seconds}
    case = xml.SubElement(suite, "testcase", names | where)
    if step.verdict == "skip":
        xml.SubElement(case, "skipped")
    if step.problems:
        failure = xml.SubElement(case, "failure", {"message": step.problems[0], "type": "fail"})
        failure.text = "\n".join(
            f"attempt {number}: {problem}"
            for number, each in enumerate(step.attempts, 1)
            for problem in each.problems
        )


def _plain(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
