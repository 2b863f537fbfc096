"""locust's users against a rehearsal: nothing is lost, and both sides count the same.

locust patches the standard library when it is imported, so it never is in this process.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drainproxy.rehearsal.ports import free_ports
from loadtests.local import agree, counts
from tests.conftest import ROOT

SHAPES = ("ramp", "spike", "soak", "rollout")


def run(*command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


SMALL = ("--seconds", "5", "--users", "12", "--rollout-every", "1s", "--replicas", "1")


def counted_alike(folder: Path, *size: str) -> None:
    """Run it, and look at what both sides have counted, and that versions rolled by."""
    done = run("-m", "loadtests.local", *size, "--out", str(folder), timeout=140)

    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads((folder / "rehearsal.json").read_text())["rehearsals"]
    sidecars = {kind: seen["proxies_counted"] for kind, seen in result["kinds"].items()}
    seen = counts(folder / "locust_stats.csv")
    assert seen.keys() == sidecars.keys()
    assert all(agree(seen[kind], count) for kind, count in sidecars.items()), (seen, sidecars)
    assert all(count > 0 for count in sidecars.values())
    assert sum(text == "rollout begins" for _, text in result["marks"]) >= 1
    assert (folder / "locust.html").stat().st_size > 10_000


@pytest.mark.timeout(150)
def test_while_versions_roll_by_nothing_fails_and_locust_counts_as_the_sidecars_do(
    tmp_path: Path,
) -> None:
    counted_alike(tmp_path, *SMALL)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_of_several_replicas_both_count_the_same_too(tmp_path: Path) -> None:
    counted_alike(tmp_path, "--seconds", "8", "--users", "12", "--rollout-every", "2s")


@pytest.mark.parametrize(
    ("locust", "sidecars", "same"),
    [(0, 0, True), (100, 102, True), (100, 103, False), (1000, 1010, True), (101, 100, False)],
)
def test_no_answer_is_seen_that_no_sidecar_gave_and_few_are_missed(
    locust: int, sidecars: int, same: bool
) -> None:
    assert agree(locust, sidecars) == same


@pytest.mark.slow
def test_failures_beyond_the_threshold_set_the_exit_code(tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    locust = ("-m", "locust", "--config", "loadtests/locust.conf")
    short = ("--users", "2", "--run-time", "2s", "--stop-timeout", "1")
    done = run(*locust, *short, "--host", f"http://127.0.0.1:{nobody}", "HttpUser")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "threshold exceeded" in done.stdout + done.stderr

    lenient = run(
        *(*locust, *short, "--max-failures", "100000"),
        *("--host", f"http://127.0.0.1:{nobody}", "HttpUser"),
    )
    assert lenient.returncode == 0, lenient.stdout + lenient.stderr


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """By `booked`, what a WebSocket that closed is booked as; by each shape what it asks for, at
    some seconds of its time."""
    code = f"""
import json
from importlib import import_module
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from loadtests.users.websocket import UNANSWERED, failure
told = {{}}
for shape in {SHAPES!r}:
    made = getattr(import_module("loadtests.shapes." + shape), shape.capitalize())()
    told[shape] = []
    for second in (1, 60, 3600, 30_000):
        made.get_run_time = lambda: second
        told[shape].append(made.tick())
away = Close(1001, "")
came = [(away, away, True), (Close(1011, ""), away, True), (None, None, None), (away, None, None)]
booked = [failure(ConnectionClosed(*each)) for each in came]
booked += [failure(ConnectionClosed(*came[0]), UNANSWERED)]
told["booked"] = [each and str(each) for each in booked]
print(json.dumps(told))
"""
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_a_websocket_is_booked_by_the_code_that_came_and_not_by_a_clock(
    told: dict[str, Any],
) -> None:
    assert told["booked"] == [
        *(None, "closed with 1011", "closed with 1006", "closed with 1001"),
        "closed with 1001, a question stayed unanswered",
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_users_until_its_end(shape: str, told: dict[str, Any]) -> None:
    users, rate = told[shape][0]
    assert users >= 1
    assert rate > 0
    assert told[shape][-1] is None


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_locust_runs_a_shape_with_the_users_and_the_time_that_are_given(shape: str) -> None:
    (nobody,) = free_ports(1)
    done = run(
        *("-m", "locust", "-f", f"loadtests/locustfile.py,loadtests/shapes/{shape}.py"),
        *("--headless", "--users", "4", "--run-time", "3s", "--stop-timeout", "1"),
        *("--max-failures", "100000", "--host", f"http://127.0.0.1:{nobody}", "HttpUser"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Shape test starting" in done.stderr
    assert "Traceback" not in done.stderr
