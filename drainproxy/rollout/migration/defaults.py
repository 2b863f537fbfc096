"""Whether a new column of a table in use takes its own default.

Some servers look only when a row has it: then ALTER TABLE succeeds, and the rows of old code fail.
"""

import re
from datetime import datetime
from typing import Final

from .lexer import Dialect
from .tree import Node, kind, nodes

# Of an integer that every server keeps as one, in 64 bits.
_MOST_DIGITS: Final = 18
# SQLite takes any default for a column of a STRICT table, and refuses each row that has it.
_STRICT_DEFAULTS: Final = {
    "INT": {"integer"},
    "DOUBLE": {"integer", "number"},
    "TEXT": {"integer", "number", "text"},
    "VARBINARY": set[str](),
}
# MySQL gives no other type a default: it refuses that, or throws it away where its mode is lax, so
# that NOT NULL stays alone.
_WITH_DEFAULT: Final = {
    *("BIT", "BOOLEAN", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "DECIMAL", "DOUBLE"),
    *("UTINYINT", "USMALLINT", "UMEDIUMINT", "UINT", "UBIGINT", "UDECIMAL", "UDOUBLE", "FLOAT"),
    *("CHAR", "NCHAR", "VARCHAR", "NVARCHAR", "BINARY", "VARBINARY", "ENUM", "SET", "UUID"),
    *("DATE", "DATETIME", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "YEAR"),
}
# Characters of four bytes in 65535 bytes: a longer VARCHAR becomes a TEXT where its mode is lax.
_LONGEST: Final = 16_383
_NOW_OF_POSTGRES: Final = {"statement_timestamp", "transaction_timestamp"}
_TIMES: Final = {"DATETIME", "TIMESTAMP", "TIMESTAMPTZ"}
# PostgreSQL's types that take a length, and those that have one without it.
_CHARACTERS: Final = {"BPCHAR", "CHAR", "NCHAR", "VARCHAR"}
_SIZED: Final = {"BIT", "DECIMAL", "USERDEFINED", *_CHARACTERS}
_TEXTS: Final = {"NAME", "TEXT", *_CHARACTERS}
_ONE_LONG: Final = {"BIT", "CHAR", "NCHAR"}
_BITS: Final = {"SMALLINT": 15, "INT": 31, "BIGINT": 63}
_FLOATS: Final = {"DOUBLE", "FLOAT"}
# In digits: 64 bits of hundredths.
_MOST_OF_MONEY: Final = 16
_NUMBER = re.compile(r"[+-]?0*(\d{0,18})(?:\.(\d{0,18}))?")
# Of some days at most, and not infinite.
_SPAN = re.compile(r"(?:\d{1,4} (?:day|hour|minute|second)s?|\d\d:\d\d(?::\d\d)?)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?)?")


def constant(default: Node, data_type: Node, dialect: Dialect) -> Node | None:
    """The constant that a default is, in another spelling as well; None if it is the time of the
    statement as the column keeps it, which the server computes once for all rows that are there."""
    if dialect == "sqlite" and kind(default) == "Collate":
        # In its grammar a default ends before COLLATE, which is another constraint of the column.
        return default.this
    if dialect == "mysql" and _is_now_of_mysql(default):
        return None if data_type.this.name in _TIMES else default
    if dialect == "postgres" and data_type.this.name in {"DATE", *_TIMES}:
        return None if _is_now_of_postgres(_plain(default, "Paren")) else default
    return default


def _is_now_of_mysql(default: Node) -> bool:
    """A synonym of CURRENT_TIMESTAMP (MySQL, "Date and Time Functions"). It refuses another number
    of digits than that of the column, MariaDB cuts."""
    is_now = kind(default) == "Anonymous" and str(default.this).upper() == "NOW"
    is_local = kind(default) in ("Localtime", "Localtimestamp")
    inner = [each for each in nodes(default) if each is not default]
    return (is_now or is_local) and {kind(each) for each in inner} <= {"Literal"}


def _is_now_of_postgres(default: Node) -> bool:
    """Of one transaction or statement, so that no row is written ("Current Date/Time", 9.9.5); each
    of its forms becomes each type of a day without an error."""
    if kind(default) == "AtTimeZone":
        zone = default.args["zone"]
        is_known = kind(zone) == "Literal" and str(zone.this).upper() == "UTC"
        is_now = kind(_plain(default.this, "Paren")) == "CurrentTimestamp"
        of_now = ("AtTimeZone", "CurrentTimestamp", "Literal", "Paren")
        return is_known and is_now and _holds(default, *of_now)
    if kind(default) == "Anonymous":
        name = str(default.this).lower()
        return name in _NOW_OF_POSTGRES and not default.expressions
    return kind(default) == "Localtimestamp" and _holds(default, "Localtimestamp", "Literal")


def _holds(default: Node, *kinds: str) -> bool:
    return {kind(node) for node in nodes(default)} <= {*kinds}


def fits(default: Node, data_type: Node, dialect: Dialect) -> bool:
    """Whether a row with the default is surely taken."""
    if kind(default) == "Null":
        return True
    if dialect == "mysql":
        return _takes_default(data_type) and _is_of_mysql(default, data_type.this.name)
    if dialect == "postgres":
        return _is_of_postgres(default, data_type)
    name = data_type.this.name
    return name not in _STRICT_DEFAULTS or _form(default) in _STRICT_DEFAULTS[name]


