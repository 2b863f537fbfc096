"""What a shell would run of a text, found without a shell and in bounded work."""

import json
import sys
from time import monotonic
from types import FrameType

import pytest

from drainproxy.rollout.check.expansions import (
    CharacterAllowance,
    ShellVariables,
    substitutions,
    with_whole_defaults,
    without_here_documents,
)
from drainproxy.rollout.check.migrating import migrating
from drainproxy.rollout.check.shell import read, simple_commands


def found(script: str) -> set[str]:
    words = ["sh", "-c", script]
    return {each for each in map(migrating, simple_commands(words)) if each}


@pytest.mark.parametrize(
    "script",
    [
        "CMD='alembic upgrade head'; $CMD",
        "CMD='alembic upgrade head'\n${CMD}",
        'export CMD="alembic upgrade head" && exec $CMD',
        "TOOL=alembic; cd /app; $TOOL upgrade head",
        "DIR=/venv/bin; $DIR/alembic upgrade head",
        "A=upgrade B=alembic; $B -c x.ini $A head",
        'A=alembic; B="$A upgrade"; $B head',
        "CMD='cd /app && alembic upgrade head'; sh -c \"$CMD\"",
        "CMD='cd /app && alembic upgrade head'; eval $CMD",
        "OUT=`alembic upgrade head`; echo $OUT",
        'echo "`alembic upgrade head`"',
        'echo "$(cd /app && alembic upgrade head)"',
        'echo "it is $(echo $(alembic upgrade head))"',
        'echo "$(echo "(" `alembic upgrade head`)"',
        "echo `echo \\`alembic upgrade head\\``",
        'if [ "$(alembic upgrade head | tail -1)" = ok ]; then serve; fi',
        'CMD=\'alembic upgrade head\'; sh -c "sh -c \\"\\$CMD\\""',
        "${CMD:-alembic upgrade head}",
        'exec "${CMD-alembic upgrade head}"',
        "exec ${1:-alembic upgrade head}",
        "${TOOL:-alembic} upgrade ${REVISION:-head}",
        "CMD=${CMD:-alembic upgrade head}; $CMD",
        'CMD="${1:-alembic upgrade head}"\n$CMD',
        ": ${CMD:=alembic upgrade head}; $CMD",
        ': "${CMD:=alembic upgrade head}"; exec $CMD',
        "eval ${CMD:-'cd /app; alembic upgrade head'}",
        'sh -c "${CMD:-cd /app && alembic upgrade head}"',
        "${A:-${B:-alembic upgrade head}}",
        "CMD=; ${CMD:-alembic upgrade head}",
        "${UPGRADE:+alembic upgrade head}",
        "echo it\\'s ${A:-a b}; ${CMD:-alembic upgrade head}",
    ],
)
def test_what_is_run_through_variables_and_substitutions_is_found(script: str) -> None:
    assert "alembic upgrade" in found(script), json.dumps(script)


@pytest.mark.parametrize(
    "script",
    [
        "CMD='alembic upgrade head'; echo $CMD",
        "CMD='alembic upgrade head'; serve",
        "$CMD; CMD='alembic upgrade head'",
        "echo '`alembic upgrade head`'",
        "echo '$(alembic upgrade head)'",
        "echo \\`alembic upgrade head\\`",
        'echo "it\'s done: \\$(alembic upgrade head)"',
        "# `alembic upgrade head`\nserve",
        "CMD='alembic history'; $CMD",
        "echo ${CMD:-alembic upgrade head}",
        "CMD=serve; ${CMD:-alembic upgrade head}",
        "CMD=serve; : ${CMD:=alembic upgrade head}; $CMD",
        "CMD=; ${CMD-alembic upgrade head}",
        "CMD=; ${CMD:+alembic upgrade head}",
        "echo '${CMD:-`alembic upgrade head`}'",
        "serve # ${CMD:-alembic upgrade head}",
        "echo $((1 + 2)) `date",
        "echo $(date",
    ],
)
def test_what_is_only_said_is_not(script: str) -> None:
    assert found(script) == set(), json.dumps(script)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("from alembic import command; command.upgrade(cfg, 'head')", "command.upgrade"),
        ("import flask_migrate as m; flask_migrate.upgrade()", "flask_migrate.upgrade"),
        ("from django.core.management import *; call_command('migrate')", "call_command"),
        (
            "m.execute_from_command_line(['manage.py', 'migrate'])",
            "execute_from_command_line",
        ),
    ],
)
def test_functions_of_python_that_migrate_are_known(text: str, call: str) -> None:
    assert migrating(["python", "-c", text]) == f"python {call}"
    assert migrating(["/venv/bin/python3.12", "-u", "-c", text]) == f"python3.12 {call}"
    assert f"python {call}" in found(f'python -c "{text}"')
    assert migrating(["grep", "-c", text]) is None


