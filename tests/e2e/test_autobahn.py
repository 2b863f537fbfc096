"""Autobahn's fuzzing client finds nothing through the proxy that it does not find without.

DRAINPROXY_AUTOBAHN=full runs every case, sizes and compression included (about ten minutes).
"""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.e2e import autobahn
from tests.e2e.autobahn import Report, Verdict

FULL = os.environ.get("DRAINPROXY_AUTOBAHN") == "full"
# Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing; some of each kind of deflate.
QUICK = [
    *("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"),
    *("12.1.1", "12.1.6", "12.2.1", "12.3.1", "12.5.1"),
    *("13.1.1", "13.3.1", "13.5.1", "13.7.1", "13.7.6"),
]
CASES = ["*"] if FULL else QUICK
LIMIT = 1500.0 if FULL else 100.0
PATIENCE = 15.0
RETRIES = 3


@contextmanager
def running(ready: Callable[[int], bool], port: int, *arguments: str) -> Iterator[None]:
    """A Python process, from when its port is `ready` to when it is killed; it never just ends."""
    # The settings of whoever runs the tests, and the names of this test, are not the sidecar's.
    env = {name: value for name, value in os.environ.items() if not name.startswith("DRAINPROXY_")}
    process = subprocess.Popen([sys.executable, "-m", *arguments], env=env)
    try:
        end = monotonic() + PATIENCE
        while not ready(port):
            assert process.poll() is None, f"{arguments[0]} did not start"
            assert monotonic() < end, f"nothing answers on port {port}"
            sleep(0.05)
        yield
        assert process.poll() is None, f"{arguments[0]} ended by itself"
    finally:
        process.kill()
        process.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; held until all are known, so that they differ."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def reachable(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def started(admin: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/startupz", timeout=1):
            return True
    except (OSError, urllib.error.URLError):
        return False


@pytest.fixture
def wstest() -> str:
    program, why_not = autobahn.find_wstest()
    if not program:
        pytest.skip(why_not)
    return program


@pytest.fixture
def servers() -> Iterator[tuple[int, int]]:
    """The port of an echo server, and that of a proxy in front of it."""
    app, proxy, admin = free_ports(3)
    echo = ("tests.e2e.websocket_echo", str(app))
    forward = ("--forward", f"127.0.0.1:{proxy}=127.0.0.1:{app}")
    sidecar = ("drainproxy", "run", *forward, "--admin", f"127.0.0.1:{admin}")
    with running(reachable, app, *echo), running(started, admin, *sidecar):
        yield app, proxy


@pytest.mark.timeout(2 * LIMIT)
def test_no_case_of_autobahn_goes_worse_through_the_proxy(
    wstest: str, servers: tuple[int, int], tmp_path: Path
) -> None:
    alone, through = autobahn.fuzz_both(wstest, servers, CASES, tmp_path / "first", LIMIT)
    passed = [case for case, verdict in alone.items() if verdict.behavior == "OK"]
    assert len(passed) > 0.8 * len(alone) > 200, "the app alone is not fit to compare with"

    # How bytes are cut decides in some cases whether the app answers before it fails, and on a
    # busy machine any case may time out. What the proxy does wrong, it does every time.
    for attempt in range(RETRIES):
        suspects = autobahn.worse(through, alone)
        if not suspects:
            break
        folder = tmp_path / f"again-{attempt}"
        alone, through = autobahn.fuzz_both(wstest, servers, suspects, folder, LIMIT)

    assert {case: through.get(case) for case in autobahn.worse(through, alone)} == {}


def test_a_case_is_worse_by_its_behavior_or_by_its_close_or_if_it_is_missing() -> None:
    good = Verdict("OK", "OK")
    alone = dict.fromkeys(["same", "better", "behavior", "close", "missing", "unheard"], good)
    alone["better"] = Verdict("NON-STRICT", "UNCLEAN")
    through: Report = {
        "same": good,
        "better": good,
        "behavior": Verdict("NON-STRICT", "OK"),
        "close": Verdict("OK", "FAILED"),
        "unheard": Verdict("OK", "EXPLODED"),
    }
    assert autobahn.worse(through, alone) == ["behavior", "close", "missing", "unheard"]
