"""Recognises statements that only add or move data: all their nodes, arguments, calls and words are
on a list."""

import re
from collections.abc import Collection

from . import grammar, tree
from .columns import column_problem
from .definition import call_problem
from .index_options import is_plain_option
from .judgement import PhaseJudgement, expand, migrate, unknown
from .lexer import Statement
from .made import Made
from .methods import method_problem
from .names import called, unexplained, words
from .rows import row_problem
from .shown import folded
from .tree import Node, foreign, kind, nodes
from .types import type_problem

_CREATE = ("Create", "Table", "Identifier", "Properties")
_CHARSET = ("CharacterSetProperty", "CollateProperty", "Var")
_INDEX_ACTION = (
    "AddConstraint",
    "IndexColumnConstraint",
    "Identifier",
    "Column",
    "Literal",
    "ColumnPrefix",
    "Ordered",
)
# MySQL's LOCK: SHARED keeps writers waiting, and EXCLUSIVE readers too.
_LOCKS_OF_NOBODY = ("NONE", "DEFAULT")
# PostgreSQL, "Building Indexes Concurrently".
_BLOCKS_WRITES = "; without CONCURRENTLY writes wait until it is built"
# PostgreSQL looks for a type of that name before it converts the argument (manual, 10.3, step 3):
# `upper(x)` of a varchar is a cast then, if `upper` is an enumeration.
_ONE_ARGUMENT = grammar.FUNCTIONS["postgres"] | grammar.MORE_FUNCTIONS
_OF_NEW = "a change of a table that this file has made"
_QUERIES = ("Select", "Union", "Except", "Intersect", "Subquery")
# PostgreSQL's has none, and sqlglot reads both as CURRENT_TIMESTAMP.
_NOW_OF_SOMEBODY = re.compile(r"\bnow\s*\(\s*[^)\s]", re.IGNORECASE)
# The parts of a statement that have a dangerous word and are not what it stands for.
_CLAUSES = re.compile(
    r"\bON\s+DELETE\b|\bDO\s+NOTHING\b|\bLOCK\s*=|\bREPLACE(?=\s*\()|\bOR\s+IGNORE\b", re.IGNORECASE
)


def additive(parsed: Node, statement: Statement, made: Made) -> PhaseJudgement:
    """Expand or migrate, or unknown with what is not understood."""
    if problem := _general_problem(parsed):
        return unknown(problem)
    if problem := type_problem(parsed, statement.sql, made.dialect, made.types):
        return unknown(problem)
    if problem := method_problem(parsed, made.dialect):
        return unknown(problem)
    match kind(parsed):
        case "Create":
            judgement = _create(parsed, statement, made)
        case "Alter":
            judgement = _alter(parsed, statement, made)
        case "Insert" | "Update" | "Merge" | "Delete":
            judgement = _data(parsed, statement, made)
        case "Comment":
            judgement = _only(parsed, ("Comment", "Table", *grammar.VALUE_NODES), "a comment")
        case _:
            judgement = unknown(f"{_beginning(statement)} is in no list of what only adds")
    if not judgement.is_additive:
        return judgement
    left = set(unexplained(parsed, _CLAUSES.sub(" ", statement.bare))) & _dangerous(parsed, made)
    return unknown(f"{min(left)} is not understood here") if left else judgement


def _general_problem(parsed: Node) -> str:
    for node in nodes(parsed):
        if arguments := tree.unknown_arguments(node):
            return f"{kind(node)} with {', '.join(arguments)} is not understood"
        if kind(node) == "Table" and tree.is_of_the_system(node):
            return f"{node.sql()} belongs to the server or to the session alone"
        if kind(node) == "Alias" and kind(node.parent) not in ("Select", "Returning"):
            return f"{node.sql()[:40]} is no expression of a server"
        if str(node.args.get("alternative") or "IGNORE").upper() != "IGNORE":
            return "INSERT OR something else than IGNORE is not understood"
    return ""


def _is_of_a_new_table(parsed: Node, made: Made) -> bool:
    """It defines columns that nobody writes yet."""
    if kind(parsed) == "Alter":
        return made.has(parsed.this)
    return kind(parsed) == "Create" and _what(parsed) == "TABLE" and not parsed.expression


