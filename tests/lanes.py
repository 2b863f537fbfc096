"""All tests, in lanes by what they need of the machine: `python -m tests.lanes [--all] [ARGS]`.

Tests that compute get a process for each core. Those that mostly wait, for clocks, processes and
sockets, get more, and run at the same time: they go first wherever both want a core. The processes
of a lane share its files (tests/claims.py). Tests that measure, or that load the machine, run alone
and last. ARGS go to pytest.

What is marked `slow` runs with --all only, where Hypothesis also tries more: that is the nightly
run. What is marked `alone` is the last lane; a folder decides between the other two.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import IO, NamedTuple

from tests.claims import files_of_tests
from tests.conftest import ROOT, says_alone

WAITING = ("tests/e2e", "tests/loadtests", "tests/rehearsal")
# They would be of the tests of all processes.
NO_PERCENT = ("-o", "console_output_style=classic")
THOROUGH = ("--hypothesis-profile=thorough", "--timeout=900")
THOROUGH_SETTINGS = {"TESTS_AUTOBAHN": "full", "TESTS_AGING": "60"}
# In seconds: how often is said how far a lane is.
SAID_EVERY = 30
# What pytest exits with when no test was selected: a lane may be empty where ARGS select tests.
NO_TESTS = 5


class Lane(NamedTuple):
    """Tests that so many `processes` share, each of which runs one after the other."""

    name: str
    marks: str
    where: Sequence[str]
    processes: int = 1
    # Others go first.
    patient: bool = False

    def selection(self, slow: bool) -> str:
        """Which of the tests in its folders it takes, by their marks."""
        return self.marks if slow else f"{self.marks} and not slow"

    def command(self, slow: bool, arguments: Sequence[str], claims: str = "") -> list[str]:
        """pytest, for this lane; `claims`: the folder in which its processes claim tests."""
        nice = ("nice", "-n", "10") if self.patient and shutil.which("nice") else ()
        python = (*nice, sys.executable, "-m", "pytest", "-q", "-m", self.selection(slow))
        shared = ("-p", "tests.claims", "--claims", claims, *NO_PERCENT) if claims else ()
        thorough = THOROUGH if slow else ()
        return [*python, *shared, *thorough, *arguments, *self.where]


class Lanes(NamedTuple):
    """The two that run at the same time, and the one behind them."""

    computing: Lane
    waiting: Lane
    alone: Lane


def lanes(cores: int) -> Lanes:
    """For a machine with so many cores."""
    tests = (ROOT / "tests").iterdir()
    names = (path for path in tests if (path / "__init__.py").exists() or path.match("test_*.py"))
    paths = sorted(str(path.relative_to(ROOT)) for path in names)
    return Lanes(
        Lane(
            "computing",
            "not alone",
            [path for path in paths if path not in WAITING],
            processes=cores,
            patient=True,
        ),
        Lane("waiting", "not alone", WAITING, processes=2 * cores),
        Lane("alone", "alone", files_with_tests_alone()),
    )


def files_with_tests_alone() -> list[str]:
    """To collect all others as well would take longer than some of these tests."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in tests if says_alone(path)]


def environment() -> dict[str, str]:
    """Ours, but for two settings. What is compiled is kept: else each of some 500 sidecars would
    compile the package again, and each worker all tests. What is printed is buffered: else an app
    writes a line in pieces, and what the sidecar writes to the same log stands between them."""
    others = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    return {key: text for key, text in os.environ.items() if key not in others}


class Run:
    """What the lanes have ended with."""

    def __init__(self, slow: bool, arguments: Sequence[str]) -> None:
        self._slow, self._arguments = slow, arguments
        self._environment = environment() | (THOROUGH_SETTINGS if slow else {})
        self.codes: dict[str, int] = {}

    def run(self, lane: Lane) -> None:
        """To its end, in sight."""
        print(f"\n{lane.name}: {' '.join(lane.where)}", flush=True)
        began = monotonic()
        command = lane.command(self._slow, self._arguments)
        done = subprocess.run(command, cwd=ROOT, env=self._environment, check=False)
        self._ended(lane, done.returncode, began)

    @contextmanager
    def beside(self, lane: Lane) -> Iterator[None]:
        """While the block runs; it is shown when both are over."""
        with tempfile.TemporaryDirectory() as claims, ExitStack() as files:
            began = monotonic()
            command = lane.command(self._slow, self._arguments, claims)
            said = [files.enter_context(tempfile.TemporaryFile()) for _ in range(lane.processes)]
            running = [self._start(command, into) for into in said]
            try:
                yield
                for process in running:
                    while not _ends(process, SAID_EVERY):
                        _say_progress(lane, Path(claims), began)
            finally:
                for process in running:
                    process.terminate()
                    process.wait()
            print(f"\n{lane.name}: {' '.join(lane.where)}", flush=True)
            for each in said:
                each.seek(0)
                sys.stdout.buffer.write(each.read())
            self._ended(lane, worst(process.returncode for process in running), began)

    def _start(self, command: Sequence[str], into: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=into, stderr=subprocess.STDOUT
        )

    def _ended(self, lane: Lane, code: int, began: float) -> None:
        self.codes[lane.name] = code
        print(f"{lane.name}: {monotonic() - began:.0f} s, exit code {code}", flush=True)


def _ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it ends within so many."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _say_progress(lane: Lane, claims: Path, began: float) -> None:
    begun = len(os.listdir(claims))
    of = len(files_of_tests(lane.where))
    print(f"{lane.name}: {begun} of {of} files begun in {monotonic() - began:.0f} s", flush=True)


def worst(codes: Iterable[int]) -> int:
    """The first exit code that says that something failed, else that of one which ran tests."""
    seen = list(codes)
    failed = (code for code in seen if code not in (0, NO_TESTS))
    return next(failed, min(seen))


def main(arguments: list[str]) -> int:
    """0 if every lane passed, else the first exit code that was not 0."""
    rest = [argument for argument in arguments if argument != "--all"]
    computing, waiting, alone = lanes(min(os.cpu_count() or 2, 4))
    run = Run("--all" in arguments, rest)
    with run.beside(computing), run.beside(waiting):
        pass
    run.run(alone)
    failed = [name for name, code in run.codes.items() if code not in (0, NO_TESTS)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return worst(run.codes.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
