"""Statements with the phase that they must have: `corpus/DIALECT.txt`."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

from drainproxy.rollout.migration.lexer import Dialect

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
_FOLDER = Path(__file__).parent / "corpus"


class Case(NamedTuple):
    """A file of one line, and the phases that are right for it."""

    dialect: Dialect
    sql: str
    phases: tuple[str, ...]


def cases(dialect: Dialect) -> Iterator[Case]:
    """All of a dialect, in the order of the corpus."""
    phases: tuple[str, ...] = ()
    for line in (_FOLDER / f"{dialect}.txt").read_text().splitlines():
        if line.startswith("[") and line.endswith("]") and " " not in line:
            name = line.strip("[]")
            phases = ("contract", "unknown") if name == "tight" else (name,)
        elif line and not line.startswith("# "):
            yield Case(dialect, line, phases)


ALL = [case for dialect in DIALECTS for case in cases(dialect)]
# What takes away or tightens, with or without our understanding it.
CONTRACTS = [case for case in ALL if "contract" in case.phases]
