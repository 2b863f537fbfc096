"""What a workload declares is read whole, with every mistake in it."""

import pytest

from drainproxy.rollout.migration.declared import (
    PHASE,
    VERSION,
    Declared,
    declared,
    parse_app,
    parse_version,
)


def test_what_is_declared_is_read() -> None:
    assert declared({}) == (Declared(), [])
    assert declared({PHASE: "contract", VERSION: "12", "other": "x"}) == (
        Declared("contract", 12),
        [],
    )


def test_every_mistake_is_named_with_its_annotation() -> None:
    found, mistakes = declared({PHASE: "Expand", VERSION: "v7"})

    assert found == Declared()
    assert list(map(str, mistakes)) == [
        "annotation drainproxy.io/migration-phase: 'Expand' is not one of expand, migrate,"
        " contract: did you mean expand?",
        "annotation drainproxy.io/schema-version: 'v7' is not a schema version, a whole number"
        " from 0 to 999999999, such as 7",
    ]


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e3", "1_000", " 7", "7\n", "1234567890"])
def test_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="is not a schema version"):
        parse_version(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "a b", "a/b", "a" * 64, "\u00e9", "a\n"])
def test_no_app(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an app"):
        parse_app(text)
