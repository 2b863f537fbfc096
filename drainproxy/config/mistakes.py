"""What is wrong with a configuration: where, of which name, and what would be right."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

# More mistakes than this are not read at once, and their text must fit where it is shown.
MOST_TOLD: Final = 20
# Characters of one: a name may be as long as whoever wrote it liked.
_LONGEST: Final = 1000


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
        return "".join(
            letter if letter.isprintable() else repr(letter)[1:-1]
            for letter in shortened(f"{self.source}: {self.problem}")
        )


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


def told(items: Sequence[object]) -> list[str]:
    """The first of them as texts, and a last one that says how many are left out."""
    texts = [*map(str, items[:MOST_TOLD])]
    return texts if len(items) <= MOST_TOLD else [*texts, f"and {len(items) - MOST_TOLD:,} more"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that is closest, or an empty text when none is near."""
    return _closest(name[:80], tuple(known))


@lru_cache(1 << 10)
def _closest(name: str, known: tuple[str, ...]) -> str:
    """Many pods may have the same mistake."""
    from difflib import get_close_matches  # only who mistypes pays for the import

    # What has as few letters in common is not near, and fast to tell.
    letters = {*name}
    near = [each for each in known if 2 * len(letters.intersection(each)) >= len(letters)]
    return "".join(get_close_matches(name, near, 1))
