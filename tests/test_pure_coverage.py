"""Each module of a pure room is proved by the test file that bears its name, and by that alone.

`drainproxy/wire/http1.py` is run by `tests/wire/test_http1.py` under branch coverage: every line
and every branch, or the missing ones are named. Nothing that another test happens to touch counts.
"""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

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


def imported(test: Path) -> set[str]:
    """The names of all modules that a file imports or imports from, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(test.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


class Proofs(NamedTuple):
    """One run of the tests: what was printed, and by module what its own test leaves out."""

    failed: bool
    output: str
    missing: dict[str, Any]


def proofs(modules: Sequence[Path], folder: Path, root: Path = ROOT) -> Proofs:
    """All tests of these modules in one process; `folder` takes the report."""
    report = folder / "report.json"
    pairs = [f"{mirror(module)}={module}" for module in modules if (root / mirror(module)).exists()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.own_proof", str(report), *pairs],
        cwd=root,
        # The newer core of coverage (Python 3.12 and up) knows no contexts.
        env=os.environ | {"COVERAGE_CORE": "ctrace"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert report.exists(), done.stdout + done.stderr
    missing: dict[str, Any] = json.loads(report.read_text())
    return Proofs(done.returncode != 0, done.stdout + done.stderr, missing)


def complaint(module: Path, seen: Proofs, root: Path = ROOT) -> str:
    """What is wrong with the proof of `module`; empty if nothing is."""
    test = mirror(module)
    if not (root / test).exists():
        return f"{module} has no test of its own: {test} is missing"
    missing = seen.missing[str(module)]
    name = ".".join(module.with_suffix("").parts).removesuffix(".__init__")
    if missing is None or name not in imported(root / test):
        return f"{test} does not run {module}"
    if not missing["lines"] and not missing["branches"]:
        return ""
    return (
        f"{test} leaves out of {module}: lines {missing['lines']}, branches {missing['branches']}"
    )


def modules() -> list[Path]:
    found = (path for room in PURE for path in (ROOT / "drainproxy" / room).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if has_code(path))


@pytest.fixture(scope="module")
def all_proofs(tmp_path_factory: pytest.TempPathFactory) -> Proofs:
    return proofs(modules(), tmp_path_factory.mktemp("coverage"))


@pytest.mark.timeout(600)  # the first of them runs the tests of all pure rooms
@pytest.mark.parametrize("module", modules(), ids=str)
def test_every_branch_is_reached_by_its_own_test(module: Path, all_proofs: Proofs) -> None:
    if problem := complaint(module, all_proofs):
        pytest.fail(problem, pytrace=False)


@pytest.mark.timeout(600)
def test_the_proofs_of_all_modules_pass(all_proofs: Proofs) -> None:
    if all_proofs.failed:
        pytest.fail(all_proofs.output, pytrace=False)


ANSWER = '''\
"""A module."""

def answer(question: str) -> int:
    if question:
        return 42
    return 0
'''
ASKS = "from drainproxy.wire.{module} import answer\n\ndef test_it() -> None:\n    {test}\n"
# What the test of a module says, and what is wrong with the proof: each is a module of the house.
HOLES: list[tuple[str | None, str]] = [
    (None, "has no test of its own"),
    ("assert answer('?') == 41", "fails"),
    ("assert answer('?') == 42", "lines [6], branches [[4, 6]]"),
    ("assert answer('?') + answer('') == 42", ""),
]
NEVER_IMPORTED = Path("drainproxy/wire/never.py")
PROVED_BY_ANOTHER = Path("drainproxy/wire/other.py")


def module_of(number: int) -> Path:
    return Path(f"drainproxy/wire/answer_{number}.py")


def build(house: Path) -> None:
    """A project with all these modules and their tests."""
    for package in ("drainproxy", "drainproxy/wire", "tests", "tests/wire"):
        (house / package).mkdir()
        (house / package / "__init__.py").touch()
    for file in ("tests/conftest.py", "tests/own_proof.py"):
        (house / file).write_text((ROOT / file).read_text())
    for number, (test, _) in enumerate(HOLES):
        module = module_of(number)
        (house / module).write_text(ANSWER)
        if test is not None:
            (house / mirror(module)).write_text(ASKS.format(module=module.stem, test=test))
    (house / NEVER_IMPORTED).write_text(ANSWER)
    (house / mirror(NEVER_IMPORTED)).write_text("def test_nothing() -> None:\n    pass\n")
    # Its test runs what the proof with the hole leaves out.
    (house / PROVED_BY_ANOTHER).write_text('"""Another."""\n\nNUMBER = 1\n')
    asks = ASKS.format(module=module_of(2).stem, test="assert answer('') == 0")
    (house / mirror(PROVED_BY_ANOTHER)).write_text(asks)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Proofs]:
    """The project, and one run of all its tests."""
    house = tmp_path_factory.mktemp("house")
    build(house)
    modules = [*map(module_of, range(len(HOLES))), NEVER_IMPORTED, PROVED_BY_ANOTHER]
    return house, proofs(modules, tmp_path_factory.mktemp("data"), house)


@pytest.mark.parametrize(("test", "problem"), HOLES)
def test_a_proof_with_a_hole_is_told_from_a_whole_one(
    test: str | None, problem: str, house: tuple[Path, Proofs]
) -> None:
    root, seen = house
    module = module_of(HOLES.index((test, problem)))
    if problem == "fails":
        assert seen.failed
        assert f"{mirror(module)}::test_it" in seen.output
    else:
        found = complaint(module, seen, root)
        assert problem in found
        assert bool(problem) == bool(found)


def test_what_the_test_of_another_module_runs_proves_nothing(house: tuple[Path, Proofs]) -> None:
    root, seen = house
    assert "lines [6], branches [[4, 6]]" in complaint(module_of(2), seen, root)
    assert "does not run" in complaint(PROVED_BY_ANOTHER, seen, root)


def test_a_module_that_is_never_imported_is_not_proved(house: tuple[Path, Proofs]) -> None:
    root, seen = house
    assert "does not run" in complaint(NEVER_IMPORTED, seen, root)


@pytest.mark.parametrize(
    ("source", "code"),
    [('"""Words."""\nfrom a import b\n__all__ = ["b"]\n', False), ("if b:\n    c = 1\n", True)],
)
def test_a_file_of_names_alone_needs_no_proof(source: str, code: bool, tmp_path: Path) -> None:
    module = tmp_path / "__init__.py"
    module.write_text(source)
    assert has_code(module) is code
