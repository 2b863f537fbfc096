"""Pods by their labels, and those that a selector misses by one."""

import pytest

from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.pods import Pods

POD = (
    "apiVersion: v1\nkind: Pod\n"
    "metadata: {{name: {name}, namespace: '{space}', labels: {{{labels}}}}}\n"
)


def pod(name: str, labels: str, space: str = "") -> str:
    return POD.format(name=name, labels=labels, space=space)


def pods(*texts: str) -> Pods:
    return Pods(each.root for each in read_objects("pods.yaml", "---\n".join(texts)))


EVERY = pods(
    pod("a", "app: a, chart: c", "one"),
    pod("b", "app: b, chart: c", "one"),
    pod("a", "app: a, chart: c", "two"),
    pod("c", "app: c, chart: c"),
    pod("d", "other: d, chart: c", "one"),
)


@pytest.mark.parametrize(
    ("wanted", "space", "selected", "missed"),
    [
        ({"app": "a", "chart": "c"}, "one", ["a"], None),
        ({"app": "a", "chart": "c"}, "", ["a", "a"], None),
        ({"app": "x", "chart": "c"}, "two", [], ("a", "app")),
        ({"app": "a", "chart": "x"}, "two", [], ("a", "chart")),
        ({"app": "x", "chart": "c"}, "three", [], ("c", "app")),
        ({"app": "x", "chart": "x"}, "one", [], None),
        ({"other": "x", "chart": "c"}, "one", [], ("d", "other")),
        ({"other": "x", "chart": "c"}, "two", [], None),
        # Of one label that is wanted, the name must be the same too.
        ({"app": "x"}, "one", [], None),
        ({}, "one", [], None),
    ],
)
def test_a_selector_finds_its_pods_and_the_first_that_it_misses_by_one_label(
    wanted: dict[str, str], space: str, selected: list[str], missed: tuple[str, str] | None
) -> None:
    (near,) = read_objects("service.yaml", pod("service", "", space))
    found = EVERY.missed(wanted, near)
    names = [each.place.object.name for each in EVERY.selected(wanted, near)]

    assert names == selected
    if not selected:
        assert (found and (found[0].place.object.name, found[1])) == missed


def test_of_one_label_that_is_wanted_the_name_must_be_the_same() -> None:
    (near,) = read_objects("service.yaml", pod("a", "", "two"))
    found = EVERY.missed({"app": "x"}, near)
    assert found
    assert (found[0].place.object.namespace, found[1]) == ("two", "app")
    assert EVERY.missed({"team": "x"}, near) is None
