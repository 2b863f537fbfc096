"""Whole rehearsals, as a user starts them: what is lost, what is said, what is left behind."""

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from drainproxy.extras import install_hint
from drainproxy.rehearsal.plan import RehearsalPlan
from drainproxy.rehearsal.ports import free_ports
from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.rehearsal import Rehearsal
from drainproxy.rehearsal.result import RehearsalResult
from tests.conftest import ROOT
from tests.rehearsal.started import refused, rehearse

SHORT = (
    *("--replicas", "2", "--http", "8", "--websocket", "4", "--sse", "4", "--grpc", "4"),
    *("--before", "1s", "--after", "2s", "--hold", "2s", "--propagation-delay", "500ms"),
    *("--drain-delay", "1500ms", "--drain-quiet", "500ms", "--drain-spread", "1s"),
)
# An app of somebody else, which answers `/`.
THEIRS = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}")
QUICK = RehearsalPlan(
    clients={"http": 4},
    replicas=2,
    path="/",
    before=0.5,
    after=0.5,
    propagation_delay=0.2,
    grace_period=8.0,
    settings=("--drain-delay=500ms", "--drain-quiet=200ms", "--drain-spread=500ms"),
)


def kinds(rehearsed: dict[str, Any], what: str) -> dict[str, Any]:
    return {kind: seen[what] for kind, seen in rehearsed["kinds"].items()}


ONE = ("--replicas", "1", *SHORT[2:])
SMALL = (
    *("--replicas", "1", "--http", "4", "--websocket", "2", "--sse", "2", "--grpc", "2"),
    *("--before", "500ms", "--after", "1s", "--hold", "1s", *SHORT[16:]),
)


