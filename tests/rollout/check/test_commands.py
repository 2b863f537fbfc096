"""Which commands of a Job call a program for what."""

import pytest

from drainproxy.rollout.check.commands import call, commands
from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.rules.migration import migrations


def job(command: str, image: str = "registry.example/app:1") -> str:
    words = ", ".join(f"'{word}'" for word in command.split())
    return (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\nspec:\n  template:\n    spec:\n"
        f"      containers:\n      - image: {image}\n        args: [{words}]\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        "alembic -c prod.ini upgrade head",
        "python manage.py migrate --noinput",
        "bundle exec rake db:migrate",
        "flyway -url=jdbc:x migrate",
        "npx prisma migrate deploy",
        "npx knex migrate:latest",
        "goose -dir sql postgres $DSN up",
        "atlas migrate apply --url $DSN",
        "sh -c dbmate up",
    ],
)
def test_a_job_that_calls_a_migration_tool_migrates(command: str) -> None:
    assert migrations(take_stock(read_objects("x", job(command))))


@pytest.mark.parametrize(
    "command",
    ["python manage.py runserver", "upgrade alembic", "pip install alembic-utils", "migrate down"],
)
def test_a_job_that_calls_something_else_does_not(command: str) -> None:
    assert not migrations(take_stock(read_objects("x", job(command))))


@pytest.mark.parametrize(
    ("sql", "spec", "migrates"),
    [
        ("ALTER TABLE a ADD COLUMN b int", "", True),
        ("SELECT 1; drop table a", "", True),
        ("DELETE FROM sessions", "", False),
        ("ALTER TABLE a DETACH PARTITION b", "", False),
        ("DROP TABLE a; CREATE TABLE a AS SELECT 1", "", False),
        # Nobody but a person runs it.
        ("DELETE FROM sessions", "  suspend: true\n", True),
        ("SELECT 1", "  suspend: true\n", False),
    ],
)
def test_what_the_clock_runs_migrates_where_it_changes_a_schema(
    sql: str, spec: str, migrates: bool
) -> None:
    text = (
        f"apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: job}}\nspec:\n{spec}"
        "  jobTemplate:\n"
        f"    spec: {{template: {{spec: {{containers: [{{command: [psql, -c, '{sql}']}}]}}}}}}\n"
    )
    assert bool(migrations(take_stock(read_objects("x", text)))) == migrates


def test_the_image_may_be_the_program() -> None:
    assert migrations(take_stock(read_objects("x", job("migrate", "flyway/flyway:10"))))


def test_a_command_is_found_at_its_arguments() -> None:
    (each,) = read_objects("x", job("drainproxy smoke http://web"))
    ((place, text),) = commands(each, take_stock([each]))

    assert place.mark.line == 9
    assert text == "app drainproxy smoke http://web"
    assert call("drainproxy", "smoke").found_in(text) == "drainproxy ... smoke"
    assert call("drainproxy", "smok").found_in(text) is None
