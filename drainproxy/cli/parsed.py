"""Types of options that are written like settings."""

from collections.abc import Callable
from math import isnan
from typing import Any

import click

from drainproxy.config import parse_duration
from drainproxy.config.kinds import format_duration, parse_percent


class Parsed(click.ParamType[float]):
    """A number in the spelling of the settings. What `parse` says of a text has it in
    it, or goes on after it."""

    def __init__(self, name: str, parse: Callable[[str], float]) -> None:
        self.name = name
        self._parse = parse

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; a usage error, which says what would be right, if it is none."""
        if not isinstance(value, str):
            return float(value)
        try:
            return self._parse(value)
        except ValueError as error:
            said = str(error)
            self.fail(said if repr(value) in said else f"{value!r} {said}", param, ctx)


DURATION = Parsed("DURATION", parse_duration)


def duration_within(least: float, most: float) -> Parsed:
    """From so many seconds to so many."""

    def parse(text: str) -> float:
        seconds = parse_duration(text)
        if not least <= seconds <= most:
            bounds = f"from {format_duration(least)} to {format_duration(most)}"
            raise ValueError(f"is not {bounds}")
        return seconds

    return Parsed("DURATION", parse)


def _share(text: str) -> float:
    share = parse_percent(text)
    if share > 1:
        raise ValueError("is not at most 100%")
    return share


# A part of a whole.
PERCENT = Parsed("PERCENT", _share)


class Whole(click.IntRange):
    """A whole number in a range."""

    # What is said of a value that is none.
    name = "whole number"


class Number(click.FloatRange):
    """A number in a range; `nan` lies in none, whatever it is compared with."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; a usage error if it is none, or not in the range."""
        found: float = super().convert(value, param, ctx)
        if isnan(found):
            self.fail(f"{value!r} is no number", param, ctx)
        return found
