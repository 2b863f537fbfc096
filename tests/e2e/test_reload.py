"""Annotations that change while we run, as the kubelet writes them; and a start that cannot be."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import connected, get, get_once
from tests.e2e.process import Sidecar, finished, sidecar

EX_CONFIG = 78
# Seconds until a change of the file must be in force, or told of.
SOON = 5.0


class Volume:
    """A downward-API volume: `annotations` is a link into a folder that is replaced as a whole."""

    def __init__(self, folder: Path, **annotations: str) -> None:
        self._folder = folder
        self._written = 0
        self.path = folder / "annotations"
        self.write(**annotations)
        self.path.symlink_to(Path("..data") / "annotations")

    def write(self, **annotations: str) -> None:
        """New annotations, in one step: a reader sees the old or the new, never a part."""
        self._written += 1
        version = self._folder / f"..version_{self._written}"
        version.mkdir()
        lines = [
            f"drainproxy.io/{name.replace('_', '-')}={json.dumps(value)}\n"
            for name, value in annotations.items()
        ]
        others = ['kubernetes.io/config.source="api"\n', 'note="a \\"quoted\\" one"\n']
        (version / "annotations").write_text("".join(others + lines))
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.replace(self._folder / "..data")


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path, max_connections="2")


@pytest.fixture
def running(volume: Volume, demo_app: DemoApp) -> Iterator[Sidecar]:
    with sidecar(demo_app.address, "--annotations-file", str(volume.path)) as proxy:
        yield proxy


def accepted(running: Sidecar, most: int = 5) -> int:
    """How many connections at once are served."""
    with ExitStack() as clients:
        held = [clients.enter_context(connected(running.port)) for _ in range(most)]
        answers = [get(client, "/hello").status for client in held]
    running.process.until(lambda: running.metric('drainproxy_connections{kind="http1"}') == 0)
    return answers.count(200)


def until_told(running: Sidecar, told: Callable[[list[str]], bool]) -> list[str]:
    """Wait for what /status says of mistakes."""

    def mistakes() -> list[str]:
        return list(running.get("/status")[1]["config_mistakes"])

    running.process.until(lambda: told(mistakes()))
    return mistakes()


def test_what_is_reloadable_is_in_force_soon(volume: Volume, running: Sidecar) -> None:
    assert accepted(running) == 2
    for most in (4, 1):
        volume.write(max_connections=str(most))
        running.process.until(lambda most=most: accepted(running) == most)  # type: ignore[misc]
    assert until_told(running, lambda told: not told) == []


def test_a_new_drain_timeout_holds_for_the_drain_under_way(
    volume: Volume, demo_app: DemoApp
) -> None:
    volume.write(drain_timeout="1h")
    # A flag that says the same would beat it.
    others = ("--drain-delay", "0s", "--drain-quiet", "0s")
    file = ("--annotations-file", str(volume.path))
    with sidecar(demo_app.address, *file, drain=others) as running:
        with connected(running.port) as client:
            client.request("GET", "/download?size=65536&seconds=600")
            running.until_in_flight(http1=1)
            assert running.post("/drain")[1]["deadline"] > 3000
            volume.write(drain_timeout="1s")
            running.until_phase("drained")
        assert running.get("/status")[1]["report"]["verdict"] == "cut 1"


def test_a_new_age_is_in_force_within_five_seconds(volume: Volume, running: Sidecar) -> None:
    with connected(running.port) as client:
        assert not get(client, "/hello").closes
        volume.write(max_connection_age="10ms")
        running.process.until(lambda: get(client, "/hello").closes, seconds=SOON)


def test_a_new_drain_timeout_is_in_force_within_five_seconds(
    volume: Volume, demo_app: DemoApp
) -> None:
    others = ("--drain-delay", "10s", "--annotations-file", str(volume.path))
    with sidecar(demo_app.address, *others, drain=()) as running:
        running.post("/drain")
        volume.write(drain_timeout="2h")
        running.process.until(lambda: deadline(running) > 7000, seconds=SOON)

        volume.write(drain_timeout="never", max_connection_age="-1s")
        running.process.until(lambda: mistakes(running) == 2, seconds=SOON)
        assert deadline(running) > 7000
        with connected(running.port) as client:
            assert not get(client, "/hello").closes
        running.cut()


def deadline(running: Sidecar) -> float:
    """Seconds that the drain under way has left."""
    return float(running.get("/status")[1]["deadline"])


def mistakes(running: Sidecar) -> int:
    return len(running.get("/status")[1]["config_mistakes"])


def test_a_wrong_value_keeps_the_old_one_and_is_reported(volume: Volume, running: Sidecar) -> None:
    volume.write(max_connections="2", header_timeout="soon", max_conections="3")
    told = until_told(running, bool)
    assert len(told) == 2
    assert "soon" in told[0]
    assert "header-timeout" in told[0]
    assert "max-connections" in told[1], "no did-you-mean"
    assert running.metric("drainproxy_config_mistakes") == 2
    for mistake in told:
        assert mistake in running.process.output
    assert accepted(running) == 2

    # One wrong value does not keep another from being taken.
    volume.write(max_connections="3", header_timeout="soon")
    running.process.until(lambda: accepted(running) == 3)

    volume.write(max_connections="3")
    until_told(running, lambda told: not told)
    assert running.metric("drainproxy_config_mistakes") == 0


def test_what_needs_a_restart_is_reported_and_stays(volume: Volume, running: Sidecar) -> None:
    volume.write(max_connections="3", app_health="http:/health")
    (told,) = until_told(running, bool)
    assert "app-health" in told
    assert "restart" in told
    running.process.until(lambda: accepted(running) == 3)
    # The demo app has no /health.
    assert running.get("/readyz")[0] == 200


def test_annotations_that_disappear_for_a_moment_change_nothing(
    volume: Volume, running: Sidecar
) -> None:
    data = volume.path.parent / "..data"
    target = os.readlink(data)
    data.unlink()
    assert accepted(running) == 2
    data.symlink_to(target)
    volume.write(max_connections="3")
    running.process.until(lambda: accepted(running) == 3)
    assert get_once(running.port).status == 200


def test_a_wrong_configuration_does_not_start_and_says_all_that_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("drain-timeout: soon\nmax-conections: 3\n")
    annotations = tmp_path / "annotations"
    annotations.write_text('drainproxy.io/idle-timeout="-1s"\n')
    done = finished(
        *("drainproxy", "run", "--config", str(config), "--annotations-file", str(annotations)),
        *("--forward", "8080", "--tls-cert", "a.pem"),
        env={"DRAINPROXY_UNREADY": "never"},
    )
    assert done.returncode == EX_CONFIG
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    wrong = {
        "drain-timeout": [str(config), "soon"],
        "max-conections": [str(config), "max-connections"],
        "idle-timeout": ["annotation", "-1s"],
        "DRAINPROXY_UNREADY": ["never", "announced"],
        "forward": ["--forward", "LISTEN=APP"],
        "tls-cert": ["--tls-cert", "not yet"],
    }
    for name, words in wrong.items():
        lines = [line for line in done.stderr.splitlines() if name in line]
        assert lines, f"nothing of {name}:\n{done.stderr}"
        assert all(word.lower() in lines[0].lower() for word in words), lines


def test_a_taken_port_is_named(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address) as first:
        done = finished(
            *("drainproxy", "run", "--forward", f"127.0.0.1:{first.port}=1"),
            *("--admin", f"127.0.0.1:{free_ports(1)[0]}"),
        )
    assert done.returncode not in (0, EX_CONFIG)
    assert f"127.0.0.1:{first.port}" in done.stderr
    assert "Traceback" not in done.stderr
