"""Processes of pytest that share their tests: each file is run by the one that claims it first.

`python -m pytest -p tests.claims --claims DIR` in several processes at once, with an empty DIR and
the same selection, runs each test once. pytest-xdist sends what happens in a test to a process that
only listens, which costs as much as three small tests do, and of those there are many thousands.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """What it is told."""
    parser.addoption("--claims", type=Path, help="the folder of claims on files of tests")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """As pytest's own, of the tests whose files we claim."""
    folder: Path | None = session.config.getoption("claims")
    if folder is None or session.testsfailed or session.config.option.collectonly:
        return None
    # What follows decides which fixtures a test leaves: so a file is claimed one test before.
    following: Iterable[pytest.Item | None] = chain(claimed(session.items, folder), [None])
    for item, next_one in pairwise(following):
        assert item is not None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=next_one)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
    return True


def claimed(items: Iterable[pytest.Item], folder: Path) -> Iterator[pytest.Item]:
    """The tests of our files, each file claimed when its turn comes: where the first of them stands
    in `items`."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    for file, its in files.items():
        if claim(file, folder):
            yield from its


def claim(file: str, folder: Path) -> bool:
    """Whether nobody else has claimed it, in this folder."""
    try:
        os.close(os.open(folder / file.replace("/", "."), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
