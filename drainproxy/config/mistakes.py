"""A mistake in a configuration: its source, the setting, and what would be right."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from msgspec import Struct

# More mistakes than this are not read at once, and their text must fit where it is shown.
MOST_TOLD: Final = 20
# Characters of one: a name may be as long as whoever wrote it liked.
_LONGEST: Final = 1000
# What a longer one ends with is looked at by nobody who seeks another that is near.
_MOST_LETTERS: Final = 80
_NEAR: Final = 0.5


class Mistake(Struct, frozen=True):
    """One mistake.

    `source` is where it stands ("flag --drain-delay", "environment DRAINPROXY_DRAIN_DELAY",
    "annotation drainproxy.io/drain-delay", "file app.yaml line 3, drain-delay"), `name` the
    setting, `problem` what is wrong with which value and what would be right.
    """

    source: str
    name: str
    problem: str

    def __str__(self) -> str:
        return printable(shortened(f"{self.source}: {self.problem}"))


class ConfigError(Exception):
    """The configuration cannot be used. Carries every mistake in it, not the first one alone; its
    text has the first `MOST_TOLD` of them, and how many there are beside those."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        return "\n".join(told(self.mistakes))


def shortened(text: str, most: int = _LONGEST) -> str:
    """The text, of `most` characters at most; what is left out shows."""
    return text if len(text) <= most else text[: most - 3] + "..."


def printable(text: str) -> str:
    """The text with escapes in place of control characters, which command a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def told(items: Sequence[object]) -> list[str]:
    """The first of them as texts, and a last one that says how many are left out."""
    texts = [*map(str, items[:MOST_TOLD])]
    return texts if len(items) <= MOST_TOLD else [*texts, f"and {len(items) - MOST_TOLD:,} more"]


def did_you_mean(name: str, known: Iterable[str], least: float = _NEAR) -> str:
    """The known name that is closest, or an empty text when none is near: the one of the same
    letters, or that with which it has most pairs of them in common: this share at least (Dice)."""
    by_pair, by_letters, sizes = _index(tuple(known))
    pairs, letters = _pairs(name[:_MOST_LETTERS]), "".join(sorted(name[:_MOST_LETTERS]))
    if letters in by_letters:
        return by_letters[letters]
    shared = Counter(each for pair in pairs for each in by_pair.get(pair, ()))
    alike = {each: 2 * count / (len(pairs) + sizes[each]) for each, count in shared.items()}
    closest = max(sorted(alike), key=alike.__getitem__, default="")
    return closest if closest and alike[closest] >= least else ""


@lru_cache(1 << 6)
def _index(
    known: Sequence[str],
) -> tuple[Mapping[str, Sequence[str]], Mapping[str, str], Mapping[str, int]]:
    """The names by each pair of letters in them, and by all of their letters, and how many pairs
    each has."""
    by_pair: dict[str, list[str]] = {}
    for each in known:
        for pair in _pairs(each):
            by_pair.setdefault(pair, []).append(each)
    by_letters = {"".join(sorted(each)): each for each in known}
    return by_pair, by_letters, {each: len(_pairs(each)) for each in known}


def _pairs(name: str) -> frozenset[str]:
    padded = f" {name} "
    return frozenset(map("".join, pairwise(padded)))
