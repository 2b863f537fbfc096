"""Reports of pgroll and squawk: they may say contract, and expand only where it is sure."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from drainproxy.rollout.migration.lint import lint, worst


def phase(report: Any) -> str:
    return worst(lint("r.json", json.dumps(report)))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("In progress", "expand"),
        ("Complete", "contract"),
        ("No migrations", "unknown"),
        ("Paused", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_status_of_pgroll(status: Any, expected: str) -> None:
    report = {"Schema": "public", "Version": "27_add_note", "Status": status}
    # As the manual of pgroll shows it, and as pgroll prints it.
    for each in (report, {key.lower(): value for key, value in report.items()}):
        (found,) = lint("-", json.dumps(each, indent=2))
        assert (found.phase, found.line, found.statement) == (expected, 1, "public 27_add_note")


def column(**fields: Any) -> dict[str, Any]:
    return {"add_column": {"table": "t", "column": {"name": "c", "type": "text", **fields}}}


WIPE = {"storage_parameters": "fillfactor = 70); DROP TABLE orders; --"}
INDEX = {"name": "i", "table": "t", "columns": {"a": {}}}


def index_of(field: Any) -> dict[str, Any]:
    return {"create_index": INDEX | {"columns": {"a": field}}}


def listed(field: Any) -> dict[str, Any]:
    """As pgroll has it since columns have settings and an order."""
    return {"create_index": INDEX | {"columns": [field]}}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"create_table": {"name": "t", "columns": []}}, "expand"),
        ({"create_index": INDEX}, "expand"),
        ({"create_index": INDEX | {"unique": True}}, "contract"),
        ({"create_index": INDEX | {"predicate": "a > 0"}}, "unknown"),
        ({"create_index": INDEX | {"method": "gin"}}, "expand"),
        ({"create_index": INDEX | {"method": "wipe"}}, "unknown"),
        ({"create_index": INDEX | {"columns": ["a", "b"]}}, "expand"),
        ({"create_index": INDEX | {"columns": "a"}}, "unknown"),
        (index_of({"sort": "DESC", "opclass": {"name": "text_pattern_ops"}}), "expand"),
        (index_of({"opclass": {"name": "wipe_ops"}}), "unknown"),
        (index_of({"opclass": {"name": "text_ops", "params": ["a=1"]}}), "unknown"),
        (index_of({"opclass": "text_ops"}), "unknown"),
        (index_of({"more": 1}), "unknown"),
        (index_of({"sort": "DESC); DROP TABLE t; --"}), "unknown"),
        (index_of({"sort": ["DESC"]}), "unknown"),
        (index_of({"nulls": "LAST, (drop_it(a))"}), "unknown"),
        (index_of({"collate": "C) WHERE (drop_it(a)"}), "unknown"),
        (index_of({"collate": 1}), "unknown"),
        (index_of({"collate": '"C"', "nulls": "LAST"}), "expand"),
        (index_of({"opclass": {"name": ["text_ops"]}}), "unknown"),
        (index_of({"column": "a"}), "unknown"),
        ({"create_index": INDEX | {"columns": [{"column": "a"}, "b"]}}, "expand"),
        (listed({"column": "a", "collate": "C", "nulls": "FIRST", "sort": "ASC"}), "expand"),
        (listed({"column": "a", "opclass": {"name": "text_ops"}}), "expand"),
        (listed({"column": "a", "opclass": {"name": "wipe_ops"}}), "unknown"),
        (listed({"name": "a"}), "unknown"),
        (listed({"column": "a", "Sort": "DESC"}), "unknown"),
        (listed({"sort": "DESC"}), "unknown"),
        (listed(1), "unknown"),
        (column(nullable=True), "expand"),
        (column(default="'x'"), "expand"),
        (column(nullable=True, default="now()"), "expand"),
        (column(), "contract"),
        (column(default="NULL"), "contract"),
        (column(nullable=True, unique=True), "contract"),
        (column(nullable=True, check={"name": "c", "constraint": "c > 0"}), "contract"),
        (column(nullable=True, references={"name": "f"}), "contract"),
        (column(nullable=True, pk=True), "contract"),
        (column(nullable=True, more=1), "unknown"),
        (column(nullable=True, default="drop_it()"), "unknown"),
        (column(nullable=True, default="1, DROP COLUMN x"), "contract"),
        (column(nullable=True, type="int; DROP TABLE t"), "contract"),
        (column(nullable=True, type="serial"), "unknown"),
        (column(nullable=True, type=1), "unknown"),
        ({"add_column": column(nullable=True)["add_column"] | {"up": "lower(a)"}}, "expand"),
        ({"add_column": column(nullable=True)["add_column"] | {"up": "drop_it(a)"}}, "unknown"),
        ({"add_column": column(nullable=True)["add_column"] | {"up": "1 / n"}}, "unknown"),
        ({"add_column": column(nullable=True)["add_column"] | {"up": "a::int"}}, "unknown"),
        ({"add_column": column(nullable=True)["add_column"] | {"up": "t.wipe"}}, "unknown"),
        (
            {"add_column": column(nullable=True, type="int")["add_column"] | {"up": "name"}},
            "unknown",
        ),
        ({"add_column": column(default="''")["add_column"] | {"up": "name"}}, "unknown"),
        (
            {"add_column": column(nullable=True)["add_column"] | {"up": "1); DROP TABLE t"}},
            "unknown",
        ),
        ({"add_column": {"table": "t"}}, "unknown"),
        ({"sql": {"up": "CREATE TABLE t (x int)"}}, "expand"),
        ({"sql": {"up": "UPDATE t SET x = 1", "onComplete": True}}, "migrate"),
        ({"sql": {"up": "DROP TABLE t"}}, "contract"),
        ({"sql": {"up": '{"operations": []}'}}, "unknown"),
        ({"sql": {}}, "unknown"),
        ({"drop_column": {"table": "t", "column": "c"}}, "contract"),
        ({"drop_table": {"name": "t"}}, "contract"),
        ({"alter_column": {"table": "t", "column": "c", "nullable": False}}, "contract"),
        ({"rename_table": {"from": "a", "to": "b"}}, "contract"),
        ({"create_constraint": {"type": "unique"}}, "contract"),
        ({"explode": {}}, "unknown"),
        ({"create_table": []}, "unknown"),
        ({"create_table": {}, "drop_table": {}}, "unknown"),
        ("create_table", "unknown"),
    ],
)
def test_a_migration_of_pgroll(operation: Any, expected: str) -> None:
    assert phase({"name": "1", "operations": [operation]}) == expected
    # The strictest of several decides.
    both = {"operations": [{"create_table": {}}, operation, {"create_table": {}}]}
    assert phase(both) == expected


def in_users(up: str = "", **fields: Any) -> dict[str, Any]:
    added = column(nullable=True, **fields)["add_column"] | {"table": "users"}
    return {"add_column": added | ({"up": up} if up else {})}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (in_users(name="users"), "unknown"),
        (in_users(name="Users"), "expand"),
        (in_users(name="ctid"), "unknown"),
        (in_users(name="drop"), "expand"),
        (in_users(name='a" int; DROP TABLE "b'), "expand"),
        ({"add_column": in_users()["add_column"] | {"table": "pg_class"}}, "unknown"),
        ({"create_index": INDEX | {"table": "pg_class"}}, "unknown"),
        ({"create_index": INDEX | {"columns": ["order", 'a") WHERE wipe("b']}}, "expand"),
        ({"create_table": {"name": "pg_class", "columns": []}}, "unknown"),
        ({"create_table": {"name": "users", "columns": [{"name": "a", "type": "int"}]}}, "expand"),
    ],
)
def test_the_names_of_a_migration_are_judged_as_those_of_sql_are(
    operation: Any, expected: str
) -> None:
    assert phase({"operations": [operation]}) == expected


@pytest.mark.parametrize("broken", ["int --", "int -- (", "int;", "int\n", "int\r", "int /* */"])
def test_a_text_that_may_swallow_what_follows_it_is_never_expand(broken: str) -> None:
    """`int --` makes a comment of the NOT NULL and of the default behind it."""
    value = broken.replace("int", "1")
    table = {"name": "t", "columns": [{"name": "c", "type": "int"}]}
    parts: list[dict[str, Any]] = [
        {"type": broken},
        {"default": value},
        {"check": {"constraint": f"c > {value}"}},
        {"generated": {"expression": value}},
        {"generated": {"identity": {"sequence_options": f"START WITH {value}"}}},
    ]
    for operation in (
        column(type=broken, default="1"),
        column(type=broken, nullable=True),
        column(type="int", default=value),
        in_users(up=broken.replace("int", "lower(a)")),
        *(
            {"create_table": table | {"columns": [{"name": "c", "type": "int"} | part]}}
            for part in parts
        ),
        {"create_table": table | {"constraints": [{"type": "check", "check": f"c > {value}"}]}},
    ):
        assert phase({"operations": [operation]}) != "expand", operation


@pytest.mark.parametrize(
    ("given", "default"),
    [("int DEFAULT '", "'"), ("int DEFAULT (1", "2)"), ("int DEFAULT 1 IS", "1"), ("int --", "1")],
)
def test_a_type_does_not_take_what_follows_it_into_itself(given: str, default: str) -> None:
    assert phase({"operations": [column(type=given, default=default)]}) != "expand"


@pytest.mark.parametrize(
    ("columns", "constraints", "expected"),
    [
        ([{"type": "serial", "pk": True}, {"type": "text", "unique": True}], [], "expand"),
        ([{"type": "timestamptz", "default": "now()"}], [], "expand"),
        ([{"type": "int", "check": {"name": "c", "constraint": "c > 1"}}], [], "expand"),
        ([{"type": "int", "generated": {"identity": {}}}], [], "expand"),
        ([{"type": "int"}], [{"type": "unique", "columns": ["c"]}], "expand"),
        ([{"type": "int"}], [{"type": "check", "check": "c > 1"}], "expand"),
        ([{"type": "int", "default": "wipe()"}], [], "unknown"),
        ([{"type": "datetime"}], [], "unknown"),
        ([{"type": "int", "check": {"name": "c", "constraint": "wipe(c)"}}], [], "unknown"),
        ([{"type": "int", "generated": {"expression": "wipe()"}}], [], "unknown"),
        ([{"type": "int"}], [{"type": "check", "check": "wipe(c)"}], "unknown"),
        ([{"type": "int"}], [{"type": "check", "check": ["c > 1"]}], "unknown"),
        ([{"type": "int"}], [{"type": "unique", "check": 1}], "expand"),
        ([{"type": "int"}], [{"type": "exclude"}], "unknown"),
        ([{"type": "int"}], [{"type": "unique", "index_parameters": {}}], "expand"),
        ([{"type": "int"}], [{"type": "unique", "index_parameters": WIPE}], "unknown"),
        ([{"type": "int"}], [{"type": "unique", "Columns": ["c"]}], "unknown"),
        (
            [{"type": "int", "generated": {"identity": {"sequence_options": "START WITH 5"}}}],
            [],
            "expand",
        ),
        (
            [{"type": "int", "generated": {"identity": {"sequence_options": "x) wipe("}}}],
            [],
            "unknown",
        ),
        (
            [{"type": "int", "generated": {"identity": {"user_specified_values": "x"}}}],
            [],
            "unknown",
        ),
        ([{"type": "int", "generated": {"expression": "1", "more": 1}}], [], "unknown"),
        ([{"type": "int", "generated": {"expression": "1", "identity": "x"}}], [], "expand"),
        ([{"type": "int", "generated": "x"}], [], "unknown"),
        ([{"type": "int", "check": "c > 1"}], [], "unknown"),
        ([{"type": "int", "references": {"table": "t", "name": "f"}}], [], "expand"),
        ([{"type": "int", "references": {"table": "t", "on_delete": "CASCADE"}}], [], "expand"),
        ([{"type": "int", "references": {"table": "t", "on_delete": "x"}}], [], "unknown"),
        ([{"type": "int", "references": {"table": "orders", "name": "f"}}], [], "unknown"),
        ([{"type": "int", "references": {"Table": "t"}}], [], "unknown"),
        ([{"type": "int"}], [{"type": "foreign_key", "references": {"table": "t"}}], "expand"),
        ([{"type": "int"}], [{"type": "foreign_key", "references": {"table": "u"}}], "unknown"),
        ([{"type": "int"}], [{"type": "foreign_key", "references": {"table": ["t"]}}], "unknown"),
        ([{"type": "int"}], [{"type": "foreign_key", "references": []}], "unknown"),
        ([{"type": "int"}], [{"type": "foreign_key"}], "unknown"),
        ([{"type": "int", "storage": "x"}], [], "unknown"),
        ([{"type": "int) INHERITS (orders"}], [], "unknown"),
        (["int"], [], "unknown"),
        ({"type": "int"}, [], "unknown"),
        ([{"type": "int", "default": "1)); DROP TABLE orders; --"}], [], "contract"),
    ],
)
def test_a_table_of_pgroll_may_call_only_what_is_known(
    columns: Any, constraints: Any, expected: str
) -> None:
    body = {"name": "t", "columns": columns, "constraints": constraints}

    assert phase({"operations": [{"create_table": body}]}) == expected


def test_a_foreign_key_to_a_table_of_the_same_migration_only_adds() -> None:
    users = {"create_table": {"name": "users", "columns": [{"name": "id", "type": "int"}]}}
    key = {"name": "u", "type": "int", "references": {"name": "f", "table": "users"}}
    orders = {"create_table": {"name": "orders", "columns": [key]}}

    assert phase({"operations": [users, orders]}) == "expand"
    assert phase({"operations": [orders, users]}) == "unknown"


MIGRATION = {
    "name": "1",
    "version_schema": "one",
    "operations": [
        {
            "create_table": {
                "name": "t",
                "comment": "x",
                "columns": [
                    {"name": "c", "type": "int", "check": {"name": "k", "constraint": "c > 1"}},
                    {
                        "name": "d",
                        "type": "int",
                        "generated": {"identity": {"sequence_options": ""}},
                    },
                    {"name": "e", "type": "int", "references": {"name": "f", "table": "t"}},
                ],
                "constraints": [
                    {"name": "u", "type": "unique", "index_parameters": {"include_columns": ["c"]}}
                ],
            }
        },
        {
            "create_index": {
                **INDEX,
                "columns": [{"column": "a", "sort": "DESC", "opclass": {"name": "int4_ops"}}],
                "unique": False,
                "method": "",
                "predicate": "",
                "storage_parameters": "",
            }
        },
        {"add_column": {"table": "o", "column": {"name": "c", "type": "text", "nullable": True}}},
        {"sql": {"up": "CREATE TABLE x (n int)", "down": "DROP TABLE x", "onComplete": False}},
    ],
}


def spelt_otherwise(value: Any, change: Callable[[str], str]) -> Iterator[Any]:
    """The same with one key changed, and with one key doubled, for each of its keys."""
    if isinstance(value, dict):
        for name in value:
            changed = {change(key) if key == name else key: each for key, each in value.items()}
            yield changed
            yield value | {change(name): value[name]}
            for inner in spelt_otherwise(value[name], change):
                yield value | {name: inner}
    elif isinstance(value, list):
        for index, each in enumerate(value):
            for inner in spelt_otherwise(each, change):
                yield [*value[:index], inner, *value[index + 1 :]]


def test_a_key_in_another_letter_case_is_never_overlooked() -> None:
    """Go's encoding/json takes it for the key: {"UNIQUE": true} makes a unique index."""
    assert phase(MIGRATION) == "expand"
    for change in (str.upper, str.capitalize, lambda key: key + "\u200b"):
        variants = [*spelt_otherwise(MIGRATION, change)]
        assert len(variants) > 90
        for variant in variants:
            assert phase(variant) == "unknown", variant


