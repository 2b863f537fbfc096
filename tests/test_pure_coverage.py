"""Each module of a pure room is proved by the test file that bears its name, and by that alone.

`drainproxy/wire/http1.py` is run by `tests/wire/test_http1.py` under branch coverage: every line
and every branch, or the missing ones are named. Nothing that another test happens to touch counts.
"""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import ROOT

PURE = ("wire", "drain")


def has_code(module: Path) -> bool:
    """Whether there is more than a docstring, imports and a list of names."""
    for statement in ast.parse(module.read_text()).body:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
        return True
    return False


def mirror(module: Path) -> Path:
    """The test file of a module, both relative to the root."""
    name = module.parent.name if module.stem == "__init__" else module.stem
    return Path("tests", *module.parent.parts[1:], f"test_{name}.py")


def run(*command: str, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def complaint(module: Path, folder: Path, root: Path = ROOT) -> str:
    """What is wrong with the proof of `module`; empty if nothing is. `folder` takes the data."""
    test = mirror(module)
    if not (root / test).exists():
        return f"{module} has no test of its own: {test} is missing"
    data = {"COVERAGE_FILE": str(folder / "data")}
    done = run(
        *("coverage", "run", "--branch", f"--include={module}"),
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=coverage"),
        str(test),
        root=root,
        **data,
    )
    if done.returncode:
        return f"{test} fails\n{done.stdout}{done.stderr}"
    report = folder / "report.json"
    done = run("coverage", "json", "-q", "-o", str(report), root=root, **data)
    if done.returncode:
        return f"{test} does not run {module}: {done.stdout}{done.stderr}"
    (measured,) = json.loads(report.read_text())["files"].values()
    lines, branches = measured["missing_lines"], measured["missing_branches"]
    if not lines and not branches:
        return ""
    return f"{test} leaves out of {module}: lines {lines}, branches {branches}"


def modules() -> list[Path]:
    found = (path for room in PURE for path in (ROOT / "drainproxy" / room).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if has_code(path))


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Future[str]]]:
    """All runs, two at a time, begun when the first test asks."""
    with ThreadPoolExecutor(2) as pool:
        yield {
            module: pool.submit(complaint, module, tmp_path_factory.mktemp(module.stem))
            for module in modules()
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(300)  # waits for its turn
@pytest.mark.parametrize("module", modules(), ids=str)
def test_every_branch_is_reached_by_its_own_test(
    module: Path, complaints: dict[Path, Future[str]]
) -> None:
    if problem := complaints[module].result():
        pytest.fail(problem, pytrace=False)


ANSWER = '''\
"""A module."""

def answer(question: str) -> int:
    if question:
        return 42
    return 0
'''
ASKS = "from drainproxy.wire.answer import answer\n\ndef test_it() -> None:\n    "


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for package in ("drainproxy", "drainproxy/wire", "tests", "tests/wire"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "drainproxy/wire/answer.py").write_text(ANSWER)
    (tmp_path / "tests/conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    return tmp_path


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        (None, "has no test of its own"),
        ("assert answer('?') == 41", "fails"),
        ("assert answer('?') == 42", "lines [6], branches [[4, 6]]"),
        ("assert answer('?') + answer('') == 42", ""),
    ],
)
def test_a_proof_with_a_hole_is_told_from_a_whole_one(
    test: str | None, problem: str, house: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    module = Path("drainproxy/wire/answer.py")
    if test is not None:
        (house / mirror(module)).write_text(f"{ASKS}{test}\n")

    found = complaint(module, tmp_path_factory.mktemp("data"), house)

    assert problem in found
    assert bool(problem) == bool(found)


def test_a_module_that_is_never_imported_is_not_proved(
    house: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    module = Path("drainproxy/wire/answer.py")
    (house / mirror(module)).write_text("def test_nothing() -> None:\n    pass\n")

    assert "does not run" in complaint(module, tmp_path_factory.mktemp("data"), house)


@pytest.mark.parametrize(
    ("source", "code"),
    [('"""Words."""\nfrom a import b\n__all__ = ["b"]\n', False), ("if b:\n    c = 1\n", True)],
)
def test_a_file_of_names_alone_needs_no_proof(source: str, code: bool, tmp_path: Path) -> None:
    module = tmp_path / "__init__.py"
    module.write_text(source)
    assert has_code(module) is code
