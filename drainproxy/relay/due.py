"""A goodbye to one stream that waits for its place."""

from dataclasses import dataclass


@dataclass(slots=True)
class Due:
    """Since `since`, for the reason `why`; something `moved` on the stream last at that moment.
    `said`: it is a Close that waits for the other one. `void`: it was taken back, but what was held
    for it has to pass."""

    why: str
    since: float
    moved: float
    said: bool = False
    void: bool = False
