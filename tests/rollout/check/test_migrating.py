"""Which commands migrate a database, and which only look like it."""

import json
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from drainproxy.rollout.check.migrating import asking, migrates, migrating, taking_back
from drainproxy.rollout.check.place import Object, read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.tools import ASKING, TOOLS, Phrase, Tool
from tests.rollout.check.migrating_commands import (
    ASKS,
    ASKS_NOT,
    DOES_NOT,
    MIGRATES,
    TAKES_BACK,
)


@pytest.mark.parametrize("command", MIGRATES)
def test_a_command_is_known_by_what_it_runs(command: str) -> None:
    assert migrating(command.split())


@pytest.mark.parametrize("command", DOES_NOT)
def test_a_name_that_only_resembles_and_a_tool_that_only_looks_migrate_nothing(
    command: str,
) -> None:
    assert migrating(command.split()) is None


@pytest.mark.parametrize("command", TAKES_BACK)
def test_a_way_back_is_known_by_what_it_runs(command: str) -> None:
    assert taking_back(command.split())
    assert taking_back(["echo", *command.split(), "--help"]) is None


@pytest.mark.parametrize("command", ASKS)
def test_who_compares_the_schema_with_the_code_asks(command: str) -> None:
    assert asking(command.split())
    assert migrating(command.split()) is None


@pytest.mark.parametrize("command", [*ASKS_NOT, ""])
def test_who_asks_something_else_does_not(command: str) -> None:
    assert asking(command.split()) is None


def test_every_tool_that_asks_is_tried() -> None:
    said = {(asking(each.split()) or "").split()[0] for each in ASKS}
    rows: dict[tuple[Phrase, ...], set[str]] = {}
    for name, phrases in ASKING.items():
        rows.setdefault(phrases, set()).add(name)
    assert not [names for names in rows.values() if not names & said]


@pytest.mark.parametrize("command", [*MIGRATES, *DOES_NOT])
def test_a_way_on_is_no_way_back(command: str) -> None:
    assert (taking_back(command.split()) is None) == ("migrate down" not in command)


def rows() -> dict[Tool, set[str]]:
    found: dict[Tool, set[str]] = {}
    for name, tool in TOOLS.items():
        found.setdefault(tool, set()).add(name)
    return found


def test_every_tool_of_the_table_is_tried_each_way() -> None:
    for tool, names in rows().items():
        for said, phrases in (
            ([migrating(each.split()) for each in MIGRATES], tool.on),
            ([taking_back(each.split()) for each in TAKES_BACK], tool.back),
        ):
            assert not phrases or any(each and each.split()[0] in names for each in said), names


def test_the_words_that_were_found_are_said() -> None:
    assert migrating(["/a/alembic", "-c", "x", "upgrade", "head"]) == "alembic upgrade"
    assert migrating(["npx", "prisma@5", "migrate", "deploy"]) == "prisma migrate deploy"
    assert migrating(["npm", "run", "db:migrate"]) == "npm db:migrate"
    assert migrating(["./bin/migrate"]) == "./bin/migrate"
    assert migrating(["superset", "db", "upgrade"]) == "superset db upgrade"