def test_functions_of_python_that_look_do_not_migrate() -> None:
    for text in ("command.current(cfg)", "call_command('showmigrations')", "print('migrate')"):
        assert migrating(["python", "-c", text]) is None


@pytest.mark.parametrize(
    "command", ["nx migrate latest", "npx nx migrate --run-migrations", "npx storybook migrate x"]
)
def test_a_workspace_is_no_database(command: str) -> None:
    assert migrating(command.split()) is None
    assert migrating(["npx", "nx", "run", "db:migrate"]) == "nx db:migrate"


def test_here_documents_are_taken_out_as_a_shell_reads_them() -> None:
    bodies: list[str] = []

    def kept(body: str) -> str:
        bodies.append(body)
        return "BODY"

    text = "a <<END b\none\n END x\n\tEND\nc <<-'E'\nE\nd << OPEN\ne <<X <<E f\nE"
    assert without_here_documents(text, kept) == (
        "a  BODY  b\nc  BODY \nd << OPEN\ne <<X  BODY  f\n"
    )
    assert bodies == ["one\n END x\n", "", ""]


def test_each_here_document_of_a_line_is_taken_out() -> None:
    bodies: dict[str, str] = {}

    def kept(body: str) -> str:
        return bodies.setdefault(body, f"BODY{len(bodies)}")

    text = "a <<A-1 | b <<\\B; c <<<A-1\none\nA-1\ntwo\nB\nd"
    assert without_here_documents(text, kept) == "a  BODY0  | b  BODY1 ; c <<<A-1\nd\n"
    assert bodies == {"one\n": "BODY0", "two\n": "BODY1"}


def test_a_here_document_is_found_again_in_the_script_that_it_belongs_to() -> None:
    script = 'a "$(b <<E\none\nE\n)" <<E\ntwo\nE\nsh -c "c <<E\nthree\nE\n" \0000 \0009'
    words = {word for command in simple_commands(["sh", "-c", script]) for word in command}
    assert {"one\n", "two\n", "three\n"} <= words


def test_substitutions_are_found_where_a_shell_runs_them() -> None:
    text = "a $(b (c) ')' \")\" \\)) '$(d)' \"$(e)\" `f \\`g\\`` $((1)) \\$(h) $(i"
    assert [*substitutions(text)] == ["b (c) ')' \")\" \\)", "e", "f `g`"]


def test_a_variable_is_what_was_set_last_and_in_plain_text() -> None:
    known = ShellVariables({}, CharacterAllowance(1000))
    known.take(["A=1", "B=2 3"])
    known.take(["A=x", "program"])
    known.take(["export", "C=$B/$A/$D"])
    assert [*known.expanded(["$A", "${B}", "$C", "x"])] == [
        ["1", "2 3", "2 3/1/$D", "x"],
        ["1", "2", "3", "2", "3/1/$D", "x"],
        ["1 2 3 2 3/1/$D x"],
    ]
    assert [*known.expanded(["$D", "x"])] == []
    assert [*known.expanded(["$A"])] == [["1"], ["1"]]


def test_a_default_is_one_word_with_its_own_quotes() -> None:
    for text, whole in {
        "a ${B:-c d} e": 'a "${B:-c d}" e',
        'a "${B:-c d}"': 'a "${B:-c d}"',
        '${B:-c "d e"}': '"${B:-c \\"d e\\"}"',
        '"${B:-c "d" \\"e\\"}"': '"${B:-c \\"d\\" \\"e\\"}"',
        "${A:-${B:=c}} ${D} ${E:?f}": '"${A:-${B:=c}}" ${D} "${E:?f}"',
        "'${A:-b}' \\${A:-b} ${A:-b c": "'${A:-b}' \\${A:-b} ${A:-b c",
    }.items():
        assert with_whole_defaults(text) == whole


