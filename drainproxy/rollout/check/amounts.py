"""Arithmetic of rollouts: numbers or percentages of replicas, and the time that probes allow."""

import math
import re

from drainproxy.config.kinds import parse_duration

from .place import FieldPlace

_PERCENT = re.compile(r"([0-9]{1,6})%")
_NUMBER = re.compile(r"[0-9]{1,9}")
# What the kubelet takes where a probe does not say (API reference, Probe v1 core).
_PERIOD, _FAILURES = 10, 3


def share(place: FieldPlace, whole: int, *, up: bool) -> int | None:
    """An int-or-string of the API as a number of pods; None if it is neither.

    `up`: a percentage is rounded up, as for surges and budgets, or down, as for maxUnavailable.
    """
    if (number := place.number) is not None:
        return number
    if match := _PERCENT.fullmatch(place.text):
        exact = int(match[1]) * whole
        return -(-exact // 100) if up else exact // 100
    return int(place.text) if _NUMBER.fullmatch(place.text) else None


def duration(text: str) -> float | None:
    """A duration such as `30s`, as our settings have it, in seconds; None if it is none."""
    try:
        return parse_duration(text)
    except ValueError:
        return None


def patience(probe: FieldPlace) -> int:
    """The seconds for which a probe may fail before the kubelet acts."""
    return period(probe) * (probe.at("failureThreshold").number or _FAILURES)


def period(probe: FieldPlace) -> int:
    """The seconds between two tries."""
    return max(probe.at("periodSeconds").number or _PERIOD, 1)


def failures_for(probe: FieldPlace, duration: float) -> int:
    """The failureThreshold that makes a probe patient for longer than this."""
    return math.floor(duration / period(probe)) + 1
