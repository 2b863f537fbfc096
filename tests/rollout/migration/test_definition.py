"""What the definition of a new table calls is known to change nothing, or the file is unknown."""

import pytest

from drainproxy.rollout.migration.grammar import TABLE_SYNTAX, TYPES
from drainproxy.rollout.migration.lint import lint, worst
from tests.cases import some

PLACES = [
    "CREATE TABLE a (n int DEFAULT (CALL))",
    "CREATE TABLE a (n int CHECK (CALL))",
    "CREATE TABLE a (n int, CONSTRAINT c CHECK (n > 0 AND CALL))",
    "CREATE TABLE a (n int, m int GENERATED ALWAYS AS (CALL) STORED)",
    "CREATE TABLE a (n int); ALTER TABLE a ADD COLUMN m int DEFAULT (CALL)",
    "CREATE TABLE a (n int); ALTER TABLE a ADD CONSTRAINT c CHECK (CALL)",
    "CREATE TABLE a AS SELECT 1 AS n; ALTER TABLE a ADD COLUMN m int CHECK (CALL)",
]
# Words that are no call where a definition needs them; they may be somebody's functions elsewhere.
WORDS = sorted({word.lower() for word in TABLE_SYNTAX} | {"hash", "range", "list", "columns"})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("call", ["wipe(1)", "s.wipe()", '"wipe"()', "abs(wipe(1))", "s.abs(1)"])
def test_a_function_of_somebodys_own_is_unknown(place: str, call: str) -> None:
    for after in ("", "; INSERT INTO a DEFAULT VALUES"):
        assert worst(lint("f.sql", place.replace("CALL", call) + after)) == "unknown"


@pytest.mark.parametrize("place", some(PLACES, of=2))
def test_a_word_of_the_language_hides_no_function(place: str) -> None:
    wrong = [
        call
        for word in [*WORDS, *(f'"{each}"' for each in [*WORDS, "text"]), "text", "box", "varbit"]
        for call in (f"{word}(1)", f"s.{word}(1)")
        if worst(lint("f.sql", place.replace("CALL", call))) in ("expand", "migrate")
    ]
    assert wrong == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("call", ["abs(1)", "coalesce(n, length('x'))", "CAST(n AS numeric(3))"])
def test_a_usual_function_of_the_server_is_known(place: str, call: str) -> None:
    assert worst(lint("f.sql", place.replace("CALL", call))) == "expand"


def test_types_with_a_length_are_no_calls() -> None:
    for name in ("varchar", "character varying", "bit", "numeric", "timestamp"):
        assert name in TYPES["postgres"]
        assert worst(lint("f.sql", f"CREATE TABLE a (n {name}(3))")) == "expand"
