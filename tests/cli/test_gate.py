"""`drainproxy gate`: the verdict is the exit code, and what is not said is a hold."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from itertools import count
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, run
from types import SimpleNamespace
from urllib.request import urlopen

import pytest
from click import Context
from click.testing import CliRunner, Result

from drainproxy.cli.gate import canary, gate
from drainproxy.cli.gate_options import rollout
from drainproxy.cli.migration import migration
from drainproxy.extras import install_hint
from drainproxy.rehearsal.ports import free_ports
from drainproxy.rollout.gate.judgement import SignalJudgement
from drainproxy.rollout.gate.look import Rollout
from drainproxy.rollout.gate.report import GateReport

NOBODY = ("--prometheus", "http://127.0.0.1:1")
BOTH = ("--canary", 'version="2"', "--stable", 'version="1"')

# The exit code of a gate that says what its argument is.
SAYS = """
import sys
from drainproxy.cli.gate import _finish
from drainproxy.rollout.gate.report import GateReport
_finish(lambda: GateReport(sys.argv[1], "so"), {"output": "human", "advise": False})
"""

# A gate that serves, and whose name server does not answer.
HANGS = """
import socket, sys, time
from aiohttp import web
from drainproxy.cli import main
known = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **b: (
    time.sleep(60) if host == "slow.invalid" else known(host, *a, **b)
)
started = web.TCPSite.start
async def start(site):
    await started(site)
    print("up", flush=True)
web.TCPSite.start = start
main(["gate", "serve", "--listen", f"127.0.0.1:{sys.argv[1]}", "--timeout", "0.5s",
      "--prometheus", "http://slow.invalid"])
"""


def called(*arguments: str) -> Result:
    return CliRunner().invoke(gate, [*arguments])


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--canary-hash", "", "--stable-hash", "abc"),
        ("--canary-hash", "abc"),
        ("--canary", " ", "--stable", 'a="b"'),
        ("--canary", "{}", "--stable", 'a="b"'),
        ("--canary", 'a="b"', "--stable", 'a="c",hash=""'),
    ],
)
def test_a_version_that_was_not_named_is_a_hold(arguments: tuple[str, ...]) -> None:
    done = called("canary", *arguments)
    assert done.exit_code == 3
    assert done.output.startswith("hold: ")
    assert "--canary" in done.output or "--stable" in done.output


def test_all_looks_count_from_the_same_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, counted = count(1000.0, 100.0), []

    async def looked(_: object, rollout: Rollout, now: float) -> GateReport:
        counted.append((now - rollout.window, now))
        return GateReport("pass" if len(counted) == 3 else "hold", "")

    monkeypatch.setattr("drainproxy.cli.gate.time", SimpleNamespace(time=lambda: next(clock)))
    monkeypatch.setattr("drainproxy.rollout.gate.look.look_at_canary", looked)
    options = ("--window", "5m", "--wait", "1m", "--interval", "0.1s")
    assert called("canary", *BOTH, *options).exit_code == 0
    assert counted == [(700, 1100), (700, 1200), (700, 1300)]


def test_all_gates_look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has the whole --timeout: one after the other they would take several."""
    meeting = asyncio.Barrier(2)

    async def looked(*_: object) -> GateReport:
        async with asyncio.timeout(10):
            await meeting.wait()
        return GateReport("pass", "", [SignalJudgement("errors", "pass", "")])

    for name in ("look_at_canary", "look_at_budget"):
        monkeypatch.setattr(f"drainproxy.rollout.gate.look.{name}", looked)
    assert called("all", *BOTH, "--service", "shop").exit_code == 0


