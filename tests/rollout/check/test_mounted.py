"""What a pod's scripts and SQL do that stand in ConfigMaps and Secrets, and as it starts."""

from base64 import b64encode
from collections.abc import Mapping

import pytest
from msgspec import json

from drainproxy.rollout.check.place import read_objects

from .changes import checked

DROPS = "psql -c 'ALTER TABLE a DROP COLUMN b'"
ADDS = "psql -c 'ALTER TABLE a ADD COLUMN b int'"
PHASE = "drainproxy.io/migration-phase"
PRE_SYNC = {"argocd.argoproj.io/hook": "PreSync"}
FOUND = {
    "Job": "migration-phase-missing",
    "Deployment": "contract-in-release",
}


def pod(
    command: str,
    files: Mapping[str, str] | None = None,
    kind: str = "Job",
    notes: Mapping[str, str] | None = None,
    key: str = "containers",
    source: str = "ConfigMap",
) -> str:
    """A Job, or a Deployment that runs it in `key`, and what it mounts."""
    reference = {"secretName": "s"} if source == "Secret" else {"name": "s"}
    volume = {"name": "v", source[0].lower() + source[1:]: reference}
    container = {"name": "c", "image": "x:1", "command": ["sh", "-c", command]}
    spec = {"containers": [{"name": "web", "image": "w:1"}], "volumes": [volume]}
    version = "batch/v1" if kind == "Job" else "apps/v1"
    objects = [
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "x", "annotations": notes or {}},
            "spec": {"template": {"spec": spec | {key: [container]}}},
        },
        {"apiVersion": "v1", "kind": source, "metadata": {"name": "s"}, "data": files or {}},
    ]
    return json.encode({"apiVersion": "v1", "kind": "List", "items": objects}).decode()


def box(text: str) -> tuple[str, list[str], str]:
    """The state of the box of migrations, the rules that find something in it, its note."""
    (found,) = (each for each in checked(text).boxes if each.section.id == "migration")
    return found.state, [each.rule for each in found.findings], found.note


def test_what_changes_a_database_says_its_phase_wherever_its_sql_stands() -> None:
    for kind, rule in FOUND.items():
        key = "initContainers" if kind == "Deployment" else "containers"
        for command, files in (
            (DROPS, {}),
            ("sh /s/a.sh", {"a.sh": DROPS}),
            ("psql -f /s/1.sql", {"1.sql": "DROP TABLE a;"}),
        ):
            assert box(pod(command, files, kind, key=key)) == ("not ticked", [rule], "")
            late = pod(command, files, kind, {PHASE: "expand"}, key)
            assert box(late)[1] == [rule.replace("phase-missing", "phase-invalid")]
        assert box(pod(ADDS, {}, kind, key=key)) == ("ticked", [], "")


def test_what_serves_is_a_migration_only_where_it_changes_a_schema() -> None:
    start = f"{DROPS}; exec web"
    purge = "while sleep 60; do psql -c 'DELETE FROM a'; done"
    assert box(pod(start, kind="Deployment"))[1] == ["contract-in-release"]
    assert box(pod(purge, kind="Deployment"))[0] == "not applicable"
    assert box(pod(purge, kind="Deployment", key="initContainers"))[1] == ["contract-in-release"]


@pytest.mark.parametrize("deep", range(8))
def test_a_script_is_read_as_deep_as_it_is_nested(deep: int) -> None:
    script = 'psql -c "DROP TABLE a"'
    for _ in range(deep):
        quoted = script.replace("'", "'\"'\"'")
        script = f"bash -c '{quoted}'"
    assert box(pod(script, notes=PRE_SYNC))[1] == ["migration-in-release-hook"]


def test_a_script_that_is_too_deep_is_no_success() -> None:
    script = "x y"
    for _ in range(9):
        script = "sh -c '" + script.replace("'", "'\"'\"'") + "'"
    state, found, note = box(pod(script))
    assert (state, found) == ("not applicable", [])
    assert "too deep to be read may migrate" in note


