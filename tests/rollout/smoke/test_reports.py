"""A result for people, for programs and for continuous integration."""

import json
from xml.etree import ElementTree as xml

from drainproxy.rollout.smoke import reports
from drainproxy.rollout.smoke.result import Attempt, StepResult
from tests.rollout.smoke.test_result import BROKEN, PASSED, RETRIED, SKIPPED, result

ALL = result(PASSED, RETRIED, BROKEN, SKIPPED)


def test_people_read_a_line_for_each_step_and_its_problems_under_it() -> None:
    assert reports.as_human(ALL) == (
        "pass  one  (100 ms)\n"
        "pass  two  (200 ms, attempt 2)\n"
        "fail  three  (1.5 s, attempt 2)\n"
        "      b\n"
        "      c\n"
        "skip  four\n"
        "fail: 2 of 4 steps passed, 1 failed, 1 skipped, in 2.5 s\n"
    )
    assert reports.as_human(result(PASSED)).endswith("pass: 1 of 1 steps passed, in 2.5 s\n")
    assert reports.as_human(result()) == "fail: it has no steps, so nothing was tested\n"


def test_programs_read_the_verdict_and_every_attempt() -> None:
    told = json.loads(reports.as_json(ALL))

    assert told["verdict"] == "fail"
    assert told["reason"] == "2 of 4 steps passed, 1 failed, 1 skipped, in 2.5 s"
    assert (told["name"], told["file"], told["url"]) == ("shop", "t.yaml", "http://app")
    assert (told["total"], told["passed"], told["failed"], told["skipped"]) == (4, 2, 1, 1)
    assert (told["began"], told["seconds"]) == ("2026-01-02T03:04:05+00:00", 2.5)
    assert [step["verdict"] for step in told["steps"]] == ["pass", "pass", "fail", "skip"]
    assert told["steps"][2] == {
        "name": "three",
        "kind": "exec",
        "line": 3,
        "verdict": "fail",
        "seconds": 1.6,
        "problems": ["b", "c"],
        "attempts": [{"seconds": 0.1, "problems": ["a"]}, {"seconds": 1.5, "problems": ["b", "c"]}],
    }
    assert json.loads(reports.as_json(result()))["verdict"] == "fail"


def test_junit_has_a_case_for_each_step() -> None:
    suites = xml.fromstring(reports.as_junit(ALL))  # noqa: S314 (our own)
    (suite,) = suites
    cases = suite.findall("testcase")

    assert suites.attrib == {
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "2.500",
    }
    assert suite.get("name") == "shop"
    assert suite.get("timestamp") == "2026-01-02T03:04:05"
    assert [case.get("name") for case in cases] == ["one", "two", "three", "four"]
    assert cases[2].attrib == {
        "name": "three",
        "classname": "smoke.exec",
        "time": "1.600",
        "file": "t.yaml",
        "line": "3",
    }
    failure = cases[2].find("failure")
    assert failure is not None
    assert failure.get("message") == "b"
    assert failure.text == "attempt 1: a\nattempt 2: b\nattempt 2: c"
    assert cases[3].find("skipped") is not None


def test_junit_says_that_nothing_was_tested() -> None:
    (suite,) = xml.fromstring(reports.as_junit(result()))  # noqa: S314 (our own)
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "it has no steps, so nothing was tested"


def test_junit_holds_no_character_that_xml_forbids() -> None:
    odd = StepResult("a\x00<\ud800", "http", 1, (Attempt(0.1, ("\x1b[1m\ufffe & ]]>",)),))
    text = reports.as_junit(result(odd))

    (failure,) = xml.fromstring(text.encode()).iter("failure")  # noqa: S314 (our own)
    assert failure.get("message") == "\ufffd[1m\ufffd & ]]>"
