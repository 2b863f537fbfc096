"""Files of manifests: what is not changed stays as it is, what is changed keeps its looks."""

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from drainproxy.manifests.documents import edited, parse, proven, render, restyle
from drainproxy.manifests.nodes import Node
from drainproxy.manifests.splice import Splice

TWO = """\
# Licence
%YAML 1.2
--- # first
a:   1   # odd spaces
b: 'x'
---
- "list"
...
"""


def changed(text: str) -> str:
    """The text, written anew although nothing has changed."""
    found = parse(text)
    for document in found:
        document.changed = True
    return render([found])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1",
        "a: 1\n",
        TWO,
        "# only a comment\n",
        "a: 1\r\n---\r\nb: 2\r\n",
        "a: |\n  text\n  ----\n  --- not a marker\nb: 2\n",
        '{"a": 1}\n',
        "--- {a: 1}\n",
        "---\na: 1\n---\nb: 2\n",
        "---\n---\na: 1\n---\n# Source: empty.yaml\n---\nb: 2\n---\n",
        "---\n...\n---\n# nothing\n... # end\n---\na: 1\n...\n",
        '{"a": 1}\n{"b": 2}\n\n{"c": 3}',
        '\ufeff---\n{"a": 1}{"b": 2}\n---\nc: 3\n',
        "\ufeffa: 1",
        "\ufeff---\na: 1   \n\n",
        '{"a":1,\n\t"b": "\\ud83d\\ude00"}',
    ],
)
def test_what_is_not_changed_passes_byte_for_byte(text: str) -> None:
    assert render([parse(text)]) == text


def test_each_document_is_read_for_itself() -> None:
    licence, first, second = parse(TWO)

    assert (licence.data, first.data, second.data) == (None, {"a": 1, "b": "x"}, ["list"])
    assert first.marker == "%YAML 1.2\n--- # first\n"


def test_files_become_one_stream() -> None:
    texts = ["\ufeffa: 1", "# nothing\n", "---\nb: 2\n", '\ufeff{"c": 3}', "%YAML 1.1\n---\nd: 4"]
    text = render(list(map(parse, texts)))

    assert text == ('\ufeffa: 1\n# nothing\n---\nb: 2\n---\n{"c": 3}\n...\n%YAML 1.1\n---\nd: 4')
    assert list(YAML(typ="safe").load_all(text)) == [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}]


def test_objects_of_json_in_a_row_are_documents_of_their_own() -> None:
    first, second, third = parse('{\n"a": 1}\n {"b": 2} {"c": 3}\n')

    assert (first.data, second.data, third.data) == ({"a": 1}, {"b": 2}, {"c": 3})
    assert (first.line, second.line, third.line) == (0, 2, 2)
    second.data["b"] = 3
    second.changed = True
    assert render([[first, second, third]]) == '{\n"a": 1}\n {"b": 3} {"c": 3}\n'


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}\n{"b": }', '{"a": 1}\nb: 2', '{"a": 1}\n# c\n{"b": 2}', '{"a": 1}\n{b: 2}'],
)
def test_what_is_no_json_to_its_end_is_yaml(text: str) -> None:
    with pytest.raises(ValueError, match="is not valid YAML"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("---\n...\n---\na: 1\n", [None, {"a": 1}]),
        ("---\n...\na: 1\n", [None, {"a": 1}]),
        ("# c\n... # d\r\n{}\n", [None, {}]),
        ("---\n...\n# c\n...\na: 1\n...\n", [None, {"a": 1}]),
        ("...\n" * 20_000 + "a: 1\n", [None, {"a": 1}]),
        ('...\n{"a": 1}{"b": 2}\n', [None, {"a": 1}, {"b": 2}]),
        ("---\n...\n...\n", [None]),
    ],
)
def test_a_document_that_is_closed_before_anything_is_in_it_is_empty(
    text: str, data: list[object]
) -> None:
    found = parse(text)

    assert [each.data for each in found] == data
    assert render([found]) == text
    assert found[-1].line == text.count("\n", 0, text.find(found[-1].text, 1))


def test_what_follows_a_closed_document_in_another_file_gets_a_marker() -> None:
    assert render([parse("---\n...\n"), parse("a: 1\n")]) == "---\n...\n---\na: 1\n"
    assert render([parse("---\n# ...\n"), parse("a: 1\n")]) == "---\n# ...\na: 1\n"


@pytest.mark.parametrize("first", ['{"a": 1}\n{"b": 2}', '\t{"a":\t1}\n'])
def test_json_may_stand_before_a_file_with_directives(first: str) -> None:
    text = render([parse(first), parse("%YAML 1.1\n---\nc: 3\n")])

    held = [each.data for each in parse(text) if each.data]
    assert (held[0], held[-1]) == ({"a": 1}, {"c": 3})
    assert render([parse(text)]) == text
    for end in ("...", "... # end\n\n...\n"):
        assert parse(f"{first.rstrip()}\n{end}")[0].is_json


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_may_begin_with_the_end_of_a_document_behind_another_file(mark: str) -> None:
    text = render([parse("a: 1\n"), parse(f"{mark}...\nb: 2\n")])

    assert text == "a: 1\n...\n---\nb: 2\n"
    assert [each.data for each in parse(text) if each.data] == [{"a": 1}, {"b": 2}]
    assert render([parse("...\nb: 2\n")]) == "...\nb: 2\n"


