"""Tools that migrate databases: one row for each, with what it is asked for on both ways."""

import re
from typing import Final

from msgspec import Struct

Phrase = tuple[re.Pattern[str], ...]

# Called at all, it migrates.
_ALONE: Final = "-"


class Tool(Struct, frozen=True):
    """What a program is asked for: each phrase as the words that follow one another behind it.

    `on` brings a schema to what the new code needs, `back` takes it back or away. With one of the
    options `shows` it only says what it would do.
    """

    on: tuple[Phrase, ...]
    back: tuple[Phrase, ...]
    shows: frozenset[str]


# Names of a program, phrases on, phrases back, and options that only show. Words of phrases are
# regular expressions; `$` is the end of the command.
_ROWS: Final = (
    # Python. `flask db migrate` writes a revision and runs none.
    ("alembic", "upgrade", "downgrade", "--sql"),
    ("flask quart", "db upgrade", "db downgrade", "--sql"),
    (
        "manage.py django-admin django",
        "migrate(?:_schemas)?",
        "zero, flush, sqlflush",
        "--plan --check",
    ),
    ("aerich", "upgrade", "downgrade", ""),
    ("piccolo", "migrations forwards?", "migrations backwards?", ""),
    ("yoyo yoyo-migrate", "apply, develop, reapply", "rollback", ""),
    # Ruby
    (
        "rails rake hanami",
        r"(?:db|data):(?:\w+:)*migrate(?::(?!status|down|redo|reset)\w+)*,"
        " db:(?:prepare|setup|schema:load)",
        r"db:(?:rollback|drop|reset|migrate:(?:down|redo|reset))(?::.*)?",
        "",
    ),
    # PHP
    ("artisan", "migrate", "migrate:(?:rollback|reset|fresh|refresh), db:wipe", "--pretend"),
    ("phinx", "migrate", "rollback", "-x"),
    (
        "console doctrine doctrine-migrations",
        "(?:doctrine:)?migrations:(?:migrate|execute), migrate,"
        " (?:doctrine|orm):schema(?:-tool)?:update",
        "(?:doctrine|orm):(?:schema|schema-tool|database):drop, (?:doctrine:)?migrations:migrate"
        " (?:first|prev), --down",
        "--dump-sql",
    ),
    ("yii", "migrate(?:/(?:up|to))?", "migrate/(?:down|redo|fresh)", ""),
    ("magento", "setup:(?:upgrade|db-schema:upgrade)", "setup:rollback", ""),
    ("drush", "updb|updatedb", "sql[:-]drop", ""),
    ("wp", "core update-db", "db (?:reset|drop)", ""),
    # Elixir
    ("mix", r"(?:ecto|ash)[\w.]*\.(?:migrate|setup)", r"ecto\.(?:rollback|drop|reset)", ""),
    # Java
    ("flyway", "migrate", "clean, undo", "-dryRunOutput"),
    (
        "liquibase",
        "update(?:-count|-to-tag|-testing-rollback|Count|ToTag|TestingRollback)?",
        "rollback(?:-.*|[A-Z].*)?, drop-?[aA]ll",
        "",
    ),
    (
        "mvn mvnw gradle gradlew",
        r".*flyway[\w-]*(?::[\d.]+)?:migrate, .*liquibase[\w-]*(?::[\d.]+)?:update,"
        " :?flywayMigrate",
        r".*flyway[\w:.-]*:(?:clean|undo), .*liquibase[\w:.-]*:(?:rollback|dropAll), :?flywayClean",
        "",
    ),
    # .NET
    ("dotnet dotnet-ef ef", "database update", "database drop, database update 0", ""),
    ("efbundle", _ALONE, "0", ""),
    # Rust
    ("sqlx", "migrate run, database setup", "migrate revert, database (?:drop|reset)", ""),
    ("diesel", "migration run, setup, database setup", "migration revert, database reset", ""),
    ("sea-orm-cli", "migrate $, migrate (?:-.*|up)", "migrate (?:down|reset|fresh|refresh)", ""),
    ("refinery", "migrate", "", ""),
    # Go
    ("goose", "up, up-to, up-by-one", "down, down-to, reset", ""),
    ("migrate", "up, goto", "down, drop", ""),
    ("sql-migrate", "up", "down", ""),
    ("dbmate", "up, migrate", "down, rollback, drop", ""),
    ("tern", "migrate", "", ""),
    ("soda", "migrate $, migrate (?:-.*|up)", "migrate down, drop, reset", ""),
    # JavaScript
    (
        "prisma",
        "migrate (?:deploy|dev), db (?:push|execute)",
        "--accept-data-loss, --force-reset, migrate reset",
        "",
    ),
    ("knex", "migrate:(?:latest|up)", "migrate:(?:rollback|down)", ""),
    ("sequelize sequelize-cli", "db:migrate", "db:(?:migrate:undo.*|drop|reset)", ""),
    (
        "typeorm typeorm-ts-node-commonjs typeorm-ts-node-esm",
        "migrations?:run, schema:sync",
        "migrations?:revert, schema:drop",
        "",
    ),
    ("mikro-orm", "migration:up, schema:update", "migration:(?:down|fresh), schema:drop", ""),
    ("drizzle-kit", r"migrate, push(?::\w+)?", "", ""),
    ("kysely", "migrate[:-](?:latest|up), migrate (?:latest|up)", "migrate:?(?:down)", ""),
    ("node-pg-migrate db-migrate migrate-mongo umzug", "up", "down, reset", ""),
    ("graphile-migrate", "migrate", "reset", ""),
    # Of any language
    ("atlas", "migrate apply, schema apply", "migrate down, schema clean, clean", ""),
    ("sqitch", "deploy", "revert, rebase", "--log-only"),
    ("pgroll", "start, migrate", "complete, rollback", ""),
    ("reshape", "migration start", "migration (?:complete|abort)", ""),
    ("skeema", "push", "--allow-unsafe", ""),
    ("bytebase-action", "rollout", "", ""),
    ("hasura", "migrate apply, deploy", "--down, --down-migrations", "--skip-execution"),
    ("supabase", "db push, migration up", "db reset, migration down", ""),
    ("gh-ost pt-online-schema-change", "--execute", "", ""),
    ("sentry occ", "upgrade", "", ""),
    ("kong", "migrations (?:bootstrap|up)", "migrations (?:finish|reset)", ""),
    ("spicedb", "migrate, datastore migrate", "", ""),
    ("temporal-sql-tool temporal-cassandra-tool", "(?:update|setup)-schema", "", ""),
    ("dropdb", "", "(?!-).*", ""),
    ("mysqladmin", "", "drop", ""),
)

