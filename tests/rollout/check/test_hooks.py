"""What a hook before an upgrade does to a database."""

import pytest

from tests.rollout.check.changes import checked

RULE = "migration-in-release-hook"


def hook(words: list[str], sql: str = "", file: str = "1.sql", image: str = "app:1") -> str:
    """A pre-upgrade Job in phase expand that runs these words, with a file mounted."""
    command = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    lines = "".join(f"    {line}\n" for line in sql.splitlines()) or "    SELECT 1\n"
    return (
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations:\n"
        "    helm.sh/hook: pre-upgrade\n    drainproxy.io/migration-phase: expand\n"
        "spec:\n  template:\n    spec:\n      restartPolicy: Never\n"
        "      volumes: [{name: sql, configMap: {name: sql}}]\n"
        f"      containers:\n      - name: it\n        image: {image}\n"
        + (f"        command: [{command}]\n" if words else "")
        + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: sql}\ndata:\n"
        f"  {file}: |\n{lines}"
    ).replace("'\n", "'\n")


def levels(text: str) -> list[str]:
    return [each.level for each in checked(text).findings if each.rule == RULE]


def is_ticked(text: str) -> bool:
    (box,) = (each for each in checked(text).boxes if each.section.id == "migration")
    return box.state == "ticked"


CONTRACTS = [
    "DELETE FROM orders",
    "WITH gone AS (DELETE FROM orders RETURNING *) INSERT INTO old SELECT * FROM gone",
    "ALTER TABLE orders ADD CONSTRAINT u UNIQUE (code)",
    "ALTER TABLE orders ADD UNIQUE (code)",
    "ALTER TABLE orders ADD CHECK (code > 0)",
    "ALTER TABLE orders ADD COLUMN code int NOT NULL",
    "CREATE UNIQUE INDEX CONCURRENTLY i ON orders (code)",
    "DROP FUNCTION price(int)",
    "DROP INDEX orders_code",
    "DROP TRIGGER t ON orders",
    "DROP TABLE IF EXISTS carts",
    "ALTER TABLE orders DROP CONSTRAINT u",
    'ALTER TABLE "orders" RENAME TO "sales"',
    "ALTER TABLE orders ALTER COLUMN code DROP DEFAULT",
    "TRUNCATE orders",
    "CREATE TABLE a (x int); DROP TABLE b",
    "/* note */ DROP /* really */ TABLE orders",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM orders",
]
EXPANDS = [
    "ALTER TABLE orders ADD COLUMN b text; -- drop column memo in the contract",
    "/* later: DROP TABLE memo */ CREATE TABLE x (a int)",
    "COMMENT ON TABLE orders IS 'we drop table memo later; delete from it'",
    "INSERT INTO notes VALUES ('delete from x')",
    'UPDATE orders SET "drop table" = 1',
    "ALTER TABLE orders ADD COLUMN code int NOT NULL DEFAULT 0",
    "ALTER TABLE orders ALTER COLUMN code DROP NOT NULL",
    "CREATE TABLE x (a int UNIQUE); ALTER TABLE x ADD CHECK (a > 0); DELETE FROM x",
    "CREATE INDEX CONCURRENTLY i ON orders (code)",
    "ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int",
    "EXPLAIN DELETE FROM orders",
    "BEGIN; SET lock_timeout = '2s'; ALTER TABLE orders ADD COLUMN a int; COMMIT",
]
UNCLEAR = [
    "DO $$ BEGIN DELETE FROM orders; END $$",
    "CALL shrink()",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION f()",
]


@pytest.mark.parametrize("sql", CONTRACTS)
def test_a_contract_is_an_error_wherever_it_stands(sql: str) -> None:
    quoted = sql.replace('"', '\\"')
    assert levels(hook(["migrate", "up"], sql)) == ["error"]
    assert levels(hook(["psql", "-c", sql])) == ["error"]
    assert levels(hook(["psql", f"--command={sql}"])) == ["error"]
    assert levels(hook(["sh", "-c", f'set -e; psql "$URL" -c "{quoted}" && echo done'])) == [
        "error"
    ]
    assert levels(hook(["sh", "-c", f"psql <<'END'\n{sql}\nEND\necho done".replace("\n", "\n\n")]))
    assert levels(hook(["sh", "-c", f'echo "{quoted}" | psql'])) == ["error"]
    assert not is_ticked(hook(["psql", "-c", sql]))


