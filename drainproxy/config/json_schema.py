"""The JSON Schema (draft 2020-12) of a configuration file, for editors.

It finds misspelt names and values of the wrong form. Whatever else a value must satisfy (a limit,
an address that exists) `drainproxy run --check` checks.
"""

from typing import Any, Final

from msgspec import json

from .kinds import (
    CLOSE_CODE,
    CLOSE_REASON,
    COUNT,
    DURATION,
    FORWARDS,
    LISTEN,
    PERCENT,
    SIZE,
    STREAM_DRAIN,
    SWITCH,
    Kind,
)
from .table import TABLE, Setting

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_SWITCHES: Final = ("on", "off", "true", "false")
# A file is read as texts: whatever YAML makes of one that may be any, it is right.
_ANY_TEXT: Final[Schema] = {"type": ["string", "number", "boolean"]}
_NUMBER: Final = r"[0-9]{1,9}(\.[0-9]{1,9})?"
_DURATION: Final = rf"0|(?=[0-9])({_NUMBER}h)?({_NUMBER}m(?!s))?({_NUMBER}s)?({_NUMBER}ms)?"
_CLOSE_CODES: Final = "0{0,11}(100[0-3]|100[7-9]|101[0-4]|[34][0-9]{3})"


def _spelt(pattern: str) -> Schema:
    """Texts of this form; blanks around them do not count."""
    return {"type": "string", "pattern": rf"^\s*({pattern})\s*$"}


def _words(*words: str) -> str:
    """A pattern of these words, in capitals or not."""
    letters = ("".join(f"[{c}{c.upper()}]" if c.islower() else c for c in word) for word in words)
    return "|".join(letters)


def _between(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


# A number may be written as one in each of these, or as a text.
_OF_KIND: Final[dict[Kind, Schema]] = {
    DURATION: {"anyOf": [_spelt(_DURATION), {"const": 0}]},
    SIZE: {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            _spelt("[0-9]{1,12} ?(B|[KMG]i?B?)?"),
        ]
    },
    PERCENT: _spelt(r"[0-9]{1,3}(\.[0-9]{1,6})? ?%"),
    COUNT: {"anyOf": [{"type": "integer"}, _spelt("[0-9]{1,15}")]},
    SWITCH: {"anyOf": [{"enum": ["on", "off", True, False]}, _spelt(_words(*_SWITCHES))]},
    LISTEN: {"anyOf": [_between(0, 65535), _TEXT]},
    FORWARDS: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
    STREAM_DRAIN: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
    CLOSE_CODE: {
        "anyOf": [
            *(_between(*ends) for ends in ((1000, 1003), (1007, 1014), (3000, 4999))),
            _spelt(_CLOSE_CODES),
        ]
    },
    CLOSE_REASON: {"anyOf": [_spelt(r"(\S([\s\S]{0,121}\S)?)?"), {"type": ["number", "boolean"]}]},
}


def as_json_schema() -> str:
    """The schema as text. Settings that come later are not in it: their names are refused."""
    properties = {row.name: _property(row) for row in TABLE if not row.later}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A configuration file of drainproxy",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return json.format(json.encode(schema), indent=2).decode() + "\n"


def _property(row: Setting) -> Schema:
    told: Schema = {"description": row.description}
    if row.default_text and row.default is not None:
        told["default"] = row.default if row.kind in {COUNT, CLOSE_CODE} else row.default_text
    return told | _of(row)


def _of(row: Setting) -> Schema:
    value = _value(row)
    if row.kind.repeatable:
        return value
    alone = {"type": "array", "items": value, "minItems": 1, "maxItems": 1}
    return {"anyOf": [*value.get("anyOf", [value]), alone]}


def _value(row: Setting) -> Schema:
    if row.kind in _OF_KIND:
        return _limited(row, _OF_KIND[row.kind])
    words = row.kind.metavar.split("|")
    # The words themselves are what editors propose.
    return {"anyOf": [{"enum": words}, _spelt(_words(*words))]} if len(words) > 1 else _ANY_TEXT


def _limited(row: Setting, schema: Schema) -> Schema:
    """With the bounds of whole numbers."""
    if row.kind is not COUNT:
        return schema
    (meta,) = row.type.__metadata__
    bounds = {"minimum": meta.ge, "maximum": meta.le}
    number, text = schema["anyOf"]
    return {"anyOf": [number | {k: v for k, v in bounds.items() if v is not None}, text]}
