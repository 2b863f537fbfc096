"""The phase of a statement, with its reason."""

from typing import Final, Literal

from msgspec import Struct

from .state import Phase

Answer = Phase | Literal["unknown"]

# What decides for a file, the strongest first.
STRENGTH: Final[tuple[Answer, ...]] = ("contract", "unknown", "migrate", "expand")


class PhaseJudgement(Struct, frozen=True):
    """The phase of a statement, and why in a sentence."""

    phase: Answer
    reason: str

    @property
    def is_additive(self) -> bool:
        """Code of the version before runs on as it did."""
        return self.phase in ("expand", "migrate")


def expand(reason: str) -> PhaseJudgement:
    """It only adds."""
    return PhaseJudgement("expand", reason)


def migrate(reason: str) -> PhaseJudgement:
    """It moves data."""
    return PhaseJudgement("migrate", reason)


def contract(reason: str) -> PhaseJudgement:
    """It takes away or tightens."""
    return PhaseJudgement("contract", reason)


def unknown(reason: str) -> PhaseJudgement:
    """It is not understood: somebody has to say the phase."""
    return PhaseJudgement("unknown", reason)
