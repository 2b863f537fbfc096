"""`drainproxy check` in the pipelines of others: the GitHub action, and the hook for pre-commit."""

import re
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from drainproxy.cli.check import check
from tests.e2e.programs import tool
from tests.rollout.check.bad_pods import PROBES
from tests.rollout.check.changes import FOLDER

ACTION = Path(".github/actions/check/action.yml")


@pytest.fixture(scope="module")
def action(root: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(root / ACTION))


def test_every_input_is_passed_by_the_environment(action: dict[str, Any]) -> None:
    """What is written into a script by ${{ }} could be code."""
    steps = action["runs"]["steps"]
    used = {
        name for step in steps for name in re.findall(r"inputs\.([\w-]+)", str(step.get("env")))
    }

    assert used == {*action["inputs"]}
    assert all("${{" not in step.get("run", "") for step in steps)


REAL = f'PYTHONPATH={Path(__file__).parents[2]} exec {sys.executable} -m drainproxy "$@"'
# To start Python takes longer than to check.
SAYS_ITS_ARGUMENTS = "printf '%s\\0' \"$@\""


def run(
    action: dict[str, Any], folder: Path, program_runs: str = REAL, **given: str
) -> subprocess.CompletedProcess[str]:
    """The step that checks, as a runner runs it in `folder`."""
    program = folder / "runner" / "drainproxy" / "bin" / "drainproxy"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{program_runs}\n")
    program.chmod(0o755)
    step = action["runs"]["steps"][-1]
    inputs = {name: given.get(name, each["default"]) for name, each in action["inputs"].items()}
    environ = {
        key: inputs[re.sub(r"\${{ inputs\.([\w-]+) }}", r"\1", text)]
        for key, text in step["env"].items()
    }
    return subprocess.run(
        [tool("bash"), "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder,
        env=environ | {"RUNNER_TEMP": str(folder / "runner"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def code(action: dict[str, Any], folder: Path, **given: str) -> int:
    """What the command ends with when it is given what the step gives it, in this process."""
    command, *arguments, end = run(action, folder, SAYS_ITS_ARGUMENTS, **given).stdout.split("\0")
    assert (command, end) == ("check", "")
    with chdir(folder):
        return CliRunner().invoke(check, arguments).exit_code


def test_the_action_annotates_and_fails(action: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "one folder").mkdir()
    (tmp_path / "bad.yaml").write_text(PROBES[0].text)
    done = run(action, tmp_path)

    assert done.returncode == 1
    assert done.stdout.startswith("::error file=bad.yaml,line=")
    (tmp_path / "good.yaml").write_text((FOLDER / "web.yaml").read_text())
    assert code(action, tmp_path) == 1
    assert code(action, tmp_path, paths="good.yaml") == 0
    assert code(action, tmp_path, paths="good.yaml\nbad.yaml\n") == 1
    assert code(action, tmp_path, skip="readiness-probe-missing") == 0
    assert code(action, tmp_path, **{"fail-on": "never"}) == 0


def test_the_action_writes_a_file(action: dict[str, Any], tmp_path: Path) -> None:
    for name in ("web.yaml", "edge.yaml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    given = {"paths": "web.yaml edge.yaml", "output": "sarif", "output-file": "out.sarif"}
    done = run(action, tmp_path, **given)

    assert (done.returncode, done.stdout) == (0, "")
    assert '"version": "2.1.0"' in (tmp_path / "out.sarif").read_text()


def test_the_hook_is_a_command_that_there_is(root: Path) -> None:
    (hook,) = YAML(typ="safe").load(root / ".pre-commit-hooks.yaml")

    assert hook["entry"] == "drainproxy check"
    assert hook["pass_filenames"] is False
    assert re.search(hook["files"], "deploy/web.yml")
    assert not re.search(hook["files"], "deploy/README.md")
