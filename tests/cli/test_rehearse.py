"""`drainproxy rehearse`: what cannot be meant is refused before anything is started."""

import sys

import pytest
from click.testing import CliRunner

from drainproxy.cli.rehearse import rehearse
from drainproxy.cli.rehearse_gate import faults, times
from drainproxy.rehearsal.faults import Faults

CANARY = ("--strategy", "canary", "--gate")
AGING = ("--scale-down-delay", "20s")
HEALTHY = {
    "new_version_fails": 0.0,
    "new_version_slow": 0.0,
    "new_version_drops_websockets": False,
}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--gate",), "--gate needs --strategy canary"),
        ((*CANARY, "--proxy", "none"), "needs --proxy drainproxy"),
        ((*CANARY, "--serve"), "--gate and --serve do not go together"),
        ((*CANARY, "--compare"), "--gate and --compare do not go together"),
        ((*CANARY, "--http", "0"), "--gate needs --http clients"),
        (("--prometheus", "/bin/true"), "--prometheus is an option of --gate: give both"),
        (("--gate-timeout", "5s"), "--gate-timeout is an option of --gate: give both"),
        (("--new-version-fails", "5"), "is not a percentage, such as 10%"),
        (("--new-version-slow", "late"), "--new-version-slow"),
        (("--new-version-fails", "5%", "--", "app"), "built-in app only"),
        (("--new-version-slow", "1s", "--", "app"), "built-in app only"),
        (("--new-version-drops-websockets", "--", "app"), "built-in app only"),
        (("--new-version-fails", "101%"), "at most 100%"),
        (("--restart-app", "--kill-app"), "two rehearsals: give one"),
        (("--restart-app", "--strategy", "canary"), "--restart-app is no rollout"),
        (("--kill-app", "--serve"), "--kill-app is no rollout"),
        (("--kill-app", "--proxy", "envoy"), "Envoy cannot cancel a drain"),
        (("--drain-delay", "5"), "--drain-delay: '5' is not a duration, such as 500ms"),
        (("--drain-delay", "1s", "--log-format", "xml"), "--log-format: 'xml' is not one of"),
        (
            ("--stream-drain", "/a=end", "--stream-drain", "b"),
            "--stream-drain: 'b' does not end with =end",
        ),
        (("--html", "/no/such/folder/report.html"), "there is no folder '/no/such/folder'"),
        (("--path", "hello", "--", "app"), "--path: a path begins with /"),
        (("--events-path", "http://a.example/"), "--events-path: a path begins with /"),
        (("--scale-down-delay", "20s"), "--scale-down-delay needs --strategy canary"),
        (("--strategy", "canary", "--scale-down-delay", "3s"), "6s at least"),
        ((*CANARY, *AGING, "--max-connection-age-sse", "1m"), "--max-connection-age-sse out"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(rehearse, [*arguments])
    assert done.exit_code == 2, done.output
    assert said in done.output


def test_a_step_is_shorter_with_a_gate_unless_its_length_is_given() -> None:
    none = {"hold": None, "gate_timeout": None}
    assert times({"gate": False, **none})["hold"] == 5
    assert times({"gate": True, **none}) == {"hold": 2, "gate_timeout": 90}
    assert times({"gate": True, "hold": 7.0, "gate_timeout": 0.0}) == {
        "hold": 7,
        "gate_timeout": 0,
    }


def test_an_app_of_somebody_else_has_no_faults_of_ours() -> None:
    assert faults(HEALTHY, ("app",)) == Faults()
    assert faults({**HEALTHY, "new_version_fails": 0.05}, ()) == Faults(fails=0.05)


@pytest.mark.parametrize(
    ("line", "app"),
    [
        ("--http 3 python3 -m http.server {port}", "python3 -m http.server '{port}'"),
        # What is the app's is not held against us, known or not.
        ("./app --http many --listen 9", "./app --http many --listen 9"),
        ("--serve app", "app"),
        ("--http many app", "app"),
    ],
)
def test_an_app_without_the_separator_is_told_of_it(line: str, app: str) -> None:
    done = CliRunner().invoke(rehearse, line.split())
    assert done.exit_code == 2
    assert f"is no option: write the app's command after --, as in: -- {app}\n" in done.output
    assert ("'many' is no" in done.output) == ("--http many app" in line)


@pytest.mark.parametrize("line", ["--htpp 3", "--http many", "--replicas 99 -- app"])
def test_a_wrong_option_of_ours_is_not_taken_for_an_app(line: str) -> None:
    done = CliRunner().invoke(rehearse, line.split())
    assert done.exit_code == 2
    assert "is no option" not in done.output


def test_what_must_be_installed_first_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    done = CliRunner().invoke(rehearse, [])
    assert done.exit_code == 2
    assert "pip install" in done.output