def test_without_an_answer_it_is_a_hold_that_says_what_was_asked() -> None:
    done = called("canary", *BOTH, *NOBODY, "-o", "json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["verdict"], said["signals"]) == (3, "hold", [])
    assert 'drainproxy_requests_total{version="2"}[600s]' in said["queries"]


def test_the_weight_of_the_report_is_in_percent() -> None:
    given = Context(canary, info_name="canary")
    canary.parse_args(given, [*BOTH, "--weight", "5%"])
    assert rollout(given.params).weight == 5


def test_advice_never_fails() -> None:
    assert called("canary", *BOTH, *NOBODY, "--advise").exit_code == 0


def test_whoever_stops_to_wait_has_no_verdict() -> None:
    """With 1 a pipeline would roll back."""
    waits = [sys.executable, "-m", "drainproxy", "gate", "canary", *BOTH, *NOBODY, "--wait", "1m"]
    with Popen(waits, stdout=PIPE, stderr=PIPE, text=True) as gate:
        assert gate.stderr
        assert gate.stdout
        assert gate.stderr.readline().startswith("hold: ")
        gate.send_signal(signal.SIGINT)
        assert gate.wait(30) == 130
        assert gate.stdout.read() == ""


def test_a_server_does_not_wait_for_a_resolver_that_hangs() -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", HANGS, str(port)]
    body = json.dumps({"canary": 'a="b"', "stable": 'a="c"'}).encode()
    with Popen(command, stdout=PIPE, text=True, stderr=DEVNULL) as server:
        assert server.stdout
        assert server.stdout.readline() == "up\n"
        with urlopen(f"http://127.0.0.1:{port}/gate/argo", body, timeout=20) as said:
            assert json.load(said)["reason"].endswith("no answer within 0.5 s")
        server.send_signal(signal.SIGTERM)
        try:
            assert server.wait(15) == 0
        finally:
            server.kill()


@pytest.mark.parametrize("options", [(), ("--advise",)])
def test_an_accident_is_a_hold(options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> GateReport:
        raise RuntimeError("no such thing")

    monkeypatch.setattr("drainproxy.rollout.gate.look.look_at_canary", broken)
    done = called("canary", *BOTH, *options)
    assert done.exit_code == (0 if options else 3)
    assert "RuntimeError('no such thing')" in done.stdout
    assert "Traceback" in done.stderr


def test_a_slip_while_versions_are_named_is_no_version_that_nobody_has_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slip(*_: object) -> str:
        raise KeyError("hash_label")

    monkeypatch.setattr("drainproxy.rollout.gate.request.matchers", slip)
    done = called("canary", *BOTH)
    assert done.exit_code == 3
    assert "KeyError('hash_label')" in done.stdout
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("verdict", "code"),
    # A Python that fails to write exits with 1 by itself.
    [
        pytest.param("pass", 0, marks=pytest.mark.slow),
        pytest.param("fail", 1, marks=pytest.mark.slow),
        ("hold", 3),
    ],
)
@pytest.mark.parametrize("is_pipe", [True, False])
def test_a_verdict_that_cannot_be_written_stays_the_verdict(
    verdict: str, code: int, is_pipe: bool
) -> None:
    reading, pipe = os.pipe()
    os.close(reading)
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", SAYS, verdict]
        done = run(command, stdout=pipe if is_pipe else full, stderr=PIPE, text=True)
    os.close(pipe)
    assert done.returncode == code
    assert done.stderr.startswith("drainproxy: the verdict cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_resolver_that_hangs_costs_the_timeout_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])
    began = time.monotonic()
    done = called("canary", *BOTH, "--prometheus", "http://slow.invalid", "--timeout", "0.5s")
    took = time.monotonic() - began
    answered.set()
    assert (done.exit_code, took < 15) == (3, True)
    assert "http://slow.invalid: no answer within 0.5 s" in done.output


def test_a_budget_without_an_answer_is_a_hold() -> None:
    assert called("budget", "--service", "shop", *NOBODY).exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("canary", "--canary", "up", "--stable", 'a="b"'), "--canary"),
        (("canary", *BOTH, "--slo", "99.9"), "99.9%"),
        (("canary", *BOTH, "--window", "ten"), "--window"),
        (("canary", *BOTH, "--tolerate", "0.5"), "--tolerate"),
        (("canary", *BOTH, "--tolerate", "nan"), "--tolerate"),
        (("canary", *BOTH, "--tolerate", "inf"), "--tolerate"),
        (("canary", *BOTH, "--header", "nothing"), "Name: value"),
        (("canary", *BOTH, "--header", "a name: 1"), "Name: value"),
        (("canary", *BOTH, "--header", "name: 1\r\nother: 2"), "Name: value"),
        (("canary", *BOTH, "--interval", "0"), "--interval"),
        (("canary", *BOTH, "--timeout", "0s"), "--timeout"),
        (("canary", *BOTH, "--window", "0"), "from 1s to 24h"),
        (("canary", *BOTH, "--window", "25h"), "from 1s to 24h"),
        (("canary", *BOTH, "--weight", "101%"), "--weight"),
        (("canary", *BOTH, "--prometheus", "prometheus:9090"), "--prometheus"),
        (("canary", *BOTH, "--prometheus", "http://a:99999"), "--prometheus"),
        (("canary", "--canary-hash", "1", "--stable-hash", "2", "--hash-label", "a-b"), "a-b"),
        (("serve", "--timeout", "0"), "--timeout"),
        (("serve", "--password-file", "p"), "--user"),
        (("budget", "--service", "shop", "--key-file", "k"), "--cert-file"),
        (("canary", *BOTH, "--bearer-file", "b", "--user", "me"), "--bearer-file"),
        (("all", *BOTH, "--password-file", "p"), "--user"),
        (("budget", "--service", "shop", "--interval", "0s"), "--interval"),
        (("budget", "--service", 'a"b'), "--service"),
        (("budget",), "--service"),
    ],
)
def test_wrong_use_is_exit_code_2_and_names_the_option(
    arguments: tuple[str, ...], named: str
) -> None:
    done = called(*arguments)
    assert done.exit_code == 2
    assert named in done.output


