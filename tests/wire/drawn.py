"""Strategies that draw bytes once and cut them up, for what else takes a draw for each piece.

Hypothesis spends some 50 microseconds on a draw, which is more than most parsers spend on an input.
"""

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

from hypothesis import strategies as st


def among(allowed: Iterable[int], most: int, least: int = 0) -> st.SearchStrategy[bytes]:
    """From `least` to `most` of the `allowed` bytes."""
    every = bytes(allowed)
    table = bytes(every[byte % len(every)] for byte in range(256))
    return st.binary(min_size=least, max_size=most).map(lambda drawn: drawn.translate(table))


def one_of_each(*choices: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    """An element of each of these, the first ones where it is made as small as may be."""
    every = prod(map(len, choices))

    def chosen(number: int) -> list[Any]:
        elements = []
        # Small numbers are drawn more often than others; times a prime they are anywhere.
        number = number * 2_654_435_761 % every
        for choice in choices:
            number, place = divmod(number, len(choice))
            elements.append(choice[place])
        return elements

    return st.integers(0, every - 1).map(chosen)


def pieces(ready: Sequence[bytes], most: int, between: bytes = b"") -> st.SearchStrategy[bytes]:
    """Up to `most` of the `ready` pieces, of which there are no more than 256, joined."""
    every = [ready[byte % len(ready)] for byte in range(256)]
    return st.binary(max_size=most).map(lambda drawn: between.join(map(every.__getitem__, drawn)))


def places(end: int, most: int) -> st.SearchStrategy[list[int]]:
    """Up to `most` places from 0 to `end`, more than one of them, in no order."""
    return st.binary(min_size=4, max_size=2 * most).map(
        lambda drawn: [
            int.from_bytes(drawn[at : at + 2]) % (end + 1) for at in range(0, len(drawn) - 1, 2)
        ]
    )
