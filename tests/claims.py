"""Processes of pytest that share their tests: each file is run by the one that claims it first.

`python -m pytest -p tests.claims --claims DIR` in several processes at once, with an empty DIR and
the same selection, runs each test once. A file is imported by whoever has claimed it, and nobody
waits for the list of all tests. With pytest-xdist each process collects all of them, and sends what
happens in a test to one that only listens, which costs as much as three small tests do; of those
there are many thousands.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

import pytest

_TIMEOUT = re.compile(r"\btimeout\((\d+)")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What it is told."""
    parser.addoption("--claims", type=Path, help="the folder of claims on files of tests")


def pytest_configure(config: pytest.Config) -> None:
    """Without a folder pytest goes its own way."""
    folder: Path | None = config.getoption("claims")
    if folder is not None and not config.option.collectonly:
        config.pluginmanager.register(Claims(folder))


class Claims:
    """The files of one process, and their tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[pytest.Item | pytest.Collector] | None = None

    def pytest_collection(self, session: pytest.Session) -> bool:
        """The files alone: whoever has claimed one collects its tests."""
        session.perform_collect(files_of_tests(session.config.args), genitems=False)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item | pytest.Collector]) -> None:
        """What comes first are the files, of which nothing tells yet whether they are selected."""
        if self._files is None:
            self._files = items[:]
            items.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """As pytest's own, of the tests whose files we claim."""
        session.testscollected = 0
        # What follows decides which fixtures a test leaves: so a file is claimed one test before.
        following: Iterable[pytest.Item | None] = chain(self._claimed(session), [None])
        for item, next_one in pairwise(following):
            assert item is not None
            session.testscollected += 1
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=next_one)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
        return True

    def _claimed(self, session: pytest.Session) -> Iterator[pytest.Item]:
        """The tests of our files, each claimed when its turn comes."""
        for file in self._files or ():
            if claim(file.nodeid, self._folder):
                items = list(session.genitems(file))
                session.config.hook.pytest_collection_modifyitems(
                    session=session, config=session.config, items=items
                )
                yield from items


def files_of_tests(where: Sequence[str]) -> list[str]:
    """Those in folders, or named themselves: first whoever may take long, and of these the largest
    files."""
    files = [
        file
        for each in where
        for file in (sorted(Path(each).rglob("test_*.py")) if Path(each).is_dir() else [each])
    ]
    return sorted(map(str, files), key=_length, reverse=True)


def _length(file: str) -> tuple[int, int]:
    text = Path(file.partition("::")[0]).read_text()
    return max(map(int, _TIMEOUT.findall(text)), default=0), len(text)


def claim(file: str, folder: Path) -> bool:
    """Whether nobody else has claimed it, in this folder."""
    try:
        os.close(os.open(folder / file.replace("/", "."), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
