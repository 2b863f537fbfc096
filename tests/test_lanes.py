"""Every test runs in one lane, and none is lost between them."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.lanes import NO_TESTS, Lane, lanes, worst

# No plugin has a say in what a lane takes; to import them takes longer than these tests.
BARE = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

ALONE = """
import pytest

def test_that_computes() -> None: ...

@pytest.mark.slow
def test_that_takes_long() -> None: ...

@pytest.mark.alone
def test_that_measures() -> None: ...

@pytest.mark.alone
@pytest.mark.slow
def test_that_measures_for_long() -> None: ...
"""


def selected(lane: Lane, *, slow: bool) -> list[str]:
    """The names of tests that a lane takes, as pytest lists them."""
    select = ("-m", lane.selection(slow))
    command = (sys.executable, "-m", "pytest", "-q", "--collect-only", *select, *lane.where)
    done = subprocess.run(command, cwd=ROOT, env=BARE, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 5), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.parametrize(
    ("slow", "names"),
    [
        (False, {"test_that_computes", "test_that_measures"}),
        pytest.param(
            True,
            {
                *("test_that_computes", "test_that_takes_long"),
                *("test_that_measures", "test_that_measures_for_long"),
            },
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_test_is_in_one_lane_and_slow_ones_are_in_the_thorough_run_only(
    slow: bool, names: set[str], tmp_path: Path
) -> None:
    (tmp_path / "test_some.py").write_text(ALONE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    alone\n")

    # One file is in the folders of one of the first two lanes.
    where = (str(tmp_path / "test_some.py"),)
    chosen = [lane._replace(where=where) for lane in lanes(2)[1:]]
    taken = [name for lane in chosen for name in selected(lane, slow=slow)]

    assert Counter(taken) == Counter(f"test_some.py::{name}" for name in names)


def test_the_folders_of_the_lanes_are_all_there_are() -> None:
    computing, waiting, alone = lanes(2)
    holding = {
        path.relative_to(ROOT).parts[1]
        for path in (ROOT / "tests").rglob("test_*.py")
        if "__pycache__" not in path.parts
    }
    named = [path.removeprefix("tests/") for path in (*computing.where, *waiting.where)]

    assert holding <= set(named)
    assert max(Counter(named).values()) == 1
    for file in alone.where:
        assert "mark.alone" in (ROOT / file).read_text()
    assert "tests/e2e/test_fairness.py" in alone.where


SHARED = """
import os
import pytest

@pytest.fixture(scope="module")
def once():
    print("begins", __file__, flush=True)
    yield
    print("ends", __file__, flush=True)

@pytest.mark.parametrize("number", range(3))
def test_something(once, number):
    print("ran", __name__, number, flush=True)

@pytest.mark.slow
def test_that_nobody_asked_for():
    print("ran", __name__, 9, flush=True)
"""


def test_processes_share_the_tests_and_each_is_run_once(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n")
    claims = tmp_path / "claims"
    claims.mkdir()
    files = [tmp_path / f"test_{name}.py" for name in ("one", "two", "three", "four")]
    for file in files:
        file.write_text(SHARED)
    command = (sys.executable, "-m", "pytest", "-q", "-s", "-m", "not slow", "-p", "tests.claims")
    processes = [
        subprocess.Popen(
            (*command, "--claims", claims, *files),
            cwd=ROOT,
            env=BARE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in processes]

    # On a busy machine one may come when nothing is left.
    assert {0} <= {process.returncode for process in processes} <= {0, NO_TESTS}
    lines = Counter(re.findall(r"ran test_\S+ \d|begins \S+|ends \S+", "".join(said)))
    assert set(lines.values()) == {1}
    assert len(lines) == len(files) * (3 + 2)


def test_a_file_that_cannot_be_imported_makes_the_run_fail(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()
    claims = tmp_path / "claims"
    claims.mkdir()
    files = [tmp_path / f"test_{name}.py" for name in ("good", "bad")]
    files[0].write_text("def test_something():\n    pass\n")
    files[1].write_text("import nothing_of_that_name\n")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "tests.claims", "--claims", claims)
    done = subprocess.run(
        (*command, *files), cwd=ROOT, env=BARE, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout
    assert "nothing_of_that_name" in done.stdout


def test_a_process_that_fails_makes_the_lane_fail_and_one_without_tests_does_not() -> None:
    assert worst([0, NO_TESTS, 1]) == 1
    assert worst([2, 1, 0]) == 2
    assert worst([NO_TESTS, 0]) == 0
    assert worst([NO_TESTS, NO_TESTS]) == NO_TESTS