@pytest.mark.parametrize(
    "text",
    [
        "# top\na: 1 # one\n\n# between\nb:\n# in\n- x   \n- y # why\n# end\n",
        "a:\n  - b: 1\n    c:\n      - d\n",
        "a:\n- b: 1\n  c:\n  - d\n",
        "a:\n    b:\n        c: 1\n",
        "a: 'single'\nb: \"double\"\nc: plain\nd: |\n  block\n  text\ne: >-\n  folded\n  text\n",
        "z: 1\na: 2\nm: {x: 1, y: [1, 2]}\n",
        "a: &x {b: 1}\nc: *x\n",
        "mode: 0644\nat: 2026-01-02\nbig: 1_000\nyes: on\n",
        "a: " + "word " * 60 + "end\n",
        "a: x\r\nb:\r\n- y\r\n",
    ],
)
def test_what_is_changed_keeps_comments_quotes_order_and_indents(text: str) -> None:
    assert changed(text) == text


def test_json_stays_json_in_its_indent_and_order() -> None:
    text = '{\n    "z": 1,\n    "a": [\n        "ä"\n    ]\n}\n'

    assert changed(text) == text
    assert changed('{"z": 1, "a": 2}') == '{"z": 1, "a": 2}'
    assert parse("{a: 1}")[0].is_json is False


def test_a_json_document_with_half_a_character_is_proven_and_keeps_it() -> None:
    (document,) = parse('{"a": "\\ud83d", "b": 1}')
    document.data["b"] = 2
    edit = edited(document)

    assert proven(document, edit).text == '{"a": "\\ud83d", "b": 2}'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\n---\nb: [\n", "line 3 (document 2): is not valid YAML: did not find expected"),
        ("a: 1\na: secret\n", "line 2: is not valid YAML: the key 'a' stands twice"),
        ("a: {{ .Values.x }}: b\n", "line 1: is not valid YAML: a key is a list or a mapping"),
        ("a: \x00\n", "line 1: is not valid YAML: it holds a character"),
        ("x: 1\na: *b\n", "line 2: is not valid YAML: an alias (*) has no anchor"),
        ("a: &b\n  - *b\n", "line 2: is not valid YAML: an alias stands inside"),
        ("a: 1\n<<: 1\n", "line 2: is not valid YAML: a merge key (<<) must have a mapping"),
        ("a: 1\r---\rb: 1\r", "line 2: is not valid YAML: a second document begins"),
        ("%YAML 1.1\n---\na: 1\nb: '\n", "line 4: is not valid YAML: found unexpected end"),
        ("[" * 1000, "line 1: is not valid YAML: it is nested too deeply"),
        ("%YAML 9.9\n---\na", "line 1: is not valid YAML: found incompatible YAML document"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="is not valid YAML") as caught:
        parse(text)
    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)


@given(text=st.text(max_size=60) | st.text(alphabet="-: #\n{}[]&*!|>'\"%ab", max_size=40))
def test_whatever_the_text_it_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert render([found]).count("a") <= text.count("a")


def test_what_is_put_in_looks_like_the_rest_of_the_file() -> None:
    text = "spec:\n  containers:\n    - name: a\n  volumes: []\nmetadata: {}\n"
    (document,) = parse(text)
    pod = document.data
    pod["spec"]["volumes"].append({"name": "v", "items": [{"path": "x"}]})
    pod["spec"]["containers"][0]["args"] = ["--a=b:c", "yes", "1e3", "12:30", "", "true", "50m"]
    pod["metadata"]["annotations"] = {"a": "x", "n": "1"}
    restyle(pod, ["a", "n"])
    document.changed = True

    assert render([[document]]) == (
        "spec:\n"
        "  containers:\n"
        "    - name: a\n"
        '      args:\n        - --a=b:c\n        - "yes"\n        - "1e3"\n        - "12:30"\n'
        '        - ""\n        - "true"\n        - 50m\n'
        "  volumes:\n"
        "    - name: v\n      items:\n        - path: x\n"
        "metadata:\n"
        '  annotations:\n    a: "x"\n    "n": "1"\n'
    )


@given(values=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))))
def test_every_text_that_is_put_in_is_read_as_that_text_by_old_readers_too(
    values: list[str],
) -> None:
    (document,) = parse("a: 1\n")
    document.data["metadata"] = {"annotations": {"key": "on"}}
    document.data["values"] = values
    restyle(document.data, ["key"])
    document.changed = True

    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)
    read = old.load(StringIO(render([[document]])))
    assert read["values"] == values
    assert read["metadata"]["annotations"] == {"key": "on"}


def test_a_list_of_somebodys_own_keeps_its_brackets() -> None:
    (document,) = parse("args: [a, b]\nmetadata: {annotations: {x: y}}\n")
    document.data["metadata"]["annotations"]["z"] = "1"
    restyle(document.data, ["z"])
    document.changed = True

    assert render([[document]]) == 'args: [a, b]\nmetadata: {annotations: {x: y, z: "1"}}\n'


@pytest.mark.parametrize("text", ["a: {b: c}\n", '{"a": {"b": "c"}}', "a:\n  b: c\n"])
def test_a_document_is_edited_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    run = Splice.run

    def counted(self: Splice, root: Node, value: object) -> tuple[str, str]:
        runs.append(text)
        return run(self, root, value)

    monkeypatch.setattr(Splice, "run", counted)
    (document,) = parse(text)
    document.data["a"]["d"] = "e"

    edited(document)
    assert runs == [text]


def test_a_json_document_is_an_object_of_json() -> None:
    (document,) = parse('{"metadata": {"annotations": null}}')

    assert document.is_json
    assert json.loads(document.render()) == {"metadata": {"annotations": None}}
