"""Choices that one draw of Hypothesis decides, for values of many small parts.

Hypothesis spends some 50 microseconds on each draw, and a pod has some sixty parts.
"""

from collections.abc import Sequence
from typing import TypeVar
from unicodedata import category

from hypothesis import strategies as st

T = TypeVar("T")

# Where texts end, are quoted, or mean something to who reads them.
_STRANGE = "\xa0\u2028\ufeff\uffff\u0301\U0001f600é\"'\\#:%{}[]&*!|>-?,@`~"


class Choices:
    """What the bytes say, one for each choice; the first of all where there are no more."""

    def __init__(self, drawn: bytes) -> None:
        self._left = iter(drawn)

    def _byte(self) -> int:
        return next(self._left, 0)

    def of(self, elements: Sequence[T]) -> T:
        """One of at most 256."""
        return elements[self._byte() % len(elements)]

    def some(self, elements: Sequence[T]) -> list[T]:
        """Each or not, in their order."""
        return [each for each in elements if self.yes()]

    def yes(self) -> bool:
        """Whether or not."""
        return bool(self._byte() % 2)

    def text(self) -> str:
        """Up to twenty characters, none of which is a control character or half of one."""
        letters = (self._letter() for _ in range(self.of((0, 1, 2, 3, 5, 8, 20))))
        return "".join(each for each in letters if category(each) not in ("Cc", "Cs"))

    def _letter(self) -> str:
        kind = self._byte()
        if kind < 128:
            return chr(ord(" ") + kind % 95)
        if kind < 192:
            return self.of(_STRANGE)
        return chr((self._byte() << 16 | self._byte() << 8 | self._byte()) % 0x110000)


def choices(most: int) -> st.SearchStrategy[Choices]:
    """For what makes so many of them."""
    return st.binary(min_size=most, max_size=most).map(Choices)
