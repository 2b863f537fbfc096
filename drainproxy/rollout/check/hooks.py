"""What the Job of a release hook does to a database: the SQL in its commands and files."""

import re
from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.sections import deployed_part, marker_of_another_tool

from .commands import Run, pod_specs, runs
from .inventory import Inventory
from .migrating import taking_back
from .place import FieldPlace, Object
from .shell import read
from .sql import Contract, Unclear, only_asks, statements_in, worst

Found = Contract | Unclear
# What each container, and each script that it calls, runs; and what of it is not looked at.
_Given = list[tuple[FieldPlace, list[list[str]], str]]

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
# golang-migrate and others; undo migrations of Flyway.
_WAY_DOWN: Final = re.compile(r"(?:.*[._-])?(?:down|undo|revert|rollback)\.sql|U[0-9][^/]*\.sql")


def in_hook(job: Object, inventory: Inventory) -> Iterator[tuple[FieldPlace, Found]]:
    """Each command and each mounted file that is a contract, or is not understood."""
    given: _Given = [(run.place, _with_image(run), run.unread) for run in runs(job, inventory)]
    mounted = [*_mounted(job, inventory)]
    given += _called(runs(job, inventory), mounted)
    programs = {_name(word) for _, every, _ in given for command in every for word in command}
    dialect: Dialect = next((own for name, own in _SERVERS if name in programs), "postgres")
    for place, every, unread in given:
        found = [each for command in every for each in _of_command(command, dialect)]
        found += [Unclear(unread)] if unread else []
        if worse := _worse(found):
            yield place, worse
    for file, place in mounted:
        is_left = _WAY_DOWN.fullmatch(file) and not _is_named(file, given)
        if is_left or not file.endswith(".sql"):
            continue
        if found_in_file := _of_file(place.text, dialect, programs):
            yield place, found_in_file


def _with_image(run: Run) -> list[list[str]]:
    """Its simple commands, and the name of the image before what its program is given."""
    return [[run.image, *each] if each is run.words else each for each in run.commands]


def _called(given: list[Run], mounted: list[tuple[str, FieldPlace]]) -> _Given:
    """What the scripts run that a container calls, with its variables."""
    scripts = [(file, place) for file, place in mounted if file.endswith(".sh")]
    return [
        (place, reading.commands, reading.unread)
        for run in given
        for file, place in scripts
        if _is_named(file, [(run.place, run.commands, "")])
        for reading in [read(["sh", "-c", place.text], run.environment)]
    ]


def holds_changes(job: Object, inventory: Inventory) -> bool:
    """Whether SQL that does more than to ask stands in its commands."""
    return any(not only_asks(sql) for sql in _in_commands(job, inventory))


def holds_a_schema_change(job: Object, inventory: Inventory) -> bool:
    """Whether SQL stands in its commands that changes a schema, and not only what is its own."""
    return any(
        _CHANGES_A_SCHEMA.search(sql) and not _DAILY.search(sql)
        for sql in _in_commands(job, inventory)
    )


def _in_commands(job: Object, inventory: Inventory) -> Iterator[str]:
    for run in runs(job, inventory):
        for command in run.commands:
            yield from filter(None, map(statements_in, command))


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


def _mounted(job: Object, inventory: Inventory) -> Iterator[tuple[str, FieldPlace]]:
    """The scripts and the SQL files of the ConfigMaps that its pod mounts."""
    volumes = [each for spec in pod_specs(job) for each in spec.at("volumes").items]
    for volume in volumes:
        for source in (volume, *volume.at("projected", "sources").items):
            name = source.at("configMap", "name")
            found = inventory.named("ConfigMap", name.text, job) if name.exists else None
            for file, text in found.root.at("data").entries.items() if found else ():
                if file.endswith((".sql", ".sh")):
                    yield file, text


def _name(word: str) -> str:
    return word.rpartition("/")[2]


def _is_named(file: str, given: _Given) -> bool:
    return any(file in word for _, every, _ in given for command in every for word in command)
