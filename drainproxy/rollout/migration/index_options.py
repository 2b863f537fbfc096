"""MySQL's options of an index that change neither what it holds nor who waits for it: the structure
in which it is kept (InnoDB has one, and takes the other word for it), a comment, and whether the
planner uses it ("CREATE INDEX Statement", "Invisible Indexes")."""

import re
from typing import Final

from .lexer import Dialect, Statement
from .tree import Node, kind

_PLAIN: Final = {"using", "comment", "visible", "key_block_size"}
_METHODS: Final = ("BTREE", "HASH")

# What sqlglot does not read behind the columns of CREATE INDEX. ALGORITHM=COPY keeps writers
# waiting.
_OPTION: Final = (
    r"\s*(?:\bUSING\s+(?:BTREE|HASH)\b|\b(?:IN)?VISIBLE\b|\bCOMMENT\s*=?\s*'{text}'"
    r"|\bKEY_BLOCK_SIZE\s*=?\s*\d+|\bALGORITHM\s*=?\s*(?:DEFAULT|INPLACE|NOCOPY|INSTANT)\b"
    r"|\bLOCK\s*=?\s*(?:DEFAULT|NONE)\b)"
)
_NAME: Final = r"(?:\w+|`{name}`)"
_TAIL: Final = r"\)(?P<options>(?:" + _OPTION + r")+)\s*\Z"
_HEAD: Final = r"\A(?P<head>CREATE\s+INDEX\s+" + _NAME + r")\s+USING\s+(?:BTREE|HASH)(?=\s+ON\b)"
_TAILS: Final = [
    re.compile(_TAIL.replace("{text}", text), re.IGNORECASE) for text in (r"[^'\\]*", " ")
]
_HEADS: Final = [
    re.compile(_HEAD.replace("{name}", name), re.IGNORECASE) for name in (r"[^`]+", " ")
]
_CREATES: Final = re.compile(r"CREATE\s+INDEX\b", re.IGNORECASE)


def is_plain_option(node: Node, dialect: Dialect) -> bool:
    """Whether a node is such an option, or what stands in it."""
    while kind(node) in ("Literal", "Var", "Boolean"):
        node = node.parent
    if dialect != "mysql" or kind(node) != "IndexConstraintOption":
        return False
    given = {name: value for name, value in node.args.items() if value is not None}
    return given.keys() <= _PLAIN and str(given.get("using", "BTREE")).upper() in _METHODS


def without_options(statement: Statement, dialect: Dialect) -> Statement:
    """A CREATE INDEX of MySQL without such options; any other statement as it is."""
    if dialect != "mysql" or statement.unsure or not _CREATES.match(statement.bare):
        return statement
    sql, bare = statement.sql, statement.bare
    # In the text without what is quoted they are surely code.
    tail, bare_tail = _TAILS[0].search(sql), _TAILS[1].search(bare)
    if tail and bare_tail and _unquoted(tail["options"]) == bare_tail["options"]:
        sql, bare = sql[: tail.start("options")], bare[: bare_tail.start("options")]
    if _HEADS[0].match(sql) and _HEADS[1].match(bare):
        sql, bare = _HEADS[0].sub(r"\g<head>", sql), _HEADS[1].sub(r"\g<head>", bare)
    return Statement(statement.line, sql, bare)


def _unquoted(options: str) -> str:
    """As the bare text has them."""
    return re.sub("'[^']*'", "' '", options)
