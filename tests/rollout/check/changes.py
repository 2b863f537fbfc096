"""Good manifests, and changes that make them bad, or leave them good.

In the new text of a change `# ! ID` stands on the line at which rule ID must find something.
"""

import re
from pathlib import Path

from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.report import CheckReport, check

FOLDER = Path(__file__).parent / "manifests"
GOOD = sorted(path.name for path in FOLDER.iterdir())


class Change:
    """A good manifest in which texts that stand there once are replaced by others."""

    def __init__(self, file: str, *pairs: tuple[str, str]) -> None:
        self.file = file
        self.text = (FOLDER / file).read_text()
        for old, new in pairs:
            assert self.text.count(old) == 1, f"{file} has {self.text.count(old)} times {old!r}"
            self.text = self.text.replace(old, new)
        self.expected = {
            (number, rule)
            for number, line in enumerate(self.text.splitlines(), 1)
            if (match := re.search(r"# ! (.*)", line))
            for rule in match[1].split()
        }

    @property
    def name(self) -> str:
        """For the test's own name."""
        return " ".join([self.file, *sorted({rule for _, rule in self.expected})])


def checked(text: str) -> CheckReport:
    """The report about one file."""
    return check(take_stock(read_objects("app.yaml", text)))


def found(text: str) -> set[tuple[int, str]]:
    """Line and rule of all that is found."""
    return {(each.line, each.rule) for each in checked(text).findings}
