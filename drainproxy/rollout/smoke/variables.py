"""`${NAME}` and `${NAME:-default}` in the texts of a test; `$${` is a `${` that means itself."""

import re
from collections.abc import Iterator, Mapping

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_USE = re.compile(rf"\$\$\{{|\$\{{({_NAME})(:-([^}}]*))?\}}|\$\{{[^}}]*\}}?")
VARIABLE = re.compile(_NAME)


def used(text: str) -> Iterator[str]:
    """The names of the variables in a text."""
    return (use[1] for use in _USE.finditer(text) if use[1])


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables; ValueError if one is unknown or written wrongly.

    As in a shell a default takes the place of an empty value too.
    """

    def value(use: re.Match[str]) -> str:
        name, has_default, default = use.groups()
        if use[0] == "$${":
            return "${"
        if name is None:
            raise ValueError(
                f"holds {use[0]}, which is no variable: write ${{NAME}}, ${{NAME:-default}},"
                " or $${ for a ${ that means itself"
            )
        if has_default:
            return variables.get(name) or default
        if name not in variables:
            raise ValueError(
                f"needs the variable {name}: set it in the environment, with"
                f" --variable {name}=VALUE or in variables, or write ${{{name}:-default}}"
            )
        return variables[name]

    return _USE.sub(value, text)
