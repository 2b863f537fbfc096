"""Tells whether a PromQL expression has a value if no series match: then nothing was measured.

It is no evaluator, but reads operators by precedence as far as emptiness needs it.
"""

import re
from collections.abc import Iterator
from typing import Final

# From the loosest to the tightest, each a pattern of whole words or signs between operands.
_OPERATORS: Final = (
    (re.compile(r"\bor\b"), any),
    (re.compile(r"\band\b"), all),
    (re.compile(r"\bunless\b"), lambda sides: sides[0]),
    (re.compile(r"[<>=!]=(?!~)|[<>](?!=)"), all),
    (re.compile(r"[+\-*/%^]|\batan2\b"), all),
)
_CONSTANT = re.compile(r"\s*(?:vector\s*\(|absent(?:_over_time)?\s*\(|[-+]?[0-9.]+\s*$|time\s*\()")
_CALL = re.compile(r"\s*[a-zA-Z_]\w*\s*(?=\()")
# Which labels operators and aggregations look at makes nothing empty.
_MODIFIERS = re.compile(
    r"\b(?:by|without|on|ignoring)\s*\([^()]*\)|\bgroup_(?:left|right)\b(?:\s*\([^()]*\))?|\bbool\b"
)
_VECTOR = re.compile(r"vector\s*\(\s*([-+]?[0-9.]+)\s*\)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
_COMMENT = re.compile(r"#[^\n]*")
_DEEPEST: Final = 50
_LONGEST: Final = 10_000


def stands_in(query: str) -> float | None:
    """The number that stands in for missing data, as 0 in `... or vector(0)`; None if none does."""
    plain = _plain(query[:_LONGEST])
    numbers = _VECTOR.findall(plain)
    if not numbers or not _has_value(plain, 0):
        return None
    try:
        return float(numbers[-1])
    except ValueError:
        return None


def divides(query: str) -> bool:
    """Whether it is a ratio, which is NaN where both sides are zero."""
    return "/" in _plain(query[:_LONGEST])


def _plain(query: str) -> str:
    """Without what is quoted, commented, or a modifier."""
    return _MODIFIERS.sub("", _COMMENT.sub("", _QUOTED.sub('""', query)))


def _has_value(text: str, depth: int) -> bool:
    """Whether the expression has a value although every selector in it is empty."""
    if depth > _DEEPEST:
        return False
    for pattern, judge in _OPERATORS:
        sides = [*_split(text, pattern)]
        if len(sides) > 1:
            return bool(judge([_has_value(side, depth + 1) for side in sides]))
    if _CONSTANT.match(text):
        return True
    inner = text[call.end() :] if (call := _CALL.match(text)) else text
    inner = inner.strip()
    if inner.startswith("(") and _closing(inner) == len(inner) - 1:
        arguments = [*_split(inner[1:-1], re.compile(","))]
        return any(_has_value(each, depth + 1) for each in arguments if not _is_number(each))
    return False


def _split(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """The operands of an operator that stands outside of all brackets."""
    start = 0
    outside = _outside(text)
    for match in pattern.finditer(text):
        if outside[match.start()] and text[start : match.start()].strip():
            yield text[start : match.start()]
            start = match.end()
    yield text[start:]


def _outside(text: str) -> list[bool]:
    depth, found = 0, []
    for letter in text:
        depth -= letter in ")]}"
        found.append(depth == 0)
        depth += letter in "([{"
    return found


def _closing(text: str) -> int:
    """Where the bracket that opens at the start is closed; -1 if nowhere."""
    outside = _outside(text)
    return next((at for at, out in enumerate(outside) if at and out and text[at] == ")"), -1)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\s*[-+]?[0-9.]+\s*", text))
