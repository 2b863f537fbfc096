"""What `drainproxy run` says before it runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.run import EX_CONFIG, EX_UNAVAILABLE, run


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(run, arguments, env={"DRAINPROXY_ADMIN": "127.0.0.1:0"})


def test_every_mistake_of_every_source_is_told_at_once(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    result = invoke("--config", missing, "--drain-dely", "1s", "--forward", "1=2=3", "stray")

    assert result.exit_code == EX_CONFIG
    for source in ("argument 'stray'", "flag --config", "flag --drain-dely", "flag --forward"):
        assert f"{source}: " in result.stderr


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), (b"\xff", "UTF-8"), (b"", "empty")]
)
def test_a_token_file_must_hold_a_token(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    result = invoke("--forward", "127.0.0.1:0=9000", "--admin-token-file", str(path))

    assert result.exit_code == EX_CONFIG
    assert "admin-token-file" in result.stderr or "the file" in result.stderr
    assert why in result.stderr


def test_settings_can_be_checked_without_running() -> None:
    right = invoke("--check", "--forward", "127.0.0.1:0=9000")
    wrong = invoke("--check", "--forward", "127.0.0.1:0=9000", "--drain-delay", "5")

    assert (right.exit_code, right.output) == (0, "the settings are right\n")
    assert wrong.exit_code == EX_CONFIG
    assert "flag --drain-delay: '5' is not a duration" in wrong.stderr


@pytest.mark.parametrize(
    "app", ["9180", "localhost:9180", "127.0.0.1:9180", "[::1]:9180", "0.0.0.0:9180", "[::]:9180"]
)
def test_a_forward_to_our_own_admin_port_is_refused(app: str) -> None:
    result = CliRunner().invoke(run, ("--forward", f"127.0.0.1:0={app}"))

    assert result.exit_code == EX_CONFIG
    assert "flag --forward: " in result.stderr
    assert result.stderr.count("leads to the sidecar's own admin at 9180") == 1


def test_the_address_of_the_pod_must_be_told() -> None:
    arguments = ("--forward", "127.0.0.1:0=9000", "--app-host", "pod-ip")
    result = CliRunner().invoke(run, arguments, env={"POD_IP": "none"})

    assert result.exit_code == EX_CONFIG
    assert "flag --app-host: pod-ip is the IP address in the environment" in result.stderr


def test_what_stands_behind_the_dashes_is_the_apps() -> None:
    arguments = ["--forward", "127.0.0.1:0=9000", "--admin", "127.0.0.1:0"]
    done = subprocess.run(
        [sys.executable, "-m", "drainproxy", "run", *arguments, "--", "/no/app", "--drain-dely"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == EX_UNAVAILABLE
    assert "cannot start the app '/no/app': No such file or directory" in done.stderr
