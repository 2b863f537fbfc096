"""Processes of pytest that share their tests: each file is run by the one that claims it first.

`python -m pytest -p tests.claims --claims DIR` in several processes at once, with an empty DIR and
the same selection, runs each test once. pytest-xdist sends what happens in a test to a process that
only listens, which costs as much as three small tests do, and of those there are many thousands.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from time import monotonic, sleep

import pytest

# In seconds; whoever has waited so long collects beside the first.
LONGEST_COLLECTION = 60
COLLECTED = "collected"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What it is told."""
    parser.addoption("--claims", type=Path, help="the folder of claims on files of tests")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """In a new clone the first process compiles all tests; the others find them compiled."""
    folder: Path | None = session.config.getoption("claims")
    if folder is None:
        return (yield)
    if claim("collection", folder):
        try:
            return (yield)
        finally:
            (folder / COLLECTED).touch()
    until = monotonic() + LONGEST_COLLECTION
    while not (folder / COLLECTED).exists() and monotonic() < until:
        sleep(0.1)
    return (yield)


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
