"""Values with several entries, separated by blanks or commas."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from .mistakes import shortened, told

_SEPARATORS: Final = re.compile(r"[\s,]+")
_LONGEST: Final = 80

T = TypeVar("T")


def parse_entries(text: str, parse: Callable[[str], T], most: int) -> tuple[T, ...]:
    """Each entry by `parse`; a ValueError tells all that is wrong at once, each with its entry,
    which whoever prints a single one has named already."""
    parts = [*filter(None, _SEPARATORS.split(text))]
    if len(parts) > most:
        raise ValueError(f"has {len(parts):,} entries, and may have {most:,}")
    found: list[T] = []
    problems: list[tuple[str, ValueError]] = []
    for part in parts:
        try:
            found.append(parse(part))
        except ValueError as error:
            problems.append((part, error))
    if problems and len(parts) == 1:
        raise problems[0][1]
    if problems:
        each = [f"{shortened(part, _LONGEST)!r} {error}" for part, error in problems]
        raise ValueError("is wrong: " + "; ".join(told(each)))
    return tuple(found)
