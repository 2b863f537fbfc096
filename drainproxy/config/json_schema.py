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
_NUMBER: Final = r"[0-9]{1,9}(\.[0-9]{1,9})?"
_DURATION: Final = rf"^(?=.)({_NUMBER}h)?({_NUMBER}m(?!s))?({_NUMBER}s)?({_NUMBER}ms)?$"

# A file is read as texts, so a number may be written as one in each of these.
_OF_KIND: Final[dict[Kind, Schema]] = {
    DURATION: {"anyOf": [{"type": "string", "pattern": _DURATION}, {"enum": [0, "0"]}]},
    SIZE: {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": "^[0-9]{1,12} ?(B|[KMG]i?B?)?$"},
        ]
    },
    PERCENT: {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,6})? ?%$"},
    COUNT: {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]{1,15}$"}]},
    SWITCH: {"enum": ["on", "off", True, False]},
    LISTEN: {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535}, _TEXT]},
    FORWARDS: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
    STREAM_DRAIN: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
    CLOSE_CODE: {"type": "integer", "minimum": 1000, "maximum": 4999},
    CLOSE_REASON: {"type": "string", "maxLength": 123},
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
    if row.kind in _OF_KIND:
        return _limited(row, _OF_KIND[row.kind])
    words = row.kind.metavar.split("|")
    return {"enum": words} if len(words) > 1 else _TEXT


def _limited(row: Setting, schema: Schema) -> Schema:
    """With the bounds of whole numbers."""
    if row.kind is not COUNT:
        return schema
    (meta,) = row.type.__metadata__
    bounds = {"minimum": meta.ge, "maximum": meta.le}
    number, text = schema["anyOf"]
    return {"anyOf": [number | {k: v for k, v in bounds.items() if v is not None}, text]}
