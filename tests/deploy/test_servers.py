"""The examples for servers without Kubernetes: what they say to drainproxy is right."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from drainproxy.cli import main
from drainproxy.cli.run import EX_CONFIG
from drainproxy.config import Address, ConfigFile, Settings, load, parse_duration

# Seconds that `run -- APP` gives the app behind the drain.
APP = 10.0


@pytest.fixture(scope="module")
def examples(root: Path) -> Path:
    return root / "deploy" / "examples"


@pytest.fixture
def services(examples: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(examples / "compose.yaml")["services"]
    return found


@pytest.fixture
def sidecar(services: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = services["drainproxy"]
    return found


@pytest.fixture
def unit(examples: Path) -> dict[str, str]:
    """Key -> value of the unit; no key that is asked for stands there twice."""
    lines = (examples / "drainproxy.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def flags(words: list[str]) -> dict[str, str]:
    """`--name value` pairs."""
    return dict(zip((word[2:] for word in words[::2]), words[1::2], strict=True))


def test_compose_runs_the_sidecar_and_waits_for_its_drain(sidecar: dict[str, Any]) -> None:
    command, *words = sidecar["command"]
    settings = load(flags=flags(words), environ=sidecar["environment"])

    assert command == "run"
    assert parse_duration(sidecar["stop_grace_period"]) == settings.stop_timeout
    assert settings.stop_timeout > settings.drain_timeout


def test_compose_leads_clients_to_the_sidecar_and_it_to_the_app(
    services: dict[str, Any], sidecar: dict[str, Any]
) -> None:
    """By the name of its service, which stands while containers come and go."""
    (forward,) = load(flags=flags(sidecar["command"][1:])).forward

    assert forward.app == Address("app", int(services["app"]["environment"]["PORT"]))
    assert sidecar["ports"] == [f"{forward.listen.port}:{forward.listen.port}"]
    assert not {"network_mode", "ports"} & services["app"].keys()
    assert "network_mode" not in sidecar


def test_compose_asks_for_the_health_of_the_sidecar(sidecar: dict[str, Any]) -> None:
    kind, program, *arguments = sidecar["healthcheck"]["test"]

    assert (kind, program) == ("CMD", "drainproxy")
    assert CliRunner().invoke(main, [*arguments, "--help"]).exit_code == 0


def configuration(examples: Path) -> Settings:
    return load(file=ConfigFile("drainproxy.yaml", (examples / "drainproxy.yaml").read_text()))


def test_the_unit_runs_what_its_configuration_says(examples: Path, unit: dict[str, str]) -> None:
    program, command, option, path, dashes, *app = shlex.split(unit["ExecStart"])

    assert Path(program).name == "drainproxy"
    assert (command, option, dashes) == ("run", "--config", "--")
    assert Path(path).name == "drainproxy.yaml"
    # The app of the example is an address, no Unix socket.
    assert str(configuration(examples).forward[0].app.port) == app[-1]  # type: ignore[union-attr]
    assert Path(app[0]).is_relative_to(unit["WorkingDirectory"])


def test_a_mistake_in_the_configuration_is_not_tried_again(unit: dict[str, str]) -> None:
    """systemd looks at the code of the main process, not at that of an ExecStartPre."""
    assert int(unit["RestartPreventExitStatus"]) == EX_CONFIG
    assert "ExecStartPre" not in unit


@pytest.mark.slow
def test_systemd_takes_the_unit(examples: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # It looks whether the programs are there.
    lines = (examples / "drainproxy.service").read_text().splitlines(keepends=True)
    unit = tmp_path / "orders.service"
    unit.write_text("".join(re.sub(r"^(Exec\w+=)\S+", rf"\1{sys.executable}", x) for x in lines))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_waits_for_the_drain_and_the_app(examples: Path, unit: dict[str, str]) -> None:
    assert float(unit["TimeoutStopSec"]) > configuration(examples).drain_timeout + APP
    assert unit["KillMode"] == "mixed"