def test_a_key_that_stands_twice_is_unknown() -> None:
    """Of `true` and `null` Go keeps the first, Python the last."""
    index = '{"name": "i", "table": "t", "columns": ["a"], "unique": true, "unique": null}'

    assert worst(lint("r.json", f'{{"operations": [{{"create_index": {index}}}]}}')) == "unknown"


@pytest.mark.parametrize(
    "report",
    [
        {"schema": "public", "Status": "In progress"},
        {"Schema": "public", "Version": "1", "STATUS": "In progress"},
        {"Schema": "public", "Status": "In progress", "More": 1},
        {"Status": "In progress"},
    ],
)
def test_a_status_with_other_keys_than_pgrolls_is_unknown(report: Any) -> None:
    assert phase(report) == "unknown"


def test_a_migration_without_an_operation_is_unknown() -> None:
    assert phase({"operations": []}) == "unknown"


def violation(rule: str, line: int = 4) -> dict[str, Any]:
    return {
        "file": "a.sql",
        "line": line,
        "column": 0,
        "level": "Warning",
        "message": "Dropping a column\n may break",
        "help": None,
        "rule_name": rule,
        "column_end": 3,
        "line_end": 5,
    }


def test_a_violation_of_squawk_has_its_file_and_line() -> None:
    report = [violation("prefer-robust-stmts"), violation("ban-drop-column")]
    (found,) = lint("squawk.json", json.dumps(report))

    assert found.phase == "contract"
    # squawk counts lines from 0 in JSON.
    assert (found.file, found.line, found.statement) == ("a.sql", 5, "")
    assert found.reason == "squawk: ban-drop-column: Dropping a column may break"


