"""SARIF 2.1.0: what the specification requires of the parts that we write."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from drainproxy.rollout.check.output.sarif import sarif, uri
from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.report import CheckReport, check
from drainproxy.rollout.check.rules import RULES
from tests.rollout.check.bad_pods import END, PROBES
from tests.rollout.check.bad_releases import (
    ANALYSIS,
    DELIVERY,
    EXCEPTIONS,
    MIGRATION,
    PIPELINE,
    TRAFFIC,
)
from tests.rollout.check.bad_workloads import CAPACITY, STRATEGY
from tests.rollout.check.changes import FOLDER, checked
from tests.rollout.check.output.sarif_schema import LOG

VALIDATOR = Draft202012Validator(LOG)


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


NAMES = (
    *("a b.yaml", "ü#%.yaml", "q?x=1&y.yaml", "new\nline.yaml", "col:on.yaml", "quo'te\".yaml"),
    *(
        "back\\slash.yaml",
        "sub/[x].yaml",
        "\N{GRINNING FACE}.yaml",
        "/etc/x.yaml",
        "../x.yaml",
        "-",
    ),
    *("./a/{b}.yaml", "http:/x.yaml", "bad\\xff.yaml"),
)


def rich() -> CheckReport:
    """Every bad manifest of these tests, under names of all kinds, and one that is excepted."""
    bad = [each for group in (PROBES, END, STRATEGY, CAPACITY, TRAFFIC, DELIVERY) for each in group]
    bad += [each for group in (ANALYSIS, MIGRATION, PIPELINE, EXCEPTIONS) for each in group]
    texts = [*(change.text for change in bad), (FOLDER / "release.yaml").read_text()]
    names = [*NAMES, *(f"{at}.yaml" for at in range(len(texts)))]
    given = zip(names, texts, strict=False)
    return check(take_stock([each for name, text in given for each in read_objects(name, text)]))


def test_the_log_is_what_the_schema_says_of_every_rule_and_of_names_of_all_kinds() -> None:
    report = rich()
    log = json.loads(sarif(report))
    problems = [f"{each.json_path}: {each.message}" for each in VALIDATOR.iter_errors(log)]
    assert problems == []

    (found,) = log["runs"]
    assert len({each["ruleId"] for each in found["results"]}) > 30
    assert len(found["results"]) == len(report.findings) + len(report.ignored)
    rules = found["tool"]["driver"]["rules"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in found["results"])
    uris = {place(each)["artifactLocation"]["uri"] for each in found["results"]}
    assert uris >= {uri(name) for name in NAMES[:6]}
    assert sum("suppressions" in each for each in found["results"]) == len(report.ignored) > 0


def place(result: dict[str, Any]) -> dict[str, Any]:
    return dict(result["locations"][0]["physicalLocation"])


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("version",), "2.0.0"),
        (("runs", 0, "results", 0, "level"), "info"),
        (("runs", 0, "results", 0, "message"), {}),
        (("runs", 0, "results", 0, "place"), 1),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region", "startLine"), 0),
        (
            (
                "runs",
                0,
                "results",
                0,
                "locations",
                0,
                "physicalLocation",
                "artifactLocation",
                "uri",
            ),
            "a b",
        ),
    ],
)
def test_the_schema_refuses_what_it_must(path: tuple[str | int, ...], wrong: object) -> None:
    log: Any = json.loads(sarif(checked(PROBES[0].text)))
    assert VALIDATOR.is_valid(log)
    *way, last = path
    node = log
    for step in way:
        node = node[step]
    node[last] = wrong
    assert not VALIDATOR.is_valid(log)


def test_braces_of_a_message_are_no_placeholders() -> None:
    """Section 3.11.5: in messages `{` and `}` are written twice."""
    (result,) = run(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\n  annotations:\n"
        "    drainproxy.io/migration-phase: '{0}'\n"
    )["results"]
    assert result["message"]["text"].startswith("'{{0}}' is no phase")


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
