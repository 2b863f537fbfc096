"""What a Job, or the start of a workload, does to a database: the SQL in its commands and files."""

import re
from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.sections import deployed_part, marker_of_another_tool

from .commands import Run, runs
from .inventory import Inventory
from .migrating import migrates, taking_back
from .mounted import MountedFile, NamedFiles, mounted
from .place import FieldPlace, Object
from .rule import WORKLOADS
from .sql import Contract, Unclear, only_asks, statements_in, worst

Found = Contract | Unclear
_SERVERS: Final[tuple[tuple[str, Dialect], ...]] = (
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("sqlite3", "sqlite"),
)
# They run a file from its first line to its last, markers and all.
_CLIENTS: Final = {"psql", "mysql", "mariadb", "sqlite3"}
# What the clock runs is a migration where it changes what others use. To delete old rows, to add
# and drop partitions, and to make a table of its own anew is daily work.
_CHANGES_A_SCHEMA: Final = re.compile(r"(?:\A|;)\s*(?:alter|rename|drop)\s", re.IGNORECASE)
_DAILY: Final = re.compile(r"\bpartitions?\b|\bcreate\s+(?:\w+\s+)?(?:table|view)\b", re.IGNORECASE)
_SPEAKS_SQL: Final = re.compile(
    r"\b(?:(?:alter|drop|create|truncate)\s+table|delete\s+from|insert\s+into)\s", re.IGNORECASE
)
_SQL_FILE: Final = re.compile(r"[\w.-]+\.sql")
# golang-migrate and others; undo migrations of Flyway.
_WAY_DOWN: Final = re.compile(r"(?:.*[._-])?(?:down|undo|revert|rollback)\.sql|U[0-9][^/]*\.sql")


def in_pod(each: Object, inventory: Inventory) -> Iterator[tuple[FieldPlace, Found]]:
    """Each command and each mounted file that is a contract, or is not understood."""
    given = runs(each, inventory)
    programs = {_name(word) for run in given for command in _commands(run) for word in command}
    dialect: Dialect = next((own for name, own in _SERVERS if name in programs), "postgres")
    for run in given:
        every = [command for command in _commands(run) if _counts(command, run, each)]
        found = [one for command in every for one in _of_command(command, dialect)]
        found += [Unclear(run.unread)] if run.unread else []
        if worse := _worse(found):
            yield run.place, _told(worse, run.place)
    for file in _run_files(each, inventory):
        if found_in_file := _of_file(file.text, dialect, programs):
            yield file.place, _told(found_in_file, file.place)


def _told(found: Found, place: FieldPlace) -> Found:
    """A contract is told by the names in it, what is not understood in its own words: those of a
    Secret are for nobody."""
    is_secret = place.object.kind == "Secret" and isinstance(found, Unclear)
    return Unclear("a statement in a Secret") if is_secret else found


def _commands(run: Run) -> list[list[str]]:
    """Its simple commands, and the name of the image before what its program is given."""
    return [[run.image, *each] if each is run.words else each for each in run.commands]


def _counts(command: list[str], run: Run, each: Object) -> bool:
    """Whether it belongs to a release. What serves may delete old rows for as long as it runs."""
    if each.kind not in WORKLOADS or run.is_first:
        return True
    changes = any(_changes_a_schema(sql) for sql in map(statements_in, command))
    return changes or bool(taking_back(command))


def _run_files(each: Object, inventory: Inventory) -> Iterator[MountedFile]:
    """The files of SQL that are run, but for the ways down: those that a command names, and those
    that a Job or a tool finds in a directory."""
    named = NamedFiles(command for run in runs(each, inventory) for command in _commands(run))
    finds = each.kind not in WORKLOADS or migrates(each, inventory)
    for file in mounted(each, inventory):
        is_named = file in named
        is_found = finds and file.is_sql and not _WAY_DOWN.fullmatch(file.name)
        if is_found or (is_named and (file.is_sql or statements_in(file.text))):
            yield file


def changes_a_database(each: Object, inventory: Inventory, *, by_the_clock: bool) -> bool:
    """Whether SQL that does more than to ask stands in its commands, or in files that these name;
    by the clock, and of what serves, only what changes a schema that is not its own alone."""
    for run in runs(each, inventory):
        daily = by_the_clock or (each.kind in WORKLOADS and not run.is_first)
        for sql in _in_commands(run, each, inventory):
            if _changes_a_schema(sql) if daily else not only_asks(sql):
                return True
    return False


def unseen(each: Object, inventory: Inventory) -> str:
    """SQL that runs before the pod serves and is not looked at, in words; empty if there is none:
    that of a file which the input does not have, or in a program that is no shell's."""
    files = {file.name for file in mounted(each, inventory)}
    for run in runs(each, inventory):
        if each.kind in WORKLOADS and not run.is_first:
            continue
        named = NamedFiles(run.commands)
        for file in filter(named.__contains__, mounted(each, inventory)):
            if not (file.is_script or file.is_sql) and _SPEAKS_SQL.search(file.text):
                return f"the SQL in {file.name}"
        others = [command for command in run.commands if not _calls_client(command)]
        made = {_name(word) for command in others for word in command if " " not in word}
        for command in filter(_calls_client, run.commands):
            for word in command:
                name = _name(word.partition("=")[2] or word)
                if _SQL_FILE.fullmatch(name) and name not in files | made:
                    return f"the SQL in {word}"
    return ""


def _calls_client(command: list[str]) -> bool:
    return any(_name(word) in _CLIENTS for word in command)


def _changes_a_schema(sql: str) -> bool:
    return bool(_CHANGES_A_SCHEMA.search(sql)) and not _DAILY.search(sql)


def _in_commands(run: Run, each: Object, inventory: Inventory) -> Iterator[str]:
    for command in run.commands:
        yield from filter(None, map(statements_in, command))
    named = NamedFiles(run.commands)
    for file in filter(named.__contains__, mounted(each, inventory)):
        if sql := file.text if file.is_sql else statements_in(file.text):
            yield sql


def _worse(found: list[Found]) -> Found | None:
    contracts = [each for each in found if isinstance(each, Contract)]
    return next(iter(contracts or found), None)


def _of_command(words: list[str], dialect: Dialect) -> Iterator[Found]:
    if taken := taking_back(words):
        yield Contract(taken)
    for word in words:
        if (sql := statements_in(word)) and (found := worst(sql, dialect)):
            yield found


def _of_file(text: str, dialect: Dialect, programs: set[str]) -> Found | None:
    """The part of a file that is run on the way up, by the tool that its markers are of. A client
    runs both parts."""
    marker = marker_of_another_tool(text)
    if marker and not (programs & _CLIENTS and marker[0] not in programs):
        part = deployed_part(text, marker[0])
        if isinstance(part, str):
            return Unclear(part)
        text = part[1]
    return worst(text, dialect)


def _name(word: str) -> str:
    return word.rpartition("/")[2]
