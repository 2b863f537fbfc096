"""All that is wrong with a command line, in the order of what is typed: what click refuses, and
what only the command can judge."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import click
from click.core import iter_params_for_processing

# What is wrong with these values, as sentences. A judge that looks at a value which is wrong itself
# is not heard: it would speak of what was not given.
Judge = Callable[[Mapping[str, Any]], Iterable[str] | None]

# A line that has more is no line that somebody typed.
_MOST: Final = 20


class Wrong(Exception):
    """A judge looked at a value that is wrong itself."""


class _Given(dict[str, Any]):
    """The values that are right; the names of the others raise `Wrong`."""

    def __init__(self, values: Mapping[str, Any], wrong: Iterable[str]) -> None:
        # Click has an Enum in place of a value that is not given; no value of ours is one.
        super().__init__(
            {name: None if isinstance(value, Enum) else value for name, value in values.items()}
        )
        self._wrong = frozenset(wrong)

    def __missing__(self, name: str) -> Any:
        if name in self._wrong:
            raise Wrong
        raise KeyError(name)


class RefusedLine:
    """What click refuses of a line, all of it: it stops at the first, and whoever has two should
    not have to run it twice."""

    def __init__(self, command: click.Command, ctx: click.Context, line: Sequence[str]) -> None:
        self._command, self._ctx = command, ctx
        self._params = command.get_params(ctx)
        self._wrong: set[str] = set()
        self.said: list[str] = []
        ctx.params.clear()
        self._read([*line])
        self.given: Mapping[str, Any] = _Given(ctx.params, self._wrong)

    def _read(self, line: list[str]) -> None:
        for _ in range(_MOST):
            try:
                parsed = self._command.make_parser(self._ctx).parse_args([*line])
                break
            except (click.NoSuchOption, click.BadOptionUsage) as error:
                self._refuse(error)
                del line[_place(error, line)]
        else:  # nothing is known of any value
            self._wrong.update(param.name for param in self._params if param.name)
            return
        is_whole = not self.said
        values, rest, order = parsed
        self._ctx.args = rest
        for param in iter_params_for_processing(order, self._params):
            self._value(param, values)
        # What follows an option that nobody knows may be its value.
        if rest and is_whole and not self._ctx.allow_extra_args:
            self.said.append(f"Got unexpected extra arguments ({' '.join(map(str, rest))})")

    def _refuse(self, error: click.NoSuchOption | click.BadOptionUsage) -> None:
        if (said := error.format_message()) not in self.said:
            self.said.append(said)
        self._wrong.update(
            param.name for param in self._params if param.name and error.option_name in param.opts
        )

    def _value(self, param: click.Parameter, values: Mapping[str, Any]) -> None:
        # One that is wrong already; and help, which would print itself and exit.
        if param.name in self._wrong or param.is_eager:
            return
        try:
            param.handle_parse_result(self._ctx, values, [])
        except click.BadParameter as error:
            error.ctx, error.param = self._ctx, error.param or param
            self.said.append(error.format_message())
            self._wrong.add(param.name or "")


def _place(error: click.NoSuchOption | click.BadOptionUsage, line: Sequence[str]) -> int:
    """Where the option is that click refuses. One that lacks its argument is the last word; a
    short one may be one of several letters."""
    option = error.option_name
    for place, word in enumerate(line):
        is_long = word.partition("=")[0] == option
        is_letter = len(option) == 2 and word[:1] == "-" != word[1:2] and option[1] in word
        if isinstance(error, click.NoSuchOption) and (is_long or is_letter):
            return place
        if is_long and "=" in word:
            return place
    return -1


def judged(judges: Iterable[Judge], given: Mapping[str, Any]) -> Iterator[str]:
    """What these say of the values; for a click.UsageError, its text."""
    for judge in judges:
        try:
            yield from judge(given) or ()
        except click.UsageError as error:
            yield error.format_message()
        except Wrong:
            pass