@pytest.mark.parametrize("sql", EXPANDS)
def test_what_only_adds_has_no_finding(sql: str) -> None:
    quoted = sql.replace('"', '\\"')
    for text in (
        hook(["migrate", "up"], sql),
        hook(["psql", "-c", sql]),
        hook(["sh", "-c", f'psql -c "{quoted}"']),
    ):
        assert levels(text) == []
        assert is_ticked(text)


@pytest.mark.parametrize("sql", UNCLEAR)
def test_what_is_not_understood_is_a_warning_and_ticks_no_box(sql: str) -> None:
    # Kubernetes takes one of two dollars away.
    command = sql.replace("$", "$$")
    for text in (hook(["migrate", "up"], sql), hook(["psql", "-c", command])):
        assert levels(text) == ["warning"]
        assert not is_ticked(text)


@pytest.mark.parametrize(
    "script",
    [
        "# don't\npsql -c 'DROP TABLE a'",
        'echo it\'s; psql -c "DROP TABLE a"',
        "if true; then psql -c 'DROP TABLE a'; fi",
        'it=$(psql -tc "DROP TABLE a")',
        "for f in 1 2; do psql <<-SQL\n\tDROP TABLE a;\n\tSQL\n\ndone",
        "bash -c \"psql -c 'DROP TABLE a'\"",
        "psql -v ON_ERROR_STOP=1 \\\n  -c 'DROP TABLE a'",
        "printf 'DROP TABLE a' | tee /dev/stderr | psql",
        "cat > /a/1.sql <<SQL\nDROP TABLE a;\nSQL\ncd /a; psql -f *.sql",
        "cat > /a.sh <<E\npsql -c 'DROP TABLE a'\nE\nsh /a.sh",
        'psql -c "$(cat <<SQL\nDROP TABLE a;\nSQL\n)"',
        "SQL=$(cat <<-'SQL'\n\tDROP TABLE a;\n\tSQL\n)\npsql -c \"$SQL\"",
        'su postgres -c "psql <<SQL\nDROP TABLE a;\nSQL\n"',
        "psql <<\\END-SQL\nDROP TABLE a;\nEND-SQL",
        "psql <<A && psql <<B\nSELECT 1;\nA\nDROP TABLE a;\nB",
        "psql <<< 'DROP TABLE a'",
        'SQL="DROP TABLE a"; psql -c "$SQL"',
        'export SQL="DROP TABLE a"\npsql "$URL" -c "${SQL}"',
        "echo 'DROP TABLE a' > /a.sql && psql -f /a.sql",
        "printf 'DROP TABLE a' >> /a.sql; psql < /a.sql",
    ],
)
def test_a_contract_in_a_script_is_found(script: str) -> None:
    assert levels(hook(["sh", "-c", script.replace("\n", "\n\n")])) == ["error"]


@pytest.mark.parametrize(
    "script",
    [
        "# psql -c 'drop table a'\nalembic upgrade head",
        "alembic upgrade head # and alembic downgrade -1 to go back",
        "psql -c 'SELECT 1' # 'drop table a' comes later",
        'echo "don\'t drop table a" >&2; alembic upgrade head',
        "cat >&2 <<E\nTo go back:\nalembic downgrade -1\nE\nalembic upgrade head",
        "echo 'DROP TABLE a' > /dev/stderr; cat /dev/stderr",
        "echo 'drop table a' >> /log; echo 'drop table b' >> /log; alembic upgrade head",
    ],
)
def test_a_script_that_only_speaks_of_it_has_no_finding(script: str) -> None:
    assert levels(hook(["sh", "-c", script.replace("\n", "\n\n")])) == []