def test_a_default_holds_where_the_variable_is_not_set() -> None:
    known = ShellVariables({"A": "x", "EMPTY": ""}, CharacterAllowance(1000))
    (whole, *_) = known.expanded(["${A:-1}${EMPTY:-2}${EMPTY-3}${B:-4 $A}${A:+5}${B:?6}${EMPTY+7}"])
    assert whole == ["x24 x5${B:?6}7"]
    (whole, *_) = known.expanded(["${C:=8}$C${A:=9}${1:-10}${@:-11}"])
    assert whole == ["88x1011"]
    deep = "${B:-" * 9 + "12" + "}" * 9
    (whole, *_) = known.expanded([deep])
    assert "12" in whole[0]
    (whole, *_) = known.expanded(["$A ${B:-13"])
    assert whole == ["x ${B:-13"]


@pytest.mark.parametrize(
    "script", ["${CMD:-serve it}", 'exec "${CMD:-serve it}"', 'sh -c "${CMD:-serve it}"']
)
def test_a_default_is_no_script_in_a_script_for_ever(script: str) -> None:
    reading = read(["sh", "-c", script], {})
    assert ["serve", "it"] in reading.commands
    assert not reading.unread


def test_what_is_too_long_to_be_read_is_said() -> None:
    line = 'psql -h "$HOST" -c "SELECT 1" || exit 1\n'
    for size, is_cut in ((60_000, False), (250_000, True)):
        script = line * (size // len(line)) + "alembic upgrade head"
        began = monotonic()
        reading = read(["sh", "-c", script], {"HOST": "db"})
        assert bool(reading.unread) == is_cut
        assert any(map(migrating, reading.commands)) != is_cut
        assert monotonic() - began < 20
    doubled = "A=0123456789\n" + "A=$A$A\n" * 20 + "$A"
    assert read(["sh", "-c", doubled], {}).unread
    # It has ever the same length.
    assert not read(["sh", "-c", "A=$B\n" * 5000], {"B": "x" * 50}).unread
    # Data is no script.
    assert not read(["psql", "-c", "INSERT INTO a VALUES " + "(1)," * 100_000], {}).unread


def test_a_long_value_is_read_to_its_end() -> None:
    sql = "SELECT 1; " * 5000 + "DROP TABLE a"
    for script, known in (('psql -c "$SQL"', {"SQL": sql}), (f"SQL='{sql}'\npsql -c \"$SQL\"", {})):
        commands = read(["sh", "-c", script], known).commands
        assert ["psql", "-c", sql] in commands


HOSTILE = {
    "defaults that do not end": "${A:-",
    "defaults": "${A:-b c} ",
    "defaults that set": ": ${A:=$A$A}; $A",
    "nested defaults that do not end": "${A:-${B:=",
    "quotes in defaults": '"${A:-"\'}',
    "documents that do not end": "cat <<E\n",
    "documents": "cat <<E\nE\n",
    "documents with other ends": "<<A <<B\nB\n",
    "substitutions that do not end": "$(",
    "nested substitutions": "$(a `",
    "backticks": "`a` ",
    "quotes": "'\" ",
    "variables": "A=$A$A; $A; ",
    "assignments": "A=1 ",
    "uses": "A=1; ${A}${A} ",
}


# Characters of the shorter script. Where each level of scripts in scripts doubles what is read, a
# few make much work.
SIZES = {name: 60 if name == "defaults that set" else 360 for name in HOSTILE}


def calls(script: str) -> int:
    """How many of them it takes to read it: a measure of work that no other process changes."""
    number = 0

    def counted(_frame: FrameType, _event: str, _of: object) -> None:
        nonlocal number
        number += 1

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        assert not found(script)
    finally:
        sys.setprofile(before)
    return number


def of_size(size: int, text: str) -> str:
    return (text * (size // len(text) + 1))[:size]


@pytest.mark.parametrize(("name", "text"), HOSTILE.items(), ids=HOSTILE)
def test_the_work_on_a_script_grows_with_its_length_alone(name: str, text: str) -> None:
    size = SIZES[name]
    assert calls(of_size(4 * size, text)) < 6 * calls(of_size(size, text)) + 1_000


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_work_on_a_long_script_grows_with_its_length_alone(text: str) -> None:
    assert calls(of_size(6_000, text)) < 6 * calls(of_size(1_500, text)) + 4_000
