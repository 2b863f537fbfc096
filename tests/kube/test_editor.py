"""Edits of a pod, their record and their undoing."""

from time import process_time

import jsonpatch
import pytest

from drainproxy.kube.editor import Editor, UndoRecord, undo
from drainproxy.manifests.podspec import Json

POD: Json = {"spec": {"containers": [{"name": "a"}, {"name": "b", "ports": [{"name": "http"}]}]}}


def test_an_item_of_a_list_is_chosen_by_its_name() -> None:
    editor = Editor(POD)
    editor.put(("spec", "containers", "name=b", "image"), "x")

    assert editor.pod["spec"]["containers"][1]["image"] == "x"
    assert "image" not in POD["spec"]["containers"][1]
    assert editor.record.added == ["/spec/containers/name=b/image"]
    assert editor.patch == [{"op": "add", "path": "/spec/containers/1/image", "value": "x"}]


@pytest.mark.parametrize("start", [{}, {"metadata": None}, {"metadata": {"annotations": None}}])
def test_maps_on_the_way_are_made_and_go_again(start: Json) -> None:
    editor = Editor(start)
    editor.put(("metadata", "annotations", "drainproxy.io/a~b"), "x")

    assert editor.pod == {"metadata": {"annotations": {"drainproxy.io/a~b": "x"}}}
    assert editor.record.added == ["/metadata/annotations/drainproxy.io~1a~0b"]
    assert jsonpatch.apply_patch(start, editor.patch) == editor.pod
    assert undo(editor.pod, editor.record) == start


@pytest.mark.parametrize(
    "start", [{}, {"volumes": None}, {"volumes": []}, {"volumes": [{"name": "v"}]}]
)
def test_an_item_is_appended_and_taken_out_by_its_name(start: Json) -> None:
    editor = Editor(start)
    editor.append(("volumes",), {"name": "ours"})
    editor.pod["volumes"].insert(0, {"name": "theirs"})

    undone = undo(editor.pod, editor.record)
    assert undone["volumes"] == [{"name": "theirs"}, *(start.get("volumes") or [])]
    del editor.pod["volumes"][0]
    assert undo(editor.pod, editor.record) == start


def test_a_value_that_was_there_comes_back_in_its_place() -> None:
    start = {"a": 1, "grace": 30, "b": None}
    editor = Editor(start)
    editor.put(("grace",), 60)
    editor.put(("grace",), 90)
    editor.put(("b",), {"full": True})

    assert editor.record.changed == {"/grace": 30, "/b": None}
    assert list(undo(editor.pod, editor.record).items()) == list(start.items())


def test_a_renamed_item_is_found_under_its_new_name() -> None:
    editor = Editor(POD)
    editor.rename(("spec", "containers", "name=b", "ports"), "http", "app-http")

    assert editor.pod["spec"]["containers"][1]["ports"] == [{"name": "app-http"}]
    assert editor.record.changed == {"/spec/containers/name=b/ports/name=app-http/name": "http"}
    assert jsonpatch.apply_patch(POD, editor.patch) == editor.pod
    assert undo(editor.pod, editor.record) == POD


def test_the_patch_holds_values_as_they_were_when_they_were_put() -> None:
    editor = Editor({})
    editor.open(("a",))
    editor.put(("a", "b"), 1)

    assert [step["value"] for step in editor.patch] == [{}, 1]


@pytest.mark.parametrize(
    "pointer",
    ["", "/", "/spec", "/spec/containers/name=z/x", "/spec/containers/0", "/spec/x/y", "no"],
)
def test_what_is_gone_is_not_missed(pointer: str) -> None:
    pod: Json = {"spec": {"containers": [{"name": "a"}, "strange"]}}
    for record in (
        UndoRecord([pointer]),
        UndoRecord(created=[pointer]),
        UndoRecord(changed={pointer: "x"}),
    ):
        undo(pod, record)


@pytest.mark.parametrize("start", [{"volumes": "x"}, {"volumes": {}}, {"volumes": 0}])
def test_what_is_no_list_is_named(start: Json) -> None:
    with pytest.raises(ValueError, match="is no pod: /volumes must be a list"):
        Editor(start).append(("volumes",), {"name": "ours"})


@pytest.mark.parametrize("start", [{"spec": "x"}, {"spec": []}, {"spec": {"containers": ["x"]}}])
def test_what_is_no_mapping_or_has_no_such_item_is_named(start: Json) -> None:
    with pytest.raises(ValueError, match="is no pod: /spec"):
        Editor(start).put(("spec", "containers", "name=x", "image"), "x")


def test_two_items_of_one_name_are_edited_as_the_first_and_undone() -> None:
    start: Json = {"ports": [{"name": "http", "n": 1}, {"name": "http", "n": 2}]}
    editor = Editor(start)
    editor.rename(("ports",), "http", "app-http")

    assert [port["name"] for port in editor.pod["ports"]] == ["app-http", "http"]
    assert undo(editor.pod, editor.record) == start


def test_names_that_pass_on_from_item_to_item_come_back() -> None:
    start: Json = {"ports": [{"name": "app-http"}, {"name": "http"}]}
    editor = Editor(start)
    editor.rename(("ports",), "app-http", "app1-http")
    editor.rename(("ports",), "http", "app-http")

    assert undo(editor.pod, editor.record) == start


def test_the_work_grows_with_the_pod_and_not_with_its_square() -> None:
    ports = [{"name": f"p{at}"} for at in range(4000)]
    pod: Json = {"containers": [{"name": f"c{at}"} for at in range(4000)], "ports": ports}
    before = process_time()
    editor = Editor(pod)
    for at in range(4000):
        editor.put(("containers", f"name=c{at}", "image"), "x")
        editor.append(("containers",), {"name": f"ours{at}"})
        editor.rename(("ports",), f"p{at}", f"q{at}")
    undone = undo(editor.pod, editor.record)

    assert process_time() - before < 1.5, "0.15 s; reading lists for each step took minutes"
    assert undone == pod
