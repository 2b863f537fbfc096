"""Pass, fail or hold for one signal, from the counts of canary and stable.

*Fail* needs evidence beyond chance, bad events in at least two scrape intervals (those of one burst
are not independent), and a difference above a floor, so that it matters. *Pass* needs an upper
bound of the canary's share within what is tolerated. Everything else is *hold*, with what is
missing.
"""

from collections.abc import Iterable
from math import isfinite
from typing import Final, Literal

from msgspec import Struct

from .evidence import evidence, needed, upper_bound

Verdict = Literal["pass", "fail", "hold"]

# What chance alone reaches in one of a hundred rollouts, looked at however often.
_ENOUGH: Final = 100.0
_LEAST_INTERVALS: Final = 2
# At this rate a budget of 30 days is gone in 50 hours (Google SRE workbook, "Alerting on SLOs").
_BURN: Final = 14.4
# Of all events: where the objective is below 93 %, no share of errors burns the budget as fast.
_MOST_ALLOWED: Final = 0.5


class Count(Struct, frozen=True):
    """`bad` of `total`; the bad ones came in so many different scrape `intervals`."""

    bad: int
    total: int
    intervals: int = 0

    @property
    def share(self) -> float:
        """0 without events."""
        return self.bad / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{self.bad} of {self.total}"


class Tolerance(Struct, frozen=True):
    """What is tolerated: `times` as many bad events as stable has, but for a difference of less
    than `floor`, and up to `allowed` of all whatever stable has."""

    times: float = 2.0
    allowed: float = _BURN * (1 - 0.999)
    floor: float = 0.001


def policy_of(slo: float, times: float = 2.0, floor: float = 0.001) -> Tolerance:
    """For the errors of a service with this objective, such as 0.999; ValueError if it is none."""
    if not 0 < slo < 1:
        raise ValueError(f"an objective lies between 0 and 1, such as 0.999: {slo}")
    return Tolerance(times, min(_BURN * (1 - slo), _MOST_ALLOWED), floor)


class SignalJudgement(Struct, frozen=True):
    """What one signal says. `bound`: the share that is tolerated; `missing`: so many further events
    without a bad one are needed to pass, None if no number is enough or none is needed."""

    signal: str
    verdict: Verdict
    reason: str
    canary: Count | None = None
    stable: Count | None = None
    bound: float | None = None
    missing: int | None = None
    evidence: float | None = None


def judge(signal: str, canary: Count, stable: Count, policy: Tolerance) -> SignalJudgement:
    """The verdict on one signal."""
    bound = max(policy.times * stable.share, policy.allowed)
    found = evidence(canary.bad, canary.total, stable.bad, stable.total, policy.times)
    verdict, reason, missing = _verdict(canary, stable, policy, bound, found)
    return SignalJudgement(signal, verdict, reason, canary, stable, bound, missing, found)


def _verdict(
    canary: Count, stable: Count, policy: Tolerance, bound: float, found: float
) -> tuple[Verdict, str, int | None]:
    beside = f"{canary} ({_percent(canary.share)}) beside {stable} ({_percent(stable.share)})"
    to_pass = f"the bound to pass is {_percent(bound)}"
    if not canary.total:
        missing = _missing(canary, bound)
        reason = f"{beside}: the canary has had none yet; {to_pass}: {_more(missing)}"
        return "hold", reason, missing
    if found >= _ENOUGH:
        if canary.share - stable.share <= policy.floor:
            reason = f"{beside}: worse, but by no more than {_percent(policy.floor)}"
        elif canary.intervals < _LEAST_INTERVALS:
            reason = f"{beside}: all in one interval, which may be one burst"
        else:
            return "fail", f"{beside}: more than {policy.times:g} times as many; {to_pass}", None
    elif not stable.total:
        return "hold", f"{beside}: stable has had none to compare with; {to_pass}", None
    else:
        reason = beside
    if (most := upper_bound(canary.bad, canary.total)) <= bound:
        return "pass", f"{reason}; at most {_percent(most)} of {_percent(bound)}", None
    missing = _missing(canary, bound)
    said = f"{reason}; may be {_percent(most)} of {_percent(bound)}: {_more(missing)}"
    return "hold", said, missing


def _more(missing: int | None) -> str:
    return "no number is enough" if missing is None else f"{missing} more without a bad one"


def _missing(canary: Count, bound: float) -> int | None:
    least = needed(canary.bad, bound)
    return max(int(least) - canary.total, 1) if isfinite(least) else None


def overall(judgements: Iterable[SignalJudgement]) -> Verdict:
    """Fail if any says so, else hold if any says so; hold where nothing was judged."""
    verdicts = {each.verdict for each in judgements}
    if "fail" in verdicts:
        return "fail"
    return "hold" if "hold" in verdicts or not verdicts else "pass"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
