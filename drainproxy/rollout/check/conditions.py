"""Evaluates a condition of an analysis without any data, to see whether it would be true.

The language is expr (expr-lang.org); the part of it that conditions use is Python's, but for some
spelling. Anything else raises Unknown.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable
from typing import Any, Final

_SPELLING: Final = (
    (re.compile(r"\|\|"), " or "),
    (re.compile(r"&&"), " and "),
    (re.compile(r"!(?!=)"), " not "),
    (re.compile(r"#(?=\.?\W|$)"), "_each"),
    (re.compile(r"\bnil\b"), "None"),
    (re.compile(r"\btrue\b"), "True"),
    (re.compile(r"\bfalse\b"), "False"),
    (re.compile(r"[{}]"), ""),
)
_TERNARY: Final = re.compile(r"([^?:]*)\?([^?:]*):([^?:]*)")
_COMPARISONS: Final[dict[type, Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Final[dict[type, Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_OF_EACH: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "all": all,
    "any": any,
    "none": lambda each: not any(each),
    "one": lambda each: each.count(True) == 1,
    "count": lambda each: each.count(True),
}
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "len": len,
    "isNaN": math.isnan,
    "isInf": math.isinf,
    "asFloat": float,
    "float": float,
    "asInt": int,
    "int": int,
    "abs": abs,
    # In place of nil, and of no element.
    "default": lambda value, other: other if value is None or value == [] else value,
}
NOTHING: Final[tuple[Any, ...]] = (None, [])
NOT_A_NUMBER: Final[tuple[Any, ...]] = ([math.nan], math.nan)


class Unknown(Exception):
    """The condition holds what is not read here."""


def holds(condition: str, result: Any) -> bool:
    """Whether a condition is true of a result. One that cannot be evaluated, as where an element is
    missing, is an error of the measurement, and no success."""
    tree = _parsed(condition)
    try:
        return _value(tree, {"result": result}) is True
    except Unknown:
        raise
    except Exception:
        # Whatever Python has against it, expr has too: types that do not fit, no such element.
        return False


def _parsed(condition: str) -> ast.expr:
    if re.search(r"['\"`]|\?\?|\?\.", condition):
        raise Unknown
    if ternary := _TERNARY.fullmatch(condition):
        condition = f"({ternary[2]}) if ({ternary[1]}) else ({ternary[3]})"
    for pattern, spelled in _SPELLING:
        condition = pattern.sub(spelled, condition)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(" ".join(condition.split()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Unknown from None


# One case for each kind of node that is understood.
def _value(node: ast.expr, names: dict[str, Any]) -> Any:  # noqa: C901
    match node:
        case ast.Constant(value=bool() | int() | float() | None as value):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_value(each, names) for each in values)
        case ast.BoolOp(values=values):
            return _either(values, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, names)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, names) else other, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _ARITHMETIC[type(op)](_number(left, names), _number(right, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _COMPARISONS[type(op)](_value(left, names), _value(right, names))
        case ast.Subscript(value=value, slice=index):
            return _value(value, names)[_value(index, names)]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, arguments, names)
    raise Unknown


def _number(node: ast.expr, names: dict[str, Any]) -> float:
    """Python multiplies lists too, to any length."""
    value = _value(node, names)
    if not isinstance(value, int | float):
        raise TypeError("not a number")
    return value


def _either(values: list[ast.expr], names: dict[str, Any]) -> bool:
    """An alternative that is true of no data is meant to be, although one before it is an error."""
    wrong: Exception | None = None
    for each in values:
        try:
            if _value(each, names):
                return True
        except Unknown:
            raise
        except Exception as error:
            wrong = error
    if wrong:
        raise wrong
    return False


def _called(name: str, arguments: list[ast.expr], names: dict[str, Any]) -> Any:
    if name in _OF_EACH and len(arguments) == 2:
        elements = _value(arguments[0], names)
        found = [_value(arguments[1], names | {"_each": each}) for each in elements]
        return _OF_EACH[name](found)
    if name not in _FUNCTIONS:
        raise Unknown
    return _FUNCTIONS[name](*(_value(each, names) for each in arguments))