def _dangerous(parsed: Node, made: Made) -> frozenset[str]:
    """The words that it must not have, even if the tree does not show them."""
    if kind(parsed) == "Delete":
        return grammar.DATA_DANGEROUS - {"DELETE"}
    if kind(parsed) in ("Insert", "Update", "Merge"):
        return grammar.DATA_DANGEROUS
    if _is_of_a_new_table(parsed, made):
        altered = {"ALTER"} if any(kind(node) == "AlterColumn" for node in nodes(parsed)) else set()
        return grammar.DANGEROUS - grammar.HARMLESS_IN_NEW - altered
    if kind(parsed) == "Create" and _what(parsed) == "INDEX" and parsed.args.get("unique"):
        return grammar.DANGEROUS - {"UNIQUE"}
    if kind(parsed) == "Create" and _what(parsed) == "VIEW":
        return grammar.DANGEROUS - {"PARTITION"}
    return grammar.DANGEROUS


def _create(create: Node, statement: Statement, made: Made) -> PhaseJudgement:
    if any(kind(node) == "Lock" for node in nodes(create)):
        return unknown("FOR UPDATE and FOR SHARE lock rows that old code writes")
    match _what(create):
        case "TABLE":
            return _create_table(create, statement, made)
        case "INDEX":
            return _create_index(create, statement, made)
        case "VIEW":
            nodes_of_view = (*_CREATE, "Schema", "MaterializedProperty", *grammar.QUERY_NODES)
            judgement = _only(create, nodes_of_view, "a new view", functions=True)
            return _calling(judgement, create, statement, made, {*grammar.DEFINERS, "VIEW"})
        case "SCHEMA" | "DATABASE":
            return _only(create, (*_CREATE, *_CHARSET), f"a new {_what(create).lower()}")
        case "SEQUENCE":
            return _only(create, (*_CREATE, *grammar.SEQUENCE_NODES), "a new sequence")
        case "TYPE":
            if kind(create.expression) == "DataType" and folded(create.this.this) in _ONE_ARGUMENT:
                return unknown(
                    f"old code's {create.this.name}(x) may become a cast to the new type"
                )
            return _only(create, (*_CREATE, *grammar.TYPE_NODES), "a new type")
    return unknown(f"CREATE {_what(create)} is in no list of what only adds")


def _create_table(create: Node, statement: Statement, made: Made) -> PhaseJudgement:
    query = create.args.get("expression")
    for node in nodes(create):
        if kind(node) == "PartitionedOfProperty" and not made.has(node.this):
            return unknown("a partition of a table that this file has not made")
    more = grammar.QUERY_NODES if query else grammar.PARTITION_NODES
    allowed = (*_CREATE, *grammar.TABLE_NODES, *more)
    judgement = _only(create, allowed, "a new table", functions=True)
    if not judgement.is_additive:
        return judgement
    if query is None:
        problem = call_problem(create, statement.bare, made.dialect)
        return unknown(problem) if problem else judgement
    if kind(query) not in _QUERIES:
        return unknown("CREATE TABLE ... AS something else than a query")
    return _calling(judgement, create, statement, made, {*grammar.DEFINERS, "EXISTS"})


def _create_index(create: Node, statement: Statement, made: Made) -> PhaseJudgement:
    prefixes = _prefixes(create) if made.dialect == "mysql" else []
    is_waited_for = made.dialect == "postgres" and not create.args.get("concurrently")
    is_waited_for = is_waited_for and not made.has(create.this.args.get("table"))
    reason = "a new index" + (_BLOCKS_WRITES if is_waited_for else "")
    judgement = _only(create, grammar.INDEX_NODES, reason, besides=prefixes)
    if judgement.is_additive and made.dialect == "postgres" and _holds_rows(create):
        return unknown("an index of whole rows compares them: with a column of json no row fits")
    functions = {*grammar.INDEX_FUNCTIONS, *(node.name.lower() for node in prefixes)}
    return _calling(judgement, create, statement, made, {"ON", "USING", "WITH"}, functions)


def _holds_rows(create: Node) -> bool:
    """PostgreSQL reads the name of the table in an expression as its row, if it is no column."""
    name = folded(create.this.args["table"].this)
    return any(
        kind(node) == "Column"
        and kind(node.parent) not in ("Ordered", "IndexParameters")
        and folded(node.this) == name
        for node in nodes(create)
    )


def _prefixes(create: Node) -> list[Node]:
    """MySQL's `(name(10))`: the first characters of a column; a call has one more parenthesis."""
    return [
        node
        for node in nodes(create)
        if kind(node) == "Anonymous"
        and kind(node.parent) == "Ordered"
        and [kind(each) for each in node.expressions] == ["Literal"]
    ]


