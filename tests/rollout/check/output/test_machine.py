"""JSON, and GitHub's annotations with their escapes."""

import json

from drainproxy.rollout.check.output.machine import as_json, boxes, github
from tests.rollout.check.bad_pods import PROBES
from tests.rollout.check.changes import FOLDER, checked

BAD = PROBES[0]


def test_json_has_each_finding_whole() -> None:
    report = checked(BAD.text)
    (finding,) = json.loads(as_json(report))

    assert finding == {
        "rule": "readiness-probe-missing",
        "level": "error",
        "file": "app.yaml",
        "line": next(line for line, _ in BAD.expected),
        "column": 9,
        "message": "container web has no readinessProbe",
        "object": "deployment/web",
        "remediation": "Add a readinessProbe that succeeds once the app can answer requests.",
        "section": "probes",
    }
    assert json.loads(as_json(checked((FOLDER / "web.yaml").read_text()))) == []


def test_a_workflow_command_names_file_line_and_column() -> None:
    report = checked(BAD.text)
    line = next(line for line, _ in BAD.expected)

    assert github(report) == (
        f"::error file=app.yaml,line={line},col=9,"
        "title=readiness-probe-missing (deployment/web)::container web has no readinessProbe"
        "%0AAdd a readinessProbe that succeeds once the app can answer requests.\n"
    )


def test_what_would_end_a_property_or_a_command_is_escaped() -> None:
    text = BAD.text.replace("  name: web\n", '  name: "a,b::c%\\n"\n')
    (told,) = github(checked(text)).splitlines()

    assert "title=readiness-probe-missing (deployment/a%2Cb%3A%3Cc" not in told
    assert "(deployment/a%2Cb%3A%3Ac%25\\n)::" in told


def test_the_boxes_are_values_too() -> None:
    found = {each["id"]: each for each in boxes(checked(BAD.text))}

    assert found["probes"]["state"] == "not ticked"
    assert found["probes"]["findings"] == 1
    assert found["smoke"]["state"] == "ticked"
    assert found["exceptions"]["state"] == "not applicable"
