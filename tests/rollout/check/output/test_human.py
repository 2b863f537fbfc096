"""The report for people: colours only where they are asked for."""

from drainproxy.rollout.check.output.human import checklist, human
from tests.rollout.check.bad_pods import PROBES
from tests.rollout.check.changes import FOLDER, checked


def test_the_four_boxes_before_a_release_come_first() -> None:
    lines = checklist(checked((FOLDER / "web.yaml").read_text())).splitlines()
    assert [line[:3] for line in lines[:4]] == ["[x]", "[-]", "[x]", "[x]"]
    assert lines[1] == (
        "[-] Database migration in expand or migrate: nothing here migrates a database"
    )


def test_a_box_says_what_is_excepted_under_it() -> None:
    told = checklist(checked((FOLDER / "release.yaml").read_text()))
    assert "[-] Capacity held during rollouts and node drains: 1 ignored, " in told
    assert "[x] Every exception has a reason\n" in told


def test_signs_and_levels_are_painted_where_there_is_a_terminal() -> None:
    told = human(checked(PROBES[0].text), lambda text, colour: f"<{colour}>{text}")
    assert "<red>[ ] Readiness" in told
    assert "<green>[x] " in told
    assert ": <red>error: " in told
