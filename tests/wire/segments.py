"""A stream as it may come: in segments."""

from collections.abc import Iterable
from itertools import pairwise


def bytewise(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def segments_of(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut at these places, as far as they are inside; none of the segments is empty."""
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:stop] for start, stop in pairwise(places)]