# What a program is asked for that says whether the schema is the newest that the code knows.
_ASKS: Final = (
    ("alembic", "check, current"),
    ("flask quart", "db check, db current"),
    ("manage.py django-admin django", "--check, --plan, showmigrations"),
    ("rails rake hanami", "db:migrate:status, db:abort_if_pending_migrations"),
    ("artisan", "migrate:status"),
    ("console doctrine doctrine-migrations", "(?:doctrine:)?migrations:(?:status|up-to-date)"),
    ("mix", r"ecto\.migrations"),
    ("flyway", "validate, info"),
    ("liquibase", "status, validate"),
    ("dotnet dotnet-ef ef", "migrations (?:list|has-pending-model-changes)"),
    ("sqlx", "migrate info"),
    ("diesel", "migration (?:list|pending)"),
    ("goose sql-migrate dbmate sqitch", "status"),
    ("migrate", "version"),
    ("prisma atlas", "migrate (?:status|diff)"),
    ("knex", "migrate:(?:status|list|currentVersion)"),
    ("sequelize sequelize-cli", "db:migrate:status"),
    ("typeorm typeorm-ts-node-commonjs typeorm-ts-node-esm", "migrations?:show"),
)


def _phrases(text: str) -> tuple[Phrase, ...]:
    each = (phrase.split() for phrase in text.split(",") if phrase)
    return tuple(tuple(re.compile(word) for word in words if word != _ALONE) for words in each)


ASKING: Final = {name: _phrases(asks) for names, asks in _ASKS for name in names.split()}
TOOLS: Final = {
    name: Tool(_phrases(on), _phrases(back), frozenset(shows.split()))
    for names, on, back, shows in _ROWS
    for name in names.split()
}
