"""Warnings on their way to people."""

from hypothesis import given
from hypothesis import strategies as st

from drainproxy.kube.admission_warnings import limited, noted
from drainproxy.kube.annotations import WARNINGS
from drainproxy.kube.inject import uninject
from tests.kube.pods import injected, pod


@given(st.lists(st.text(max_size=2000), max_size=50))
def test_no_more_is_said_than_the_api_server_passes_on(warnings: list[str]) -> None:
    told = limited(warnings)

    assert sum(map(len, told)) < 4096
    assert len(told) <= 21
    if warnings:
        assert told


def test_what_is_left_out_is_counted_and_nothing_is_said_twice() -> None:
    assert limited(["a", "b", "a"]) == ["a", "b"]
    assert limited(map(str, range(30)))[-1] == "and 10 more"
    assert limited(f"{at}{'x' * 600}" for at in range(8))[-1] == "and 3 more"


def test_a_note_is_a_line_for_each_and_part_of_what_is_undone() -> None:
    done = injected(pod())
    patch = noted(done.pod, ["one", "two"])

    assert patch[0]["path"].endswith("/drainproxy.io~1warnings")
    assert patch[0]["value"] == "one\ntwo"
    assert noted(done.pod, []) == []


def test_who_is_told_already_is_not_told_again() -> None:
    assert noted(pod(annotations={WARNINGS: "one"}), ["one"]) == []


def test_where_a_note_would_have_the_pod_refused_there_is_none() -> None:
    assert noted(pod(annotations={"a": "b" * ((1 << 18) - 20)}), ["one"]) == []


def test_a_pod_without_annotations_gets_them() -> None:
    (made, written) = noted({"metadata": None, "spec": {}}, ["one"])[-2:]

    assert (made["path"], written["value"]) == ("/metadata/annotations", "one")
    assert uninject(pod()) is None
