"""The recipe for a pipeline, run with a kubectl and a gate that do what a test wants."""

import re
import subprocess
from pathlib import Path

import pytest

from drainproxy.cli.gate import gate
from drainproxy.cli.migration import migration
from tests.conftest import ROOT

RECIPE = ROOT / "deploy" / "rollouts" / "ci-rollback.md"
KUBECTL = """#!/bin/sh
echo "kubectl $*" >> log
case "$*" in
  *"get deployment"*) cat revision ;;
  *"get replicasets"*) printf 'hash-%s' "$(cat revision)" ;;
  *" apply "*) if [ -z "$SAME" ]; then printf 2 > revision; fi ;;
  *"rollout status"*) exit "${STATUS:-0}" ;;
esac
"""
DRAINPROXY = """#!/bin/sh
echo "drainproxy $*" >> log
case "$*" in
  "gate canary"*) exit "${CANARY:-0}" ;;
  "gate budget"*) exit "${BUDGET:-0}" ;;
  "gate migration"*) exit "${MIGRATION:-0}" ;;
  "migration may-rollback"*) exit "${ROLLBACK:-0}" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("kubectl", KUBECTL), ("drainproxy", DRAINPROXY)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "revision").write_text("1")
    (script,) = re.findall(r"^```bash\n(.*?)^```", RECIPE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "pipeline").write_text(script)
    return tmp_path


def run(folder: Path, **environ: str) -> tuple[int, list[str]]:
    """The exit code, and what was run."""
    path = {"PATH": f"{folder}:/usr/bin:/bin", "PAUSE": "0"}
    done = subprocess.run(
        ["bash", "pipeline"], cwd=folder, env=path | environ, capture_output=True, timeout=60
    )
    return done.returncode, (folder / "log").read_text().splitlines()


def names(log: list[str], *words: str) -> bool:
    return any(all(word in line for word in words) for line in log)


def test_a_release_that_passes_is_recorded(folder: Path) -> None:
    code, log = run(folder)
    assert code == 0
    assert names(log, "gate canary", "--canary-hash hash-2", "--stable-hash hash-1")
    assert log[-1].startswith("drainproxy migration deployed --version 7")
    assert not names(log, "rollout undo")


def test_the_gate_looks_before_the_rollout_is_over(folder: Path) -> None:
    _, log = run(folder, CANARY="1")
    assert names(log, "gate canary")
    looked = next(at for at, line in enumerate(log) if "gate canary" in line)
    assert not names(log[:looked], "rollout status")


@pytest.mark.parametrize("cause", [{"CANARY": "1"}, {"STATUS": "1"}])
def test_one_that_fails_is_rolled_back(folder: Path, cause: dict[str, str]) -> None:
    code, log = run(folder, **cause)
    assert code == 1
    asked = next(at for at, line in enumerate(log) if "may-rollback --version 6" in line)
    assert "rollout undo deployment/shop" in log[asked + 1]


@pytest.mark.parametrize("answer", ["1", "3"])
def test_nothing_is_rolled_back_where_the_record_does_not_allow_it(
    folder: Path, answer: str
) -> None:
    code, log = run(folder, CANARY="1", ROLLBACK=answer)
    assert code == int(answer)
    assert not names(log, "rollout undo")


def test_a_hold_rolls_nothing_back(folder: Path) -> None:
    code, log = run(folder, CANARY="3")
    assert code == 3
    assert not names(log, "rollout undo")
    assert not names(log, "migration deployed")


@pytest.mark.parametrize("cause", ["BUDGET", "MIGRATION"])
@pytest.mark.parametrize("answer", ["1", "3"])
def test_nothing_is_deployed_that_may_not_be(folder: Path, cause: str, answer: str) -> None:
    code, log = run(folder, **{cause: answer})
    assert code == int(answer)
    assert not names(log, " apply ")


def test_pods_that_are_the_same_are_not_judged(folder: Path) -> None:
    code, log = run(folder, SAME="1")
    assert code == 0
    assert not names(log, "gate canary")


def test_its_commands_are_commands(folder: Path) -> None:
    _, log = run(folder, CANARY="1")
    rooms = {"gate": gate, "migration": migration}
    asked = [line.split()[1:] for line in log if line.startswith("drainproxy ")]
    assert {words[0] for words in asked} == rooms.keys()
    for room, command, *options in asked:
        rooms[room].commands[command].make_context(command, options)
