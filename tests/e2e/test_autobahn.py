"""Autobahn's fuzzing client finds nothing through the proxy that it does not find without.

TESTS_AUTOBAHN=full runs every case, sizes and compression included (about ten minutes).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e import autobahn
from tests.e2e.autobahn import Report, Verdict
from tests.e2e.process import accepts, sidecar, started

FULL = os.environ.get("TESTS_AUTOBAHN") == "full"
# Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing; some of each kind of deflate.
QUICK = [
    *("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"),
    *("12.1.1", "12.1.6", "12.2.1", "12.3.1", "12.5.1"),
    *("13.1.1", "13.3.1", "13.5.1", "13.7.1", "13.7.6"),
]
CASES = ["*"] if FULL else QUICK
LIMIT = 1500.0 if FULL else 100.0
RETRIES = 3


@pytest.fixture
def wstest() -> str:
    program, why_not = autobahn.find_wstest()
    if not program:
        pytest.skip(why_not)
    return program


@pytest.fixture
def servers() -> Iterator[tuple[int, int]]:
    """The port of an echo server, and that of a proxy in front of it."""
    (app,) = free_ports(1)
    echo = ("tests.e2e.websocket_echo", str(app))
    with started(*echo, ready=lambda: accepts(app)), sidecar(f"127.0.0.1:{app}") as running:
        yield app, running.port


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