@pytest.mark.parametrize("file", [None, "", 7, ["a.sql"]])
def test_a_violation_without_a_file_is_of_the_report(file: Any) -> None:
    (found,) = lint("-", json.dumps([violation("ban-drop-column") | {"file": file}]))

    assert found.file == "-"


def test_violations_of_several_files_have_each_its_own() -> None:
    report = [violation("ban-drop-column") | {"file": file} for file in ("a.sql", "b\nc.sql")]
    report.append(violation("prefer-text-field") | {"file": "d.sql"})

    assert [each.file for each in lint("-", json.dumps(report))] == ["a.sql", "b c.sql"]


@pytest.mark.parametrize(
    "report",
    [
        [],
        [violation("prefer-text-field")],
        [violation("syntax-error")],
        [{"rule": "ban-drop-column"}],
        [violation("ban-drop-column"), 1],
        ["ban-drop-column"],
        {},
        {"verdict": "allow"},
        {"Schema": "public"},
        {"operations": "none"},
    ],
)
def test_a_report_that_finds_nothing_or_is_none_is_unknown(report: Any) -> None:
    assert phase(report) == "unknown"


@pytest.mark.parametrize("text", ["{", "[1", "{} DROP TABLE x", "[" * 100_000, "{# x #} SELECT 1"])
def test_what_only_begins_like_json_is_unknown(text: str) -> None:
    assert worst(lint("r.json", text)) == "unknown"
