"""What each test file runs by itself of the modules it is to prove, in one run of all of them.

`python -m tests.own_proof REPORT TEST=MODULE ...` runs the tests under branch coverage, with the
test file as coverage's context, and writes for each pair what TEST leaves out of MODULE.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import coverage
import pytest
from coverage.exceptions import NoDataError

# Modules are imported once for all, so what runs then counts for everybody who imports them.
_IMPORT = "import"
# Tracing makes much input many times as slow, and it reaches no other branch. What is slow does not
# run on a push.
_MARKS = "not amount and not slow"
_PYTEST = ("-q", "-p", "no:cacheprovider", "-m", _MARKS, "--hypothesis-profile=coverage")


class Contexts:
    """A plugin of pytest's that names the file whose test is running to coverage.

    What pytest does by itself is not traced: that takes several times as long as without. Nor are
    the files of tests while they are imported, so what they call by then proves nothing.
    """

    def __init__(self, measuring: coverage.Coverage, modules: Sequence[str]) -> None:
        self._measuring = measuring
        self._file = ""
        measuring.start()
        self._trace: Any = sys.gettrace()
        measuring.switch_context(_IMPORT)
        for module in modules:
            import_module(module.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        sys.settrace(None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Before a test and its fixtures."""
        file = item.nodeid.partition("::")[0]
        # Each switch writes all that was seen since the one before.
        if file != self._file:
            self._file = file
            self._measuring.switch_context(file)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self) -> Iterator[None]:
        """What a fixture does before it is used."""
        return (yield from self._traced())

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Iterator[None]:
        """What a test does."""
        return (yield from self._traced())

    def _traced(self) -> Iterator[None]:
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)


def main(report: Path, pairs: list[tuple[str, str]]) -> int:
    """The exit code of pytest; `report` holds for each module its missing lines and branches, or
    null where its test has not run it."""
    tests = sorted({test for test, _ in pairs})
    with tempfile.TemporaryDirectory() as folder:
        measuring = coverage.Coverage(
            data_file=str(Path(folder, "data")),
            branch=True,
            include=[module for _, module in pairs],
        )
        traced = Contexts(measuring, [module for _, module in pairs])
        code = pytest.main([*_PYTEST, *tests], plugins=[traced])
        measuring.stop()
        missing = {
            module: _missing(measuring, module, test, Path(folder)) for test, module in pairs
        }
    report.write_text(json.dumps(missing))
    return code


def _missing(measuring: coverage.Coverage, module: str, test: str, folder: Path) -> Any:
    out = folder / "report.json"
    ran_by = [f"^{context}$" for context in (test, _IMPORT)]
    try:
        measuring.json_report(morfs=[module], contexts=ran_by, outfile=str(out))
    except NoDataError:
        return None
    (seen,) = json.loads(out.read_text())["files"].values()
    return {"lines": seen["missing_lines"], "branches": seen["missing_branches"]}


if __name__ == "__main__":
    split = [tuple(pair.split("=")) for pair in sys.argv[2:]]
    sys.exit(main(Path(sys.argv[1]), [(test, module) for test, module in split]))
