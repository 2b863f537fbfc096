"""Scalars of YAML: from text to value, and back.

kubectl and the API server read YAML as go-yaml v2 does (sigs.k8s.io/yaml, goyaml.v2/resolve.go):
booleans and octal numbers of YAML 1.1, no base 60, and dates stay strings. So do we. What we write
means the same in YAML 1.1 and 1.2.

A number without a fraction is an integer, however it is written: kubectl makes `5` of `5.0` before
it sends it, in YAML and in JSON, so that the API server takes it where it wants an integer.
"""

import json
import re
from functools import lru_cache
from typing import Any, Final

TAG: Final = "tag:yaml.org,2002:"
# The key that takes over what is in other mappings (https://yaml.org/type/merge.html).
MERGE: Final = "<<"

_CONSTANTS: Final[dict[str, Any]] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"], True),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "off", "Off", "OFF"], False),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES: Final = (16, 2, 8, 10)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
# Beyond it, Go's encoding/json writes an exponent, and so no integer.
_LARGEST_WHOLE: Final = 1e21
# More digits are no number of 64 bits; Python would take long to read them.
_LONGEST_NUMBER: Final = 40

# Without quotes, every reader of YAML takes these as texts, also inside brackets and braces.
_PLAIN = re.compile(r"(?:--)?[A-Za-z/](?:[\w./=@:-]*[\w./=@-])?|[0-9]+(?:m|[KMGT]i)", re.ASCII)
_WORDS: Final = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_JSON: Final = json.JSONEncoder(ensure_ascii=False)
# What YAML does not take as it is in quotes (YAML 1.2, 5.1), and what it takes for a line break.
_ESCAPED = re.compile(
    "[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@lru_cache(1 << 14)
def resolve(text: str) -> Any:
    """The value of a plain scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    digits = text.replace("_", "") if text[0] != "." else text
    if match := _INTEGER.fullmatch(digits):
        sign, *groups = match.groups()
        at = next(at for at, group in enumerate(groups) if group)
        return int(sign + groups[at], _BASES[at])
    if _FLOAT.fullmatch(digits):
        return _finite(float(digits), text)
    return text


def number_of(text: str) -> int | float:
    """The value of a number of JSON that has a fraction or an exponent."""
    return _sent(float(text))


def _sent(number: float) -> int | float:
    """As kubectl sends it."""
    is_whole = number.is_integer() and abs(number) < _LARGEST_WHOLE
    return int(number) if is_whole else number


def _finite(number: float, text: str) -> Any:
    """JSON knows no infinity."""
    return _sent(number) if abs(number) != float("inf") else text


def tagged(text: str, tag: str | None) -> Any:
    """The value of a scalar with an explicit tag; tags that we do not know make it a text."""
    known = tag in (TAG + "null", TAG + "bool", TAG + "int", TAG + "float")
    return resolve(text) if known else text


def key_text(value: Any) -> str:
    """A key as JSON has it: all keys are texts there."""
    return value if isinstance(value, str) else json.dumps(value)


def written(value: Any, quote: str = "", in_flow: bool = False) -> str:
    """A scalar or an empty collection as YAML, in these quotes where that can be."""
    if not isinstance(value, str):
        return str(value) if type(value) is int else json.dumps(value)
    if quote == "'" and not _ESCAPED.search(value):
        return "'" + value.replace("'", "''") + "'"
    if not quote and is_plain(value) and not (in_flow and ":" in value):
        return value
    return quoted(value)


def quoted(text: str) -> str:
    """A text in double quotes, as YAML and JSON both read it."""
    return _ESCAPED.sub(_escape, _JSON.encode(text))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


@lru_cache(1 << 14)
def is_plain(text: str) -> bool:
    """Whether every reader takes it for this text without quotes."""
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS
