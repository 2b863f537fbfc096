"""The statistics of the gate: pure functions of counts, which may be asked as often as one likes.

Bad events of two groups are compared, x of n in each. Given all of them, each is the canary's with
probability theta(r) = r n_c / (r n_c + n_s), where r is how much more often they happen to it. The
evidence is a mixture of likelihood ratios of r = g k against r = k: under any r <= k it is a
non-negative supermartingale that starts at 1, so by Ville's inequality it ever reaches 1 / a with a
probability of at most a, however often one looks. It needs totals only, and no error of the
baseline.
"""

from math import ceil, exp, inf, log, sqrt
from typing import Final

# How much worse than tolerated the canary may be: the mixture is over these.
_TIMES_WORSE: Final = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
# Of the standard normal distribution, 95 % one-sided.
Z_95: Final = 1.6448536269514722
# Beyond it no float is; what is certain need not be more so.
_MOST_LOG: Final = 700.0


def evidence(
    canary_bad: int, canary_all: int, stable_bad: int, stable_all: int, tolerated: float = 2.0
) -> float:
    """How strongly the counts speak for a canary that is more than `tolerated` times as bad.

    1 is nothing, 100 is what chance alone reaches in one of a hundred rollouts. Without events on
    both sides nothing can be compared, which is 1 as well.
    """
    if not canary_all or not stable_all:
        return 1.0
    canary, stable = _shares(tolerated, canary_all, stable_all)
    total = 0.0
    for worse in _TIMES_WORSE:
        its, others = _shares(worse * tolerated, canary_all, stable_all)
        power = canary_bad * log(its / canary) + stable_bad * log(others / stable)
        total += exp(min(power, _MOST_LOG))
    return total / len(_TIMES_WORSE)


def _shares(ratio: float, canary_all: int, stable_all: int) -> tuple[float, float]:
    """Theta and 1 - theta: whose a bad event is, if the canary has `ratio` times as many."""
    weight = ratio * canary_all
    return weight / (weight + stable_all), stable_all / (weight + stable_all)


def upper_bound(bad: int, total: int, z: float = Z_95) -> float:
    """The one-sided upper bound of a proportion (Wilson 1927), 95 % unless told; 1 without data."""
    if not total:
        return 1.0
    share, square = bad / total, z * z
    middle = share + square / (2 * total)
    width = z * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return min((middle + width) / (1 + square / total), 1.0)


def needed(bad: int, bound: float, z: float = Z_95) -> float:
    """The least total at which `bad` events stay within `bound`; infinite if none is enough."""
    if bound <= 0:
        return inf
    if bound >= 1:
        return max(bad, 1)
    least, most = max(bad, 1), max(bad, 1)
    while upper_bound(bad, most, z) > bound:
        least, most = most, most * 2
    while least < most:
        middle = (least + most) // 2
        if upper_bound(bad, middle, z) > bound:
            least = middle + 1
        else:
            most = middle
    return ceil(most)
