"""The phase of a statement, with its reason."""

from typing import Final, Literal

from msgspec import Struct

from .state import Phase

Answer = Phase | Literal["unknown"]

# What decides for a file, the strongest first.
STRENGTH: Final[tuple[Answer, ...]] = ("contract", "unknown", "migrate", "expand")


class Judgement(Struct, frozen=True):
    """The phase of a statement, and why in a sentence."""

    phase: Answer
    reason: str

    @property
    def is_additive(self) -> bool:
        """Code of the version before runs on as it did."""
        return self.phase in ("expand", "migrate")


def expand(reason: str) -> Judgement:
    """It only adds."""
    return Judgement("expand", reason)


def migrate(reason: str) -> Judgement:
    """It moves data."""
    return Judgement("migrate", reason)


def contract(reason: str) -> Judgement:
    """It takes away or tightens."""
    return Judgement("contract", reason)


def unknown(reason: str) -> Judgement:
    """It is not understood: somebody has to say the phase."""
    return Judgement("unknown", reason)