def _is_of_postgres(default: Node, data_type: Node) -> bool:
    """It reads a text as a value of the type at once, but fits it into the length when a row comes.

    For a table with rows of its own, that is at once as well; for one that is partitioned, with the
    first row of a partition that is made later.
    """
    default = _unsigned_cast(default)
    match kind(default):
        case "Null":
            return True
        case "Cast":
            given, inner = default.args["to"], _unsigned_cast(default.this)
            # A cast of a cast converts when a row comes.
            return (
                kind(inner) != "Cast"
                and all(_is_of_postgres(inner, each) for each in (given, data_type))
                and _is_converted(inner, given, data_type)
            )
        case "Array":
            # Those that stand in one must be of one length, which is looked at when a row comes.
            return data_type.this.name == "ARRAY" and all(
                _is_of_postgres(each, _element(data_type)) for each in default.expressions
            )
    if data_type.this.name == "ARRAY":
        return str(default.name) == "{}" or not _has_length(data_type)
    return _fits_length(default, data_type)


def _unsigned_cast(default: Node) -> Node:
    """It without parentheses, and without the sign of a cast: `-5::smallint` is `-(5::smallint)`.
    As far up as a number goes here, it goes down as well."""
    inner = _plain(default)
    return inner if kind(inner) == "Cast" else _plain(default, "Paren")


def _is_converted(constant: Node, given: Node, wanted: Node) -> bool:
    """Whether that of one type surely becomes one of the other. A text is read at once as a value
    of the type that it is cast to; to convert that is left to the row."""
    name = wanted.this.name
    if kind(constant) == "Null" or _is_same(given, wanted):
        return True
    if kind(constant) == "Array":
        elements = _element(given), _element(wanted)
        return all(_is_converted(each, *elements) for each in constant.expressions)
    text = str(_plain(constant).name)
    if name in {"DATE", "TIME", *_TIMES} and given.this.name in {"DATE", *_TIMES}:
        # Far from the first and the last day of each, in any zone.
        return _is_date(constant)
    if (given.this.name, name) == ("INTERVAL", "TIME"):
        return _SPAN.fullmatch(text) is not None
    if name == "ARRAY":
        return text == "{}"
    if name in _TEXTS:
        return given.this.name in _TEXTS or not _has_length(wanted)
    if name in _BITS:
        is_whole = text.isdecimal() and len(text) <= _MOST_DIGITS
        return is_whole and int(text) < 2 ** _BITS[name]
    return name in (*_FLOATS, "DECIMAL") and _NUMBER.fullmatch(text) is not None


def _is_same(given: Node, wanted: Node) -> bool:
    """Whether two types differ in their length at most."""
    if given.this.name != wanted.this.name:
        return False
    if given.this.name == "ARRAY":
        return _is_same(_element(given), _element(wanted))
    return given.this.name != "USERDEFINED" or bool(given == wanted)


def _element(data_type: Node) -> Node:
    """The type of an array's elements; itself if it is none. PostgreSQL knows no arrays in arrays:
    `int[][]` is `int[]`."""
    while data_type.this.name == "ARRAY":
        data_type = data_type.expressions[0]
    return data_type


def _has_length(data_type: Node) -> bool:
    data_type = _element(data_type)
    name = data_type.this.name
    return name in _ONE_LONG or (name in _SIZED and bool(data_type.expressions))


def _fits_length(default: Node, data_type: Node) -> bool:
    name, form, text = data_type.this.name, _form(default), str(_plain(default).name)
    if kind(_plain(default)) == "Boolean":
        text = "false"
    number = _NUMBER.fullmatch(text)
    if not _has_length(data_type):
        if form in ("integer", "number") and name == "MONEY":
            return number is not None and len(number[1]) <= _MOST_OF_MONEY
        if form in ("integer", "number") and name in _BITS:
            return text.isdigit() and int(text) < 2 ** _BITS[name]
        # Another spelling may be too large for the type.
        return form != "number" or name not in _FLOATS or number is not None
    length, *scale = _sizes(data_type) or [1]
    if kind(default) == "BitString":
        return name == "BIT" and len(text) == length
    if name == "DECIMAL":
        places = sum(scale)
        return (
            form in ("integer", "number", "text")
            and number is not None
            and len(number[1]) <= length - places
            and len(number[2] or "") <= places
        )
    # A number may have a sign.
    longest = {"text": length, "integer": length - 1}.get(form, -1)
    return name in _CHARACTERS and len(text) <= longest


def _is_of_mysql(default: Node, name: str) -> bool:
    # A time is a text for other types.
    if kind(default).startswith("Current"):
        return name in _TIMES
    return name not in {"DATE", *_TIMES} or _is_date(default)


def _is_date(default: Node) -> bool:
    """A day of the calendar.

    A mode of the session decides whether `0000-00-00` is one, and MariaDB asks it again for each
    row that leaves the column out (NO_ZERO_DATE, NO_ZERO_IN_DATE).
    """
    default = _plain(default, "Cast", "Paren")
    if kind(default) != "Literal" or not _DATE.fullmatch(text := str(default.this)):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _takes_default(data_type: Node) -> bool:
    """Whether MySQL keeps it."""
    return data_type.this.name in _WITH_DEFAULT and all(
        0 <= size <= _LONGEST for size in _sizes(data_type)
    )


def _sizes(data_type: Node) -> list[int]:
    """The numbers behind a type, -1 for what is none."""
    texts = [str(each.this.this) for each in data_type.expressions if kind(each) == "DataTypeParam"]
    return [int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else -1 for text in texts]


def _plain(default: Node, *around: str) -> Node:
    """What stands in it, without what may be around."""
    while kind(default) in (around or ("Neg", "Paren")):
        default = default.this
    return default


def _form(default: Node) -> str:
    default = _plain(default)
    if kind(default) == "Boolean":
        return "integer"
    if kind(default) != "Literal":
        return "other"
    if default.args.get("is_string"):
        return "text"
    text = str(default.this)
    return "integer" if text.isdigit() and len(text) <= _MOST_DIGITS else "number"
