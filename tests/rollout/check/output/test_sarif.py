"""SARIF 2.1.0: what the specification requires of the parts that we write."""

import json
from typing import Any

import pytest

from drainproxy.rollout.check.output.sarif import sarif, uri
from drainproxy.rollout.check.rules import RULES
from tests.rollout.check.bad_pods import PROBES
from tests.rollout.check.changes import FOLDER, checked


def run(text: str) -> dict[str, Any]:
    log = json.loads(sarif(checked(text)))
    assert log["version"] == "2.1.0"  # section 3.13.2
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    (found,) = log["runs"]
    return dict(found)


def test_each_result_points_to_its_rule_and_to_a_region() -> None:
    """Sections 3.27 and 3.52: ruleIndex is the place of ruleId, lines and columns begin at one."""
    change = PROBES[0]
    found = run(change.text)
    rules = found["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    (result,) = found["results"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "readiness-probe-missing"
    (location,) = result["locations"]
    line = next(line for line, _ in change.expected)
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "app.yaml"}
    assert location["physicalLocation"]["region"] == {"startLine": line, "startColumn": 9}
    assert result["level"] in {"none", "note", "warning", "error"}  # section 3.27.10
    assert "suppressions" not in result


def test_a_rule_describes_itself() -> None:
    """Section 3.49: messages have a text, helpUri is an absolute URI, levels are SARIF's own."""
    for rule in run(PROBES[0].text)["tool"]["driver"]["rules"]:
        for part in ("shortDescription", "fullDescription", "help"):
            assert rule[part]["text"]
        assert rule["helpUri"].startswith("https://")
        assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}


def test_what_is_excepted_is_a_suppressed_result() -> None:
    """Section 3.35: a suppression in the source itself."""
    found = run((FOLDER / "release.yaml").read_text())
    suppressed = {each["ruleId"] for each in found["results"] if each.get("suppressions")}

    assert suppressed == {"single-replica", "min-ready-zero"}
    assert all(each["suppressions"] == [{"kind": "inSource"}] for each in found["results"])


def test_the_checklist_is_in_the_property_bag() -> None:
    checklist = run(PROBES[0].text)["properties"]["checklist"]
    assert {each["id"]: each["state"] for each in checklist}["probes"] == "not ticked"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("deploy/web.yaml", "deploy/web.yaml"),
        ("./deploy/web.yaml", "deploy/web.yaml"),
        ("a b/ü#.yaml", "a%20b/%C3%BC%23.yaml"),
        ("/etc/web.yaml", "file:///etc/web.yaml"),
        ("-", "stdin"),
    ],
)
def test_a_file_is_a_relative_uri_unless_it_is_absolute(file: str, expected: str) -> None:
    assert uri(file) == expected
