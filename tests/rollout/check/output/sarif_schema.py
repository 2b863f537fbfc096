"""What the published JSON schema of SARIF 2.1.0 (errata 01) says of the objects that we write.

Read in the schema and written down by hand: its members, which objects take no others, what is
required, the enumerations and the least numbers. Beyond it, what the text of the specification
requires and the schema does not: a ruleId, a ruleIndex, URIs that can be read.
"""

from typing import Any, Final

LEVEL: Final = {"enum": ["none", "note", "warning", "error"]}
TEXT: Final = {"type": "string", "minLength": 1}
# RFC 3986: what may stand in a reference, percent signs only before two digits.
URI: Final = {
    "type": "string",
    "pattern": r"^(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|\[|\]|%[0-9A-F]{2})+$",
}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    """An object that takes no other members (additionalProperties: false)."""
    return {
        "type": "object",
        "required": required,
        "properties": {**properties, "properties": {"type": "object"}},
        "additionalProperties": False,
    }


def each(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


STRING: Final = closed(["text"], text=TEXT, markdown=TEXT)
MESSAGE: Final = closed(
    ["text"], text=TEXT, markdown=TEXT, id=TEXT, arguments=each({"type": "string"})
)
RULE: Final = closed(
    ["id"],
    id=TEXT,
    name=TEXT,
    shortDescription=STRING,
    fullDescription=STRING,
    help=STRING,
    helpUri={**URI, "pattern": "^https?://[^\\s]+$"},
    defaultConfiguration=closed([], level=LEVEL, enabled={"type": "boolean"}),
)
DRIVER: Final = closed(
    ["name", "rules"],
    name=TEXT,
    fullName=TEXT,
    version=TEXT,
    # Semantic Versioning 2.0.0, item 2, and 9 to 10.
    semanticVersion={"pattern": r"^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$"},
    informationUri=URI,
    rules=each(RULE, uniqueItems=True),
)
REGION: Final = closed(
    ["startLine"],
    startLine={"type": "integer", "minimum": 1},
    startColumn={"type": "integer", "minimum": 1},
    endLine={"type": "integer", "minimum": 1},
    endColumn={"type": "integer", "minimum": 1},
)
PHYSICAL: Final = closed(
    ["artifactLocation", "region"],
    artifactLocation=closed(["uri"], uri=URI, uriBaseId=TEXT, index={"minimum": 0}),
    region=REGION,
)
LOGICAL: Final = closed([], name=TEXT, fullyQualifiedName=TEXT, kind=TEXT, decoratedName=TEXT)
SUPPRESSION: Final = closed(
    ["kind"], kind={"enum": ["inSource", "external"]}, justification=TEXT, status=TEXT
)
RESULT: Final = closed(
    ["message", "ruleId", "ruleIndex", "level", "locations"],
    message=MESSAGE,
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    locations=each(
        closed(
            ["physicalLocation"],
            physicalLocation=PHYSICAL,
            logicalLocations=each(LOGICAL, uniqueItems=True),
        ),
        minItems=1,
    ),
    suppressions=each(SUPPRESSION, uniqueItems=True, minItems=1),
)
RUN: Final = closed(
    ["tool", "results"],
    tool=closed(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=each(RESULT),
)
LOG: Final = {
    **closed(["version", "runs"], version={"const": "2.1.0"}, runs=each(RUN, minItems=1)),
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
LOG["properties"]["$schema"] = URI
