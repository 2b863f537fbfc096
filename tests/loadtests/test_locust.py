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


@pytest.mark.timeout(150)
def test_while_versions_roll_by_nothing_fails_and_locust_counts_as_the_sidecars_do(
    tmp_path: Path,
) -> None:
    size = ("--seconds", "8", "--users", "12", "--rollout-every", "2s")
    done = run("-m", "loadtests.local", *size, "--out", str(tmp_path), timeout=140)

    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads((tmp_path / "rehearsal.json").read_text())["rehearsals"]
    sidecars = {kind: seen["proxies_counted"] for kind, seen in result["kinds"].items()}
    seen = counts(tmp_path / "locust_stats.csv")
    assert seen.keys() == sidecars.keys()
    assert all(agree(seen[kind], count) for kind, count in sidecars.items()), (seen, sidecars)
    assert all(count > 0 for count in sidecars.values())
    assert sum(text == "rollout begins" for _, text in result["marks"]) >= 1
    assert (tmp_path / "locust.html").stat().st_size > 10_000


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


def test_a_websocket_is_booked_by_the_code_that_came_and_not_by_a_clock() -> None:
    code = """
import json
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from loadtests.users.websocket import UNANSWERED, failure
away = Close(1001, "")
came = [(away, away, True), (Close(1011, ""), away, True), (None, None, None), (away, None, None)]
booked = [failure(ConnectionClosed(*each)) for each in came]
booked += [failure(ConnectionClosed(*came[0]), UNANSWERED)]
print(json.dumps([each and str(each) for each in booked]))
"""
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        *(None, "closed with 1011", "closed with 1006", "closed with 1001"),
        "closed with 1001, a question stayed unanswered",
    ]


@pytest.fixture(scope="module")
def ticks() -> dict[str, list[Any]]:
    """What each shape asks for, at some seconds of its time."""
    code = f"""
import json
from importlib import import_module
ticks = {{}}
for shape in {SHAPES!r}:
    made = getattr(import_module("loadtests.shapes." + shape), shape.capitalize())()
    ticks[shape] = []
    for second in (1, 60, 3600, 30_000):
        made.get_run_time = lambda: second
        ticks[shape].append(made.tick())
print(json.dumps(ticks))
"""
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    told: dict[str, list[Any]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_users_until_its_end(shape: str, ticks: dict[str, list[Any]]) -> None:
    users, rate = ticks[shape][0]
    assert users >= 1
    assert rate > 0
    assert ticks[shape][-1] is None


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
