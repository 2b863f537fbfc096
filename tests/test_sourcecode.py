"""Lint, format and types are tests too: one command says whether a change is good."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LONGEST_FILE = 450

# Where packages come from is the business of the machine that installs them. In pieces, because
# this file is searched as well.
REGISTRIES = [
    f"{name}.{top}"
    for top, names in {
        "org": ("pypi", "pythonhosted", "npmjs", "anaconda", "rubygems"),
        "io": ("crates",),
        "com": ("yarnpkg",),
    }.items()
    for name in names
]

NOT_OURS = {"__pycache__", "build", "dist", "node_modules", "venv"}


def files(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """The files of the repository; what tools leave behind begins with a dot or is in NOT_OURS."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (path.name in {".ci", ".github"} or not path.name.startswith(".")):
            if path.name not in NOT_OURS and not path.name.endswith(".egg-info"):
                yield from files(path, pattern)
        elif path.is_file() and path.match(pattern):
            yield path


def python_files(root: Path) -> Iterator[Path]:
    for folder in ("drainproxy", "tests", "loadtests", ".ci"):
        if (root / folder).is_dir():
            yield from files(root / folder, "*.py")


@pytest.mark.timeout(300)  # mypy without a cache, on a busy machine
@pytest.mark.parametrize("command", ["ruff check", "ruff format --check --diff", "mypy", "typos"])
def test_the_tools_have_nothing_to_say(command: str, root: Path) -> None:
    name, *options = command.split()
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *options],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{command}\n{done.stdout}{done.stderr}", pytrace=False)


def test_every_module_says_what_it_is(root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for path in files(root / "drainproxy", "*.py")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_a_file_that_grows_too_long_is_divided(root: Path) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in python_files(root)}
    too_long = {
        str(path.relative_to(root)): length
        for path, length in lengths.items()
        if length > LONGEST_FILE
    }
    assert too_long == {}


def test_no_file_names_a_package_registry(root: Path) -> None:
    named = [
        f"{path.relative_to(root)}: {host}"
        for path in files(root)
        for host in REGISTRIES
        if host.encode() in path.read_bytes().lower()
    ]
    assert named == []


def test_the_lock_holds_hashes_and_no_addresses(root: Path) -> None:
    lock = (root / "constraints.txt").read_text()
    entries = lock.replace("\\\n", "").splitlines()

    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in lock


def test_the_lock_holds_what_the_project_asks_for(root: Path) -> None:
    lock = (root / "constraints.txt").read_text()
    locked = dict(
        line.split(" ")[0].split("==") for line in lock.splitlines() if not line.startswith(" ")
    )
    asked_for = tomllib.loads((root / "pyproject.toml").read_text())
    project = asked_for["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *asked_for["dependency-groups"].values(),
    ]

    stale = [
        str(asked)
        for asked in map(
            Requirement, {text for group in groups for text in group if isinstance(text, str)}
        )
        if not asked.specifier.contains(locked.get(canonicalize_name(asked.name), "0"))
    ]

    assert stale == [], "run `make lock`"


# Python that runs between fork and exec (the loop's own subprocesses, preexec_fn) finds locks that
# threads of gRPC held, and the parent waits for it without hearing a signal: no timeout ends that.
UNSAFE_STARTS = ("create_subprocess_exec", "create_subprocess_shell", "preexec_fn", "fork")


def test_processes_are_started_without_python_between_fork_and_exec(root: Path) -> None:
    without_threads = {root / "tests/e2e" / name for name in ("child_app.py", "preloaded.py")}
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in python_files(root)
        if path not in without_threads and any(name in path.read_text() for name in UNSAFE_STARTS)
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in UNSAFE_STARTS)
        or (isinstance(node, ast.keyword) and node.arg in UNSAFE_STARTS)
    ]
    assert found == []


# Before Python 3.11.5 a possessive group goes on in the middle of what has failed in it
# (python/cpython#100061). That of a single character or set is right everywhere. A bracket that is
# opened just before stands in a set.
POSSESSIVE_GROUP = re.compile(r"(?<![(\\])\)(?:[*+?]|\{\d*,?\d*\})\+")


def test_no_pattern_repeats_a_group_possessively_where_old_pythons_do_that_wrong(
    root: Path,
) -> None:
    # It has a way without them.
    guarded = root / "drainproxy/manifests/plain.py"
    found = [
        f"{path.relative_to(root)}: {line}"
        for path in files(root / "drainproxy", "*.py")
        if path != guarded
        for line in path.read_text().splitlines()
        if POSSESSIVE_GROUP.search(line)
    ]
    assert "POSSESSIVE_WORKS" in guarded.read_text()
    assert found == []
