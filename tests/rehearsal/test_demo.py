"""The whole demo: processes, clients, a drain, and a verdict that can be relied on."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from time import monotonic, sleep

import pytest
from rich.console import Console

from drainproxy.rehearsal.crowd import Size
from drainproxy.rehearsal.demo import Plan, drain, perform
from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.scene import Timing
from drainproxy.rehearsal.story import Story
from drainproxy.rehearsal.table import rows

QUICK = Plan(
    size=Size(
        requests=4,
        calls=3,
        downloads=4,
        streams=3,
        grpc_streams=2,
        sockets=5,
        connections=2,
        shortest=2.4,
        longest=2.8,
    ),
    timing=Timing(delay=0.3, quiet=0.3, spread=0.6, timeout=15.0),
    before=0.2,
    after=0.2,
)


def recorder() -> tuple[Console, StringIO]:
    text = StringIO()
    return Console(file=text, width=120), text


async def test_a_drain_in_the_middle_of_all_work_loses_nothing() -> None:
    console, text = recorder()

    exit_code = await perform(QUICK, console)

    printed = text.getvalue()
    assert exit_code == 0, printed
    assert "Nothing was lost." in printed
    for step in ("at work", "SIGTERM to", "announced: ", "leaving: ", "closed: ", "is gone"):
        assert step in printed
    # kind, in flight, finished, said goodbye, cut, lost
    table = {
        cells[0]: cells[1:] for cells in re.findall(r"│ ([\w/.]+) +" + r"│ +(\d+) " * 5, printed)
    }
    assert table["WebSocket"] == ("5", "0", "5", "0", "0")
    assert table["SSE"] == ("3", "0", "3", "0", "0")
    assert table["TCP"] == ("2", "2", "0", "0", "0")
    for kind, least in (("HTTP/1.1", 4), ("gRPC", 2)):
        in_flight, finished, *others = map(int, table[kind])
        assert least <= in_flight <= finished
        assert others == [0, 0, 0]


async def test_the_sidecar_goes_as_soon_as_the_last_client_is_served() -> None:
    outcome = await drain(QUICK, Story(Console(quiet=True)))

    assert outcome.exit_code == 0
    assert outcome.served <= outcome.seconds < outcome.served + 3
    # Each of the clients that could be told was told, once.
    assert outcome.goodbyes == {"http1": 4, "grpc": 3, "sse": 3, "websocket": 5, "tcp": 0}
    assert sum(row.in_flight or 0 for row in rows(outcome)) >= 16


async def test_where_nothing_drains_much_is_lost_and_the_demo_says_so() -> None:
    console, text = recorder()

    exit_code = await perform(replace(QUICK, signal=signal.SIGKILL), console)

    printed = text.getvalue()
    assert exit_code == 1
    assert "the sidecar was ended by signal 9" in printed
    assert "the sidecar left no report" in printed
    for kind in ("SSE: 3 lost", "WebSocket: 5 lost", "TCP: 2 lost"):
        assert kind in printed
    # Both streams, and the calls that were under way.
    assert sum(map(int, re.findall(r"gRPC: (\d+) lost", printed))) >= 2
    assert "Nothing was lost." not in printed


async def test_who_is_cut_at_the_deadline_is_lost() -> None:
    timing = replace(QUICK.timing, timeout=1.2)

    outcome = await drain(replace(QUICK, timing=timing), Story(Console(quiet=True)))

    cut = {row.kind: (row.cut, row.lost) for row in rows(outcome)}
    assert cut["sse"] == (0, 0), "it has been told before"
    assert cut["tcp"] == (2, 2)
    assert cut["grpc"] == (2, 2)
    assert outcome.report is not None
    assert outcome.report["verdict"].startswith("cut ")


async def test_a_sidecar_that_does_not_come_up_is_reported_with_its_own_words() -> None:
    timing = replace(QUICK.timing, timeout=-1.0)

    with pytest.raises(StartFailed, match=r"(?s)first sidecar exited 78.*drain-timeout"):
        await drain(replace(QUICK, timing=timing), Story(Console(quiet=True)))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_leaves_nothing_behind(
    number: signal.Signals, code: int, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with (tmp_path / "said").open("w+") as said:
        demo = subprocess.Popen(
            [sys.executable, "-u", "-m", "drainproxy.rehearsal"],
            cwd=root,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            give_up = monotonic() + 30
            while "at work" not in Path(said.name).read_text():
                assert monotonic() < give_up
                sleep(0.02)
            children = children_of(demo.pid)
            assert len(children) == 3
            demo.send_signal(number)
            assert demo.wait(30) == code
            assert "Traceback" not in Path(said.name).read_text()
            assert what_is_left(children, folder) == []
        finally:
            demo.kill()
            demo.wait()


def what_is_left(pids: list[str], folder: Path) -> list[Path]:
    processes = [Path("/proc", pid) for pid in pids]
    return [*filter(Path.exists, processes), *folder.iterdir()]


def children_of(pid: int) -> list[str]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [child for thread in threads for child in (thread / "children").read_text().split()]