def test_a_mounted_script_is_read_if_it_is_called() -> None:
    drops = "#!/bin/sh\nset -e\npsql <<SQL\nDROP TABLE a;\nSQL"
    for words in (["/sql/run.sh"], ["sh", "-ec", "cd /sql && . ./run.sh"]):
        assert levels(hook(words, drops, "run.sh")) == ["error"]
        assert levels(hook(words, "alembic downgrade -1", "run.sh")) == ["error"]
        assert levels(hook(words, "psql -c 'CALL shrink()'", "run.sh")) == ["warning"]
        assert levels(hook(words, "# psql -c 'DROP TABLE a'\nalembic upgrade head", "run.sh")) == []
        assert not is_ticked(hook(words, drops, "run.sh"))
    assert levels(hook(["/sql/other.sh"], drops, "run.sh")) == []


BOTH = (
    "-- migrate:up\nALTER TABLE a ADD COLUMN b int;\n-- migrate:down\nALTER TABLE a DROP COLUMN b;"
)


@pytest.mark.parametrize("file", ["1_note.down.sql", "U2__note.sql", "3_undo.sql"])
def test_a_way_down_is_not_run_before_an_upgrade(file: str) -> None:
    down = "ALTER TABLE a DROP COLUMN b;"
    assert levels(hook(["migrate", "-path", "/sql", "up"], down, file)) == []
    assert levels(hook(["psql", "-f", f"/sql/{file}"], down, file)) == ["error"]


def test_the_part_down_is_left_out_for_its_tool_and_run_by_a_client() -> None:
    assert levels(hook(["dbmate", "up"], BOTH)) == []
    assert levels(hook([], BOTH, image="amacneil/dbmate:2")) == []
    assert levels(hook(["psql", "-f", "/sql/1.sql"], BOTH)) == ["error"]
    goose = BOTH.replace("-- migrate:up", "-- +goose Up").replace(
        "-- migrate:down", "-- +goose Down"
    )
    assert levels(hook(["goose", "up"], goose)) == []


@pytest.mark.parametrize(
    "command",
    [
        "alembic downgrade -1",
        "npx prisma db push --accept-data-loss",
        "python manage.py migrate shop zero",
        "bundle exec rake db:rollback",
        "migrate -path /sql -database $URL down 1",
        "/usr/bin/goose down",
        "flyway clean",
        "pgroll complete",
    ],
)
def test_a_tool_that_takes_back_is_an_error(command: str) -> None:
    assert levels(hook(command.split())) == ["error"]
    assert levels(hook(["sh", "-c", f"cd /app && {command}"])) == ["error"]


@pytest.mark.parametrize(
    "command",
    [
        "echo never drop table by hand",
        "mysqladmin ping",
        "alembic upgrade head && echo 'drop table memo comes later'",
        "echo 'no alembic downgrade here'; alembic upgrade head",
        "migrate -path /sql/down -database $URL up",
        "npx prisma migrate deploy",
    ],
)
def test_a_command_that_only_speaks_of_it_has_no_finding(command: str) -> None:
    assert levels(hook(["sh", "-c", command])) == []
    assert levels(hook(command.split())) == []


def test_a_script_that_is_too_long_to_be_read_is_a_warning_and_ticks_no_box() -> None:
    script = "set -e\n" + "psql -c 'SELECT 1'\n" * 15_000
    for text in (hook(["sh", "-c", script]), hook(["sh", "/sql/run.sh"], script, "run.sh")):
        assert levels(text) == ["warning"]
        assert not is_ticked(text)


def test_what_is_too_long_to_be_read_leaves_the_box_of_migrations_open() -> None:
    script = "set -e\n" + "psql -c 'SELECT 1'\n" * 15_000
    plain = hook(["sh", "-c", script]).replace("    helm.sh/hook: pre-upgrade\n", "")
    for text in (plain, plain.replace("    drainproxy.io/migration-phase: expand\n", "    a: b\n")):
        (box,) = (each for each in checked(text).boxes if each.section.id == "migration")
        assert box.state == "not applicable"
        assert "too long or too deep to be read" in box.note
