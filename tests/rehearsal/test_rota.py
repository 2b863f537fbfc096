"""Whose turn it is: by weight, and as evenly as can be."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rehearsal.rota import Rota

WEIGHTS = st.dictionaries(st.text(max_size=3), st.integers(1, 20), min_size=1, max_size=6)


def rota(weights: dict[str, int]) -> Rota[str]:
    made = Rota[str]()
    for item, weight in weights.items():
        made.put(item, weight)
    return made


@given(WEIGHTS)
def test_in_as_many_turns_as_all_weights_together_each_has_as_many_as_its_own(
    weights: dict[str, int],
) -> None:
    turns = rota(weights)
    assert Counter(turns.next() for _ in range(sum(weights.values()))) == weights


@given(st.integers(1, 6), st.integers(1, 50))
def test_equal_weights_take_turns(count: int, rounds: int) -> None:
    turns = rota({str(n): 1 for n in range(count)})
    first = [turns.next() for _ in range(count)]
    assert len(set(first)) == count
    assert [turns.next() for _ in range(count * rounds)] == first * rounds


@given(WEIGHTS, st.integers(0, 30))
def test_who_is_removed_has_no_turn_any_more(weights: dict[str, int], before: int) -> None:
    turns = rota(weights)
    for _ in range(before):
        turns.next()
    gone = min(weights)
    turns.remove(gone)
    assert gone not in {turns.next() for _ in range(100)}


def test_of_nobody_it_is_nobodys_turn() -> None:
    assert rota({}).next() is None
    assert rota({"idle": 0}).next() is None


def test_a_weight_of_nothing_has_no_turn() -> None:
    assert {rota({"busy": 1, "idle": 0}).next() for _ in range(10)} == {"busy"}


def test_a_twentieth_comes_once_in_twenty_turns() -> None:
    turns = rota({"stable": 19, "canary": 1})
    assert [turns.next() for _ in range(40)].count("canary") == 2
