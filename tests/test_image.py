"""What the Dockerfile promises to whoever runs the image; `make image` proves it by running one."""

import json
import signal
import tomllib
from pathlib import Path

import pytest

from drainproxy.cli.held_signals import HELD

Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def stages(root: Path) -> list[list[Instruction]]:
    """The instructions of each stage; the last is the image."""
    text = (root / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: list[list[Instruction]] = [[]]
    for line in lines:
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest.strip()))
    return found


def only(stage: list[Instruction], name: str) -> str:
    (value,) = (rest for instruction, rest in stage if instruction == name)
    return value


def test_it_is_built_from_one_base_that_a_build_can_choose(
    stages: list[list[Instruction]],
) -> None:
    before, *made = stages
    assert only(before, "ARG").startswith("BASE=")
    froms = [only(stage, "FROM").split(" ")[0] for stage in made]
    assert froms == ["${BASE}", "base", "base"]


def test_it_runs_as_a_user_that_kubernetes_can_check(stages: list[list[Instruction]]) -> None:
    uid, _, gid = only(stages[-1], "USER").partition(":")
    assert (uid, gid) == ("65532", "65532")


def test_drainproxy_itself_gets_the_signals_those_that_come_before_it_runs_included(
    stages: list[list[Instruction]],
) -> None:
    """`env` becomes drainproxy (execve(2)), so no process stands between it and the kubelet."""
    names = ",".join(signal.Signals(each).name.removeprefix("SIG") for each in HELD)
    assert json.loads(only(stages[-1], "ENTRYPOINT")) == [
        *("env", f"--block-signal={names}", "/opt/drainproxy/bin/drainproxy")
    ]
    assert "CMD" not in dict(stages[-1])


def test_its_labels_are_those_of_oci(stages: list[list[Instruction]], root: Path) -> None:
    labels = only(stages[-1], "LABEL")
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f'org.opencontainers.image.{name}="' in labels
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert f'title="{project["name"]}"' in labels
    assert f'description="{project["description"]}"' in labels
    assert f'licenses="{project["license"]}"' in labels


def test_nothing_is_written_when_it_runs(stages: list[list[Instruction]]) -> None:
    assert "PYTHONDONTWRITEBYTECODE=1" in only(stages[-1], "ENV")
    assert any("compileall" in rest for name, rest in stages[-2] if name == "RUN")


def test_the_program_that_redirects_is_in_it(stages: list[list[Instruction]]) -> None:
    assert "nftables" in only(stages[1], "RUN")


def test_what_builds_it_stays_behind(stages: list[list[Instruction]]) -> None:
    assert only(stages[-1], "COPY").startswith("--from=build /opt/drainproxy ")
    assert "RUN" not in dict(stages[-1])


def test_only_what_it_needs_is_sent_to_the_builder(root: Path) -> None:
    ignored = (root / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
