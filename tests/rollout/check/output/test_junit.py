"""JUnit's XML: what fails, what is skipped, what passes."""

from xml.etree.ElementTree import Element, fromstring

from drainproxy.rollout.check.output.junit import junit
from drainproxy.rollout.check.rule import Level
from tests.rollout.check.bad_pods import PROBES
from tests.rollout.check.bad_workloads import CAPACITY
from tests.rollout.check.changes import FOLDER, checked


def suite(text: str, fail_on: Level = "error") -> Element:
    root = fromstring(junit(checked(text), fail_on))  # noqa: S314 - it is our own
    assert root.tag == "testsuites"
    (found,) = root
    return found


def test_an_error_is_a_failure_with_its_place() -> None:
    found = suite(PROBES[0].text)
    line = next(line for line, _ in PROBES[0].expected)

    (failure,) = found.findall("testcase/failure")
    assert failure.get("type") == "readiness-probe-missing"
    assert failure.get("message") == "container web has no readinessProbe"
    assert (failure.text or "").startswith(f"app.yaml:{line}:9: error: ")
    assert (found.get("tests"), found.get("failures"), found.get("skipped")) == ("6", "1", "0")


def test_what_does_not_count_is_skipped_until_it_counts() -> None:
    assert suite(CAPACITY[0].text).get("failures") == "0"
    assert suite(CAPACITY[0].text).get("skipped") == "1"
    assert suite(CAPACITY[0].text, "warning").get("failures") == "1"


def test_each_object_without_a_finding_is_a_case_that_passes() -> None:
    found = suite((FOLDER / "web.yaml").read_text())
    names = [case.get("name") for case in found]

    assert names[:2] == ["deployment/web", "service/web"]
    assert all(len(case) == 0 for case in found)


def test_no_character_that_xml_forbids_gets_through() -> None:
    text = PROBES[0].text.replace("  name: web\n", '  name: "w\\x01<&\\x1b"\n')
    names = [str(case.get("name")) for case in suite(text)]
    assert any("deployment/w\\x01<&\\x1b: readiness-probe-missing" in name for name in names)