@pytest.mark.parametrize(
    "url",
    ["http://me:secret@127.0.0.1:1", "http://me:secret/@a", "me:secret@a", "http://me:secret@"],
)
@pytest.mark.parametrize("form", ["human", "json"])
def test_a_password_in_the_address_is_not_printed(url: str, form: str) -> None:
    done = called("canary", *BOTH, "--prometheus", url, "-o", form)
    assert done.exit_code in (2, 3)
    assert "secret" not in done.output


def recorded(folder: Path, *steps: str) -> tuple[str, ...]:
    """A record of migrations in which these were taken."""
    path = str(folder / "shop.json")
    for step in steps:
        arguments = (*step.split(), "--version", "7", "--app", "shop", "--state", path)
        done = CliRunner().invoke(migration, arguments)
        assert done.exit_code == 0, done.output
    return "--app", "shop", "--state", path


@pytest.mark.parametrize(("version", "code", "verdict"), [("7", 0, "pass"), ("6", 1, "fail")])
def test_the_record_of_migrations_is_a_gate(
    tmp_path: Path, version: str, code: int, verdict: str
) -> None:
    steps = ("begin expand", "deployed", "begin migrate", "begin contract --contract-after 0s")
    record = recorded(tmp_path, *steps)
    done = called("migration", *record, "--version", version, "-o", "json")
    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (code, verdict)


def test_without_a_record_it_is_a_hold(tmp_path: Path) -> None:
    done = called("migration", *recorded(tmp_path), "--version", "7")
    assert done.exit_code == 3
    assert "nothing is recorded" in done.output


@pytest.mark.parametrize(
    "arguments",
    [("migration", "--version", "7"), ("all", *BOTH, *NOBODY, "--version", "7")],
)
def test_a_library_that_is_missing_is_no_fail(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Whose exit code 1 would make a pipeline roll back."""
    monkeypatch.setitem(sys.modules, "lightkube", None)
    monkeypatch.setitem(sys.modules, "lightkube.core.exceptions", None)
    done = called(*arguments, "--app", "shop", "--namespace", "prod")
    assert done.exit_code == 2
    assert install_hint("kube") in done.output


def test_all_gates_hold_where_one_has_no_data(tmp_path: Path) -> None:
    record = recorded(tmp_path, "begin expand", "deployed")
    done = called("all", *record, "--version", "7", *BOTH, *NOBODY, "-o", "json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["verdict"]) == (3, "hold")
    assert {each["signal"]: each["verdict"] for each in said["signals"]} == {
        "data": "hold",
        "migration": "pass",
    }


@pytest.mark.parametrize(
    "alone", [("--previous", "6"), ("--version", "7"), ("--app", "shop"), ("--app", "")]
)
def test_an_app_and_its_versions_are_given_together(alone: tuple[str, ...]) -> None:
    """An app alone judged no record, and said nothing."""
    done = called("all", *BOTH, *NOBODY, *alone)
    assert done.exit_code == 2
    assert "--app" in done.output
    assert "--version" in done.output
