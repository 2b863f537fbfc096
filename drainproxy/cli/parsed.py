"""Types of options that are spelt as the settings are."""

from collections.abc import Callable
from typing import Any

import click

from drainproxy.config import parse_duration
from drainproxy.config.kinds import parse_percent


class Parsed(click.ParamType[float]):
    """A number in the spelling of the settings."""

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
            self.fail(str(error), param, ctx)


DURATION = Parsed("DURATION", parse_duration)
PERCENT = Parsed("PERCENT", parse_percent)