def job(container: str) -> Object:
    (each,) = read_objects(
        "x",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\n"
        f"spec: {{template: {{spec: {{containers: [{container}]}}}}}}\n",
    )
    return each


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ("{image: 'r/flyway/flyway:10', args: [migrate]}", "flyway migrate"),
        ("{image: 'migrate/migrate@sha256:ab', args: [-path, x, up]}", "migrate up"),
        ("{image: 'r/shop:1', args: [migrate]}", "shop migrate"),
        ("{image: 'r/shop:1', args: [bin/migrate]}", "shop bin/migrate"),
        ("{image: 'r/shop:1', args: [--migrate, --port=80]}", "shop --migrate"),
        ("{image: 'groundnuty/k8s-wait-for:2', args: [job, db-migrate]}", None),
        ("{image: 'r/kubectl:1', args: [delete, job/db-migrate]}", None),
        ("{image: 'r/kubectl:1', args: [exec, web, --, bin/app, migrate]}", "app migrate"),
        ("{image: 'r/shop-efbundle:1'}", None),
        ("{image: 'r/efbundle:1'}", "efbundle"),
        ("{image: 'r/migrate-users-report:1'}", None),
        # Our own gate asks whether one may go on.
        ("{image: 'r/drainproxy:1', args: [gate, migration, --app=shop]}", None),
        ("{image: 'r/migrate-users-report:1', args: [run, up]}", None),
        ("{image: 'r/migrate:1', command: [/tool, up]}", None),
        ("{image: 'r/db-migrate:1'}", None),
        ("{image: a, command: [sh, -c, 'cd /app && npx prisma migrate deploy']}",
         "prisma migrate deploy"),
        ("{image: a, command: [sh, -c, ./bin/migrate]}", "./bin/migrate"),
        ("{image: a, command: [bash, -ec, 'if ! alembic current; then alembic upgrade head; fi']}",
         "alembic upgrade"),
        ("{image: a, args: ['alembic upgrade head']}", "alembic upgrade"),
        ("{image: a, command: [sh, -c, 'echo alembic upgrade head']}", None),
        ("{image: a, command: [sh, -c, '# alembic upgrade head\\n./serve']}", None),
        ("{image: a, command: [sh, -c, 'pip install alembic && alembic upgrade head']}",
         "alembic upgrade"),
        ("{image: a, command: [bin/app, eval, 'Application.load(:a); Shop.Release.migrate()']}",
         "Shop.Release.migrate"),
    ],
)  # fmt: skip
def test_a_container_is_known_by_its_command_and_by_its_image_where_that_is_the_program(
    container: str, found: str | None
) -> None:
    each = job(container.replace("\\\\n", "\\n"))
    assert migrates(each, take_stock([each])) == found


WRITTEN = "<<'EOF'\nnpx knex migrate:latest\nEOF\n"


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        (f"cat {WRITTEN}", False),
        (f"cat > /help.txt {WRITTEN}serve", False),
        (f"tee -a /help.txt {WRITTEN}serve", False),
        (f"sudo tee /help.txt {WRITTEN}serve", False),
        (f"usage() {{ cat >&2 {WRITTEN}}}\nserve 2>&1", False),
        (f"if test -f a; then cat {WRITTEN}fi", False),
        (f"cat > /help.txt {WRITTEN}npx knex migrate:latest", True),
        (f"cat > /tmp/run.sh {WRITTEN}sh /tmp/run.sh", True),
        (f"cd /tmp; cat > run.sh {WRITTEN}sh -c '/tmp/run.sh a'", True),
        ("cat <<EOF | sh\nnpx knex migrate:latest\nEOF\n", True),
        (f"sh {WRITTEN}", True),
    ],
)
def test_a_here_document_that_is_only_written_runs_nothing(script: str, runs: bool) -> None:
    each = job(f"{{image: a, command: [sh, -c, {json.dumps(script)}]}}")
    found = migrates(each, take_stock([each]))
    assert found == ("knex migrate:latest" if runs else None)


def test_hostile_words_are_read_in_bounded_time() -> None:
    long = ["mvn", "flyway" * 100_000, "gitlab:" * 100_000, "a" * 1_000_000]
    assert migrating(long) is None
    assert migrating(["A" * 500_000]) is None
    assert migrating(["npm", "run", *["x"] * 100_000]) is None


@pytest.mark.parametrize("read", [migrating, taking_back, asking])
@pytest.mark.parametrize("said", ["x", "--", "atlas", "migrate", "atlas migrate", "-- mvn"])
def test_the_work_on_a_command_does_not_grow_with_the_square_of_its_words(
    said: str, read: Callable[[list[str]], str | None]
) -> None:
    calls = 0

    def counted(_frame: FrameType, _event: str, _of: object) -> None:
        nonlocal calls
        calls += 1

    words = said.split() * 5000
    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        assert read(words) is None
    finally:
        sys.setprofile(before)
    assert calls < 250_000  # 5000 words behind each of 5000 words would be 25 million


def test_a_command_is_known_behind_many_words() -> None:
    assert migrating(["env", *["A=1"] * 400, "atlas", "migrate", "apply"]) == "atlas migrate apply"
    assert migrating(["wait-for", "--", "tini", "--", "./migrate.sh"]) == "./migrate.sh"
    assert migrating(["npx", "migrate", "migrate", "atlas", "migrate", "apply"])
