"""Cases of one law, of which a push tries some and the nightly run all."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import settings

Test = TypeVar("Test", bound=Callable[..., object])


def some(cases: Iterable[Any], *, of: int, first: int = 0) -> list[Any]:
    """All of them, in their order; on a push one of so many, counted from the `first`."""
    return [
        case if at % of == first else pytest.param(case, marks=pytest.mark.slow)
        for at, case in enumerate(cases)
    ]


def dear(test: Test) -> Test:
    """For a property whose examples are whole manifests or conversations: a push tries two of five
    that it would try of another, and the nightly run as many."""
    if settings.get_current_profile_name() in ("push", "hostile"):
        settings(max_examples=settings().max_examples * 2 // 5)(test)
    return test
