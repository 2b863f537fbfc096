"""The Services that select a pod are found without a look at all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.kube.density import Effort, TooMuch
from drainproxy.kube.selecting import Selecting
from drainproxy.manifests.services import POD_NAME, Service, services

_LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)
_PODS = st.sampled_from(["db-0", "db-1", "web-0"])


def service(at: int, namespace: str, selector: dict[str, str]) -> Service:
    metadata = {"name": f"s{at}", "namespace": namespace}
    spec = {"selector": selector, "ports": [{"port": 80}]}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    (found,) = services([body])
    return found


@st.composite
def _selectors(draw: st.DrawFn) -> dict[str, str]:
    name = draw(st.none() | _PODS)
    return draw(_LABELS) | ({POD_NAME: name} if name else {})


@given(
    selectors=st.lists(st.tuples(st.sampled_from(["", "a"]), _selectors()), max_size=8),
    pods=st.lists(
        st.tuples(st.sampled_from(["", "a"]), _LABELS, st.sampled_from([None, "db", "web"])),
        max_size=4,
    ),
)
def test_they_are_the_ones_that_select_it_in_their_order(
    selectors: list[tuple[str, dict[str, str]]], pods: list[tuple[str, dict[str, str], str | None]]
) -> None:
    every = [service(at, *each) for at, each in enumerate(selectors)]
    selecting = Selecting(every, Effort())

    for pod in pods:
        assert [*selecting.services(*pod)] == [each for each in every if each.selects(*pod)]


def test_a_label_that_all_have_costs_nothing() -> None:
    every = [service(at, "", {"of": "shop", "app": f"a{at}"}) for at in range(1000)]
    selecting = Selecting(every, Effort())

    for at in range(1000):
        (found,) = selecting.services("", {"of": "shop", "app": f"a{at}"})
        assert found is every[at]


def test_many_behind_many_are_too_much() -> None:
    selecting = Selecting([service(at, "", {"app": "web"}) for at in range(1000)], Effort())

    with pytest.raises(TooMuch, match="too many workloads are behind too many Services"):
        [selecting.services("", {"app": "web", "at": str(at)}) for at in range(1000)]