def compared(*arguments: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    """The rollout with drainproxy and without; what was said, and both results, of which ours has
    lost nothing and counted right."""
    done = rehearse(*arguments, "--compare", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    ours, theirs = json.loads(done.stdout)["rehearsals"]
    assert kinds(ours, "by_class") == {"http": {}, "websocket": {}, "sse": {}, "grpc": {}}
    assert ours["mishaps"] == []
    assert sum(kinds(theirs, "failed").values()) > 0, "the balancer is not like kube-proxy"
    assert kinds(ours, "exchanges") == kinds(ours, "proxies_counted")
    told = kinds(ours, "goodbyes")
    # A goodbye that crosses a call of gRPC on the wire is none to who makes the call.
    crossed = kinds(ours, "crossed")
    assert all(told[kind] + crossed[kind] > 0 for kind in told), (told, crossed)
    reported = sum((Counter(r["goodbyes"]) for r in ours["replicas"]), Counter())
    assert {kind: reported[kind] for kind in ("websocket", "sse")} == {
        kind: told[kind] for kind in ("websocket", "sse")
    }
    return done, ours


@pytest.mark.timeout(120)
def test_a_rolling_update_loses_nothing_with_drainproxy_and_something_without(
    tmp_path: Path,
) -> None:
    page = tmp_path / "report.html"

    done, ours = compared(*SMALL, "--html", str(page))

    assert [r["state"] for r in ours["replicas"]] == ["gone", "ready"]
    assert ours["replicas"][0]["verdict"] == "clean"
    versions = {v for s in ours["timeline"]["http"] for v in s["answered"]}
    assert versions == {"v1", "v2"}
    assert "requests failed" in done.stderr
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_rolling_update_of_several_replicas_loses_nothing_either() -> None:
    _, ours = compared(*SHORT)

    assert [r["state"] for r in ours["replicas"]] == ["gone", "gone", "ready", "ready"]
    assert [r["verdict"] for r in ours["replicas"]][:2] == ["clean", "clean"]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "what",
    [
        pytest.param((*SHORT, "--restart-app"), id="restarts"),
        pytest.param((*SHORT, "--kill-app"), id="kills"),
        pytest.param((*ONE, "--kill-app"), id="the only one is killed"),
        pytest.param((*ONE, "--surge", "0", "--unavailable", "1"), id="the only one is deleted"),
    ],
)
def test_nothing_is_lost_that_a_proxy_could_keep(what: tuple[str, ...]) -> None:
    done = rehearse(*what, "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    (ours,) = json.loads(done.stdout)["rehearsals"]
    assert kinds(ours, "by_class") == {"http": {}, "websocket": {}, "sse": {}, "grpc": {}}
    assert ours["mishaps"] == []
    assert ours["unplaced"] == 0
    died = sum(sum(seen.values()) for seen in kinds(ours, "with_app").values())
    assert died == 0 or "--kill-app" in what
    assert ("in progress in an app when it was killed" in done.stderr) == bool(died)
    # Who hears that the app has gone comes again.
    assert kinds(ours, "goodbyes")["websocket"] > 0
    assert kinds(ours, "goodbyes")["sse"] > 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_while_the_only_app_restarts_there_is_no_replica_and_it_is_said() -> None:
    done = rehearse(*ONE, "--restart-app", "--json")

    (ours,) = json.loads(done.stdout)["rehearsals"]
    lost = {how for seen in kinds(ours, "by_class").values() for how in seen}
    assert lost <= {"refused", "grpc UNAVAILABLE"}, done.stderr
    assert ours["unplaced"] > 0
    assert "New connections while no replica was ready" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("strategy", ["blue-green", "canary"])
def test_the_other_strategies_lose_nothing_either(strategy: str) -> None:
    done = rehearse(*SHORT, "--strategy", strategy, "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    (ours,) = json.loads(done.stdout)["rehearsals"]
    assert kinds(ours, "by_class") == {"http": {}, "websocket": {}, "sse": {}, "grpc": {}}
    assert {r["version"] for r in ours["replicas"] if r["state"] == "ready"} == {"v2"}
    # Everybody is where he was sent, though no connection of the old version was made to end.
    assert ours["connections"][-1][1].keys() <= {"v2-3", "v2-4"}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(120)
def test_whoever_stands_on_the_old_version_comes_to_its_age_before_the_drain() -> None:
    done = rehearse(*SHORT, "--strategy", "canary", "--scale-down-delay", "24s", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    (ours,) = json.loads(done.stdout)["rehearsals"]
    assert ours["left"] == 0
    # Nobody is moved twice: by the age alone, and not by the drain behind it.
    assert kinds(ours, "goodbyes").items() >= {"websocket": 4, "sse": 4}.items()
    assert all(not replica["goodbyes"] for replica in ours["replicas"])
    assert "on the old replicas when these were deleted: 0." in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_behind_haproxy_nothing_is_lost_either() -> None:
    if shutil.which("haproxy", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("haproxy is not installed")
    done = rehearse(*SHORT, "--balancer", "haproxy", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (ours,) = json.loads(done.stdout)["rehearsals"]
    assert kinds(ours, "by_class") == {"http": {}, "websocket": {}, "sse": {}, "grpc": {}}
    assert {name for _, counts in ours["connections"] for name in counts} == {
        replica["name"] for replica in ours["replicas"]
    }


def test_where_there_is_no_envoy_it_is_said_how_to_get_it() -> None:
    if importlib.util.find_spec("envoy") or shutil.which("envoy"):
        pytest.skip("envoy is installed")
    assert install_hint("bench") in refused("--proxy", "envoy").stdout


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_with_envoy_the_same_rollout_is_rehearsed() -> None:
    if not (importlib.util.find_spec("envoy") or shutil.which("envoy")):
        pytest.skip("envoy is not installed")
    done = rehearse(*SHORT, "--proxy", "envoy", "--grace-period", "18s", "--json")
    (theirs,) = json.loads(done.stdout)["rehearsals"]
    assert kinds(theirs, "failed")["http"] == 0
    assert {r["version"] for r in theirs["replicas"] if r["state"] == "ready"} == {"v2"}


@pytest.mark.slow
def test_served_it_takes_the_clients_of_others_until_it_is_interrupted(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    log = tmp_path / "said"
    with log.open("w") as said:
        running = subprocess.Popen(
            [
                *(sys.executable, "-u", "-m", "drainproxy", "rehearse", "--serve", "--json"),
                *(*SHORT, "--http-port", str(port), "--rollout-every", "500ms"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            give_up = monotonic() + 40
            while "v1-1 is deleted" not in log.read_text():
                assert monotonic() < give_up
                sleep(0.02)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello", timeout=10) as answer:
                assert answer.read() == b"hello\n"
            running.send_signal(signal.SIGINT)
            out, _ = running.communicate(timeout=40)
        finally:
            running.kill()
            running.wait()
    assert running.returncode == 0, log.read_text()
    (result,) = json.loads(out)["rehearsals"]
    assert kinds(result, "proxies_counted")["http"] == 1
    assert {r["version"] for r in result["replicas"] if r["state"] == "ready"} >= {"v2"}


@pytest.mark.slow
def test_an_app_of_ones_own_is_rolled_out_too() -> None:
    done = rehearse(*SHORT[10:], "--replicas", "1", "--http", "3", "--path", "/", "--", *THEIRS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "with drainproxy: 0 of " in done.stdout


def test_a_command_that_does_not_exist_is_named() -> None:
    done = rehearse("--", "no-such-app", "{port}")
    assert done.returncode == 2
    assert "cannot start 'no-such-app': No such file or directory" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_app_that_ends_at_once_has_its_last_words() -> None:
    app = (sys.executable, "-c", "raise SystemExit('out of order')")
    done = rehearse("--replicas", "1", "--", *app)
    assert done.returncode == 2
    assert "exited 1; it said:" in done.stdout
    assert "out of order" in done.stdout
    # It may have found the port of another replica in use.
    assert "no argument of the app is {port}: it has to listen on $PORT." in done.stdout


def test_the_port_is_no_question_where_a_setting_is_wrong() -> None:
    done = rehearse("--replicas", "1", "--admin-token-file", "/no/such/file", "--", "sleep", "60")
    assert done.returncode == 2
    assert "'/no/such/file': No such file or directory" in done.stdout
    assert "$PORT" not in done.stdout


def test_a_port_that_is_taken_is_named() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = refused("--http-port", str(port))
    assert f"cannot listen on 127.0.0.1, --http-port {port} and --grpc-port " in done.stdout


def test_settings_that_a_sidecar_refuses_are_told_in_its_own_words() -> None:
    done = rehearse("--replicas", "1", "--admin-token-file", "/no/such/file")
    assert done.returncode == 2
    assert "the file: '/no/such/file': No such file or directory" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--surge", "0", "--unavailable", "0"), "cannot both be 0"),
        (("--before", "soon"), "--before"),
        (("--strategy", "hope"), "rolling"),
        (("--grpc", "1", "--", "app"), "built-in app only"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(*arguments).stderr


@pytest.mark.slow
def test_a_new_version_that_does_not_start_ends_it_with_its_last_words(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(
        "import http.server as s, os\n"
        "if os.environ['VERSION'] == 'v2':\n"
        "    raise SystemExit('v2 is out of order')\n"
        "address = ('127.0.0.1', int(os.environ['PORT']))\n"
        "s.ThreadingHTTPServer(address, s.SimpleHTTPRequestHandler).serve_forever()\n"
    )
    for served in ((), ("--serve", "--rollout-every", "100ms")):
        size = ("--replicas", "1", "--http", "1", "--path", "/", "--before", "100ms")
        done = rehearse(*size, *served, "--", sys.executable, str(app))
        assert done.returncode == 2, done.stdout + done.stderr
        assert "v2 is out of order" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr


def processes_below(pid: int) -> list[str]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [child for thread in threads for child in (thread / "children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_an_interrupted_rehearsal_leaves_nothing_behind(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with (tmp_path / "said").open("w+") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "drainproxy", "rehearse", *SHORT],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            give_up = monotonic() + 30
            while "2 of v1 ready" not in Path(said.name).read_text():
                assert monotonic() < give_up
                sleep(0.02)
            children = processes_below(running.pid)
            assert len(children) == 4
            running.send_signal(number)
            assert running.wait(30) == code
            assert "Traceback" not in Path(said.name).read_text()
            assert [pid for pid in children if Path("/proc", pid).exists()] == []
            assert list(folder.iterdir()) == []
        finally:
            running.kill()
            running.wait()


async def with_trouble(
    plan: RehearsalPlan, when: str, trouble: Callable[[Rehearsal], None]
) -> RehearsalResult:
    """A rehearsal in which something is done to it when this mark has been set."""
    rehearsal = Rehearsal(plan)
    running = asyncio.ensure_future(rehearsal.run())
    async with asyncio.timeout(30):
        while not any(when in text for _, text in rehearsal.marks):
            assert not running.done(), running
            await asyncio.sleep(0.02)
    trouble(rehearsal)
    result = await running
    pids = [p.pid for r in rehearsal.deployment.replicas for p in (r.app, r.proxy.process) if p]
    assert not any(map(exists, pids))
    return result


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.slow
async def test_a_replica_that_is_killed_is_named() -> None:
    def kill_the_app(rehearsal: Rehearsal) -> None:
        rehearsal.deployment.replicas[0].app.signal(signal.SIGKILL)

    result = await with_trouble(QUICK, "ready", kill_the_app)

    assert "v1-1: the app of v1-1 was ended by signal 9 by itself" in result.problems()


@pytest.mark.slow
async def test_a_sidecar_that_is_killed_is_named() -> None:
    def kill_the_sidecar(rehearsal: Rehearsal) -> None:
        process = rehearsal.deployment.replicas[1].proxy.process
        assert process is not None
        process.signal(signal.SIGKILL)

    result = await with_trouble(QUICK, "ready", kill_the_sidecar)

    assert any("sidecar of v1-2 was ended by signal 9" in text for text in result.problems())


@pytest.mark.slow
async def test_an_app_that_ends_before_its_prestop_is_done_is_named() -> None:
    def end_the_app(rehearsal: Rehearsal) -> None:
        # At once: of one that closes its port first and ends later the drain is over before.
        rehearsal.deployment.replicas[0].app.signal(signal.SIGKILL)

    result = await with_trouble(QUICK, "v1-1 is deleted", end_the_app)

    assert any("before its preStop was done" in text for text in result.problems())


@pytest.mark.slow
async def test_an_app_that_ignores_sigterm_is_killed_at_the_end_of_the_grace_period(
    tmp_path: Path,
) -> None:
    app = tmp_path / "app.py"
    app.write_text(
        "import signal, sys, http.server as s\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "address = ('127.0.0.1', int(sys.argv[1]))\n"
        "s.ThreadingHTTPServer(address, s.SimpleHTTPRequestHandler).serve_forever()\n"
    )
    command = (sys.executable, str(app), "{port}")
    plan = RehearsalPlan(**{**_as_dict(QUICK), "app": command, "replicas": 1, "grace_period": 4.0})

    result = await with_trouble(plan, "rollout begins", lambda _: None)

    assert result.replicas[0].state == "killed"
    assert any("did not end within the grace period of 4 s" in t for t in result.problems())


def _as_dict(plan: RehearsalPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in RehearsalPlan.__slots__}


@pytest.mark.slow
async def test_an_app_that_hangs_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drainproxy.rehearsal.replicas._READY_WITHIN", 2.0)
    # An app that never listens, and outlives the test if nobody ends it.
    command = (sys.executable, "-c", "import time; print('busy', flush=True); time.sleep(60)")
    plan = RehearsalPlan(**{**_as_dict(QUICK), "app": command})
    rehearsal = Rehearsal(plan)
    with pytest.raises(StartFailed, match=r"(?s)was not ready within 2 s.*busy.*\$PORT"):
        await rehearsal.run()
