"""What Kubernetes and a shell make of the variables of a container, and that a Job is judged by
that."""

import json
from time import monotonic

import pytest

from drainproxy.rollout.check.environment import environment, expanded
from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from tests.rollout.check.changes import checked
from tests.rollout.check.test_hooks import RULE

KNOWN = {"A": "x", "B": "$(A)", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(A)", "x"),
        ("-$(A)$(A)-", "-xx-"),
        ("$(EMPTY)", ""),
        # What stands in a value was replaced when the value was made.
        ("$(B)", "$(A)"),
        ("$(NONE) $(A)", "$(NONE) x"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$x"),
        ("$$$$(A)", "$$(A)"),
        ("$A ${A} $", "$A ${A} $"),
        ("$(date) $(A", "$(date) $(A"),
        ("$(A $$", "$(A $"),
        ("$(cat $$(A)", "$(cat $$(A)"),
        ("a)$(A)$", "a)x$"),
    ],
)
def test_references_are_replaced_as_kubernetes_does_it(text: str, value: str) -> None:
    assert expanded(text, KNOWN) == value


def test_what_would_become_too_long_stays_as_it_is() -> None:
    assert expanded("$(A)$(L)$(A)", {"A": "aaaaa", "L": "l" * 50}, 10) == "aaaaa$(L)$(A)"


CONFIG = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {SQL: DROP TABLE x, CMD: alembic upgrade head, NUMBER: "7"}
"""


def job(container: str) -> str:
    return (
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations:\n"
        "    helm.sh/hook: pre-upgrade\n    drainproxy.io/migration-phase: expand\n"
        f"spec:\n  template:\n    spec:\n      containers:\n      - {container}\n"
        "      volumes: [{name: scripts, configMap: {name: scripts}}]\n"
    )


def variables(container: str) -> dict[str, str]:
    inventory = take_stock(read_objects("x", job(container) + CONFIG))
    root = inventory.of("Job")[0].root
    return environment(root.at("spec", "template", "spec", "containers", 0), inventory)


def test_variables_are_those_that_the_input_shows() -> None:
    assert variables(
        "{image: a, envFrom: [{configMapRef: {name: config}}, {prefix: P_, configMapRef: {name:"
        " config}}, {secretRef: {name: s}}, {configMapRef: {name: none}}], env: ["
        "{name: A, value: a$(NUMBER)$(LATER)}, {name: LATER, value: b$(A)}, {name: FIVE, value: 5},"
        "{name: CMD, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: EMPTY},"
        "{name: ONE, valueFrom: {configMapKeyRef: {name: config, key: SQL}}},"
        "{name: NONE, valueFrom: {configMapKeyRef: {name: config, key: no}}}]}"
    ) == {
        "SQL": "DROP TABLE x",
        "NUMBER": "7",
        "P_SQL": "DROP TABLE x",
        "P_NUMBER": "7",
        "P_CMD": "alembic upgrade head",
        "A": "a7$(LATER)",
        "LATER": "ba7$(LATER)",
        "FIVE": "5",
        "EMPTY": "",
        "ONE": "DROP TABLE x",
    }


def levels(text: str) -> list[str]:
    return [each.level for each in checked(text).findings if each.rule == RULE]


VALUE = 'env: [{name: SQL, value: "DROP TABLE x"}]'
FROM = "envFrom: [{configMapRef: {name: config}}]"
OF_KEY = "env: [{name: SQL, valueFrom: {configMapKeyRef: {name: config, key: SQL}}}]"


@pytest.mark.parametrize("given", [VALUE, FROM, OF_KEY])
@pytest.mark.parametrize(
    "words",
    [
        ["sh", "-c", 'psql -c "$SQL"'],
        ["sh", "-ec", "psql -c ${SQL}"],
        ["sh", "-c", 'psql -c "${SQL:?}"'],
        ["sh", "-c", 'echo "$SQL" | psql'],
        ["sh", "-c", "psql <<E\n$SQL\nE\n"],
        ["sh", "-c", "bash -c 'psql -c \"$SQL\"'"],
        ["sh", "-c", 'bash -c "psql -c \\"\\$SQL\\""'],
        ["sh", "-c", 'psql -c "$(SQL)"'],
        ["psql", "-c", "$(SQL)"],
        ["psql", "--command=$(SQL)"],
        ["sh", "/scripts/run.sh"],
    ],
)
def test_sql_in_a_variable_is_sql_where_a_command_uses_it(given: str, words: list[str]) -> None:
    script = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: scripts}\n"
        "data: {run.sh: 'psql -c \"$SQL\"'}\n"
    )
    for key in ("command", "args"):
        text = job(f"{{image: psql, {key}: {json.dumps(words)}, {given}}}") + CONFIG + script
        assert levels(text) == ["error"], key


@pytest.mark.parametrize(
    "words",
    [
        ["sh", "-c", 'echo "$SQL"'],
        ["sh", "-c", "alembic upgrade head"],
        # No shell, and an escape.
        ["psql", "-c", "$SQL"],
        ["psql", "-c", "$$(SQL)"],
        ["sh", "-c", 'SQL="SELECT 1"; psql -c "$SQL"'],
    ],
)
def test_a_variable_that_nothing_runs_has_no_finding(words: list[str]) -> None:
    for given in (VALUE, FROM, OF_KEY):
        text = job(f"{{image: a, command: {json.dumps(words)}, {given}}}") + CONFIG
        assert levels(text) == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["sh", "-c", "$CMD"], True),
        (["sh", "-c", "$(CMD)"], True),
        (["sh", "-c", "exec ${CMD:-serve}"], True),
        (["$(CMD)"], True),
        (["sh", "-c", "${NONE:-alembic upgrade head}"], True),
        (["sh", "-c", "echo $CMD; serve"], False),
        (["serve"], False),
    ],
)
def test_a_migration_in_a_variable_needs_a_phase(words: list[str], found: bool) -> None:
    text = job(f"{{image: a, command: {json.dumps(words)}, {FROM}}}") + CONFIG
    text = text.replace("    drainproxy.io/migration-phase: expand\n", "")
    missing = [each for each in checked(text).findings if each.rule == "migration-phase-missing"]
    assert bool(missing) == found


def test_hostile_variables_take_no_time() -> None:
    doubling = [{"name": f"V{n}", "value": f"$(V{n - 1})$(V{n - 1})ab"} for n in range(200)]
    many = [{"name": f"M{n}", "value": "$(V190)" * 50} for n in range(200)]
    open_ones = [{"name": "O", "value": "$(" * 200_000}]
    began = monotonic()
    known = variables(json.dumps({"image": "a", "env": [*doubling, *many, *open_ones]}))
    assert sum(map(len, known.values())) < 2_000_000
    assert monotonic() - began < 5