CHAIN = {"a.sh": "set -e\n/s/b.sh", "b.sh": ". /s/c", "c": "#!/bin/bash\nsh /s/a.sh\n" + DROPS}


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("sh /s/a.sh", CHAIN),
        ("cd /s; for each in *.sh; do sh $each; done", {"a.sh": DROPS}),
        ("cat /s/schema | psql", {"schema": "DROP TABLE a;"}),
        ("psql -f /s/a.ddl", {"a.ddl": "DROP TABLE a;"}),
    ],
)
def test_what_a_script_calls_is_read_too(command: str, files: dict[str, str]) -> None:
    assert box(pod(command, files, notes=PRE_SYNC))[1] == ["migration-in-release-hook"]
    hidden = {name: b64encode(text.encode()).decode() for name, text in files.items()}
    assert box(pod(command, hidden, notes=PRE_SYNC, source="Secret"))[1]


def test_the_words_of_a_secret_are_not_told() -> None:
    sql = "CALL open_sesame('very-secret')"
    for name, text in (("1.sql", sql), ("a.sh", f'psql -c "{sql}"')):
        hidden = {name: b64encode(text.encode()).decode()}
        given = pod(f"psql -f /s/1.sql; sh /s/{name}", hidden, notes=PRE_SYNC, source="Secret")
        (found,) = (each for each in checked(given).findings if each.section == "migration")
        assert "'a statement in a Secret' in a PreSync hook is not understood" in found.message


def test_what_nobody_calls_is_not_read() -> None:
    files = {"a.sh": DROPS, "a.sql": "DROP TABLE a;", "b": DROPS}
    for command in ("sh /s/aa.sh", "sh /s/a.shx", "psql -f /s/b.a.sql.old", "ls -b", "rm *"):
        assert box(pod(command, files, kind="Deployment", key="initContainers"))[1] == []


def test_a_key_has_the_name_that_the_volume_gives_it() -> None:
    items = '"name":"s","items":[{"key":"run","path":"x/a.sh"}]}'
    text = pod("sh /s/a.sh", {"run": DROPS, "b.sh": DROPS}, notes=PRE_SYNC)
    assert box(text.replace('"name":"s"}', items, 1))[1] == ["migration-in-release-hook"]
    other = pod("sh /s/b.sh", {"run": DROPS, "b.sh": DROPS}, notes=PRE_SYNC)
    assert box(other.replace('"name":"s"}', items, 1))[1] == []


def test_sql_that_the_input_does_not_have_may_migrate() -> None:
    for command in ("psql -f /app/1.sql", "mysql shop < /app/1.sql", "psql --file=/app/1.sql"):
        state, _, note = box(pod(command))
        assert state == "not applicable"
        assert "/app/1.sql may migrate" in note
        assert box(pod(command, {"1.sql": "SELECT 1"}))[2] == "nothing here migrates a database"
        assert box(pod(command, kind="Deployment", key="initContainers"))[2] == note.replace(
            "job/", "deployment/"
        )
        assert box(pod(command, kind="Deployment"))[2] == "nothing here migrates a database"
    python = {"m.py": "connect().execute('DROP TABLE a')", "n.py": "print('drop it')"}
    assert "the SQL in m.py may migrate" in box(pod("python /s/m.py", python))[2]
    assert box(pod("python /s/n.py", python))[2] == "nothing here migrates a database"
    made = "echo 'SELECT 1' > /tmp/1.sql; psql -f /tmp/1.sql"
    assert box(pod(made))[2] == "nothing here migrates a database"


def test_what_is_no_text_is_no_file() -> None:
    text = pod("sh /s/a.sh", {"a.sh": "%%"}, source="Secret", notes=PRE_SYNC)
    assert read_objects("x", text)
    assert box(text)[1] == []
