"""Cases of one law, of which a push tries some and the nightly run all."""

from collections.abc import Iterable
from typing import Any

import pytest


def some(cases: Iterable[Any], *, of: int, first: int = 0) -> list[Any]:
    """All of them, in their order; on a push one of so many, counted from the `first`."""
    return [
        case if at % of == first else pytest.param(case, marks=pytest.mark.slow)
        for at, case in enumerate(cases)
    ]