def _alter(alter: Node, statement: Statement, made: Made) -> PhaseJudgement:
    actions = alter.args.get("actions") or ()
    if str(alter.args.get("kind")).upper() != "TABLE" or not actions:
        return unknown("this ALTER is in no list of what only adds")
    if alter.args.get("only") and made.dialect != "postgres":
        return unknown("ALTER TABLE ONLY is PostgreSQL's: another server reads the name of a table")
    for option in alter.args.get("options") or ():
        if kind(option) not in ("AlgorithmProperty", "LockProperty"):
            return unknown(f"ALTER TABLE with {kind(option)} is not understood")
        if kind(option) == "LockProperty" and option.this.name.upper() not in _LOCKS_OF_NOBODY:
            return unknown(f"{option.sql()} keeps old code waiting while the table is changed")
    if made.dialect == "postgres" and _NOW_OF_SOMEBODY.search(statement.bare):
        return unknown("now(...) with an argument is a function of somebody's own")
    problems = (_action_problem(each, alter.this, made) for each in actions)
    if problem := next(filter(None, problems), ""):
        return unknown(problem)
    if made.has(alter.this):
        problem = call_problem(alter, statement.bare, made.dialect)
        return unknown(problem) if problem else expand(_OF_NEW)
    indexes = sum(kind(action) == "AddConstraint" for action in actions)
    parts = ["an index" if indexes else "", "a column" if len(actions) > indexes else ""]
    return expand(f"adds {' and '.join(filter(None, parts))}")


def _action_problem(action: Node, table: Node, made: Made) -> str:
    """Why an action of ALTER TABLE does not plainly add; empty if it does."""
    new = made.has(table)
    match kind(action):
        case "ColumnDef":
            return (
                foreign(action, grammar.TABLE_NODES, True)
                if new
                else column_problem(action, table, made)
            )
        case "AddConstraint" if new:
            return foreign(action, {"AddConstraint", *grammar.TABLE_NODES}, True)
        case "AddConstraint":
            if any(node.args.get("kind") for node in nodes(action)):
                return "an index of a special kind"
            options = [node for node in nodes(action) if is_plain_option(node, made.dialect)]
            return foreign(action, _INDEX_ACTION, besides=options)
        case "AlterColumn" if new and action.args.get("allow_null") is False:
            return ""
    return f"ALTER TABLE with {kind(action)} is in no list of what only adds"


def _data(parsed: Node, statement: Statement, made: Made) -> PhaseJudgement:
    allowed = (*grammar.DATA_NODES, *(("Delete",) if kind(parsed) == "Delete" else ()))
    judgement = migrate("moves data")
    if kind(parsed) == "Delete":
        judgement = migrate("deletes rows of a table that this file has made")
    if problem := foreign(parsed, allowed, functions=True):
        return unknown(problem)
    if made.writes_to_a_copy(parsed):
        return unknown("a table made by LIKE has defaults and checks that are not shown here")
    if made.dialect == "sqlite" and _is_a_command(parsed):
        return unknown("a column with the name of its table takes commands in a full-text index")
    return _calling(judgement, parsed, statement, made, grammar.DEFINERS)


def _is_a_command(parsed: Node) -> bool:
    """SQLite's FTS deletes for `INSERT INTO docs (docs) VALUES ('delete-all')`."""
    target = parsed.this.this if kind(parsed.this) == "Schema" else parsed.this
    written = parsed.this.expressions if kind(parsed.this) == "Schema" else []
    conflict = parsed.args.get("conflict")
    for each in [*parsed.expressions, *(conflict.expressions if conflict else ())]:
        # SET name = value, or (name, name) = (value, value).
        written = [*written, *(nodes(each.this) if kind(each) == "EQ" else ())]
    return any(str(node.name).lower() == target.name.lower() for node in written)


def _only(
    parsed: Node,
    allowed: Collection[str],
    reason: str,
    functions: bool = False,
    besides: Collection[Node] = (),
) -> PhaseJudgement:
    """Expand, if it is made of what is allowed."""
    problem = foreign(parsed, allowed, functions, besides)
    return unknown(problem) if problem else expand(reason)


def _calling(
    judgement: PhaseJudgement,
    parsed: Node,
    statement: Statement,
    made: Made,
    definers: Collection[str],
    functions: Collection[str] | None = None,
) -> PhaseJudgement:
    """The judgement, if it calls nothing but `functions`."""
    if not judgement.is_additive:
        return judgement
    if problem := row_problem(parsed, statement.sql, made):
        return unknown(problem)
    name = called(parsed, statement.bare, made.dialect, definers, functions)
    return unknown(f"{name} is called, which is not known here") if name else judgement


def _what(create: Node) -> str:
    return str(create.args.get("kind")).upper()


def _beginning(statement: Statement) -> str:
    return " ".join(words(statement.bare)[:2]) or "this"
