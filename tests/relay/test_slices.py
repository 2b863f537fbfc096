"""What concerns all is done in slices, in order, and nobody is left out."""

from collections.abc import Callable, Iterator

import pytest

from drainproxy.relay.slices import Slices


class Loop:
    """Turns of a loop, and a clock that work moves on."""

    def __init__(self) -> None:
        self.time = 100.0
        self.soon: list[Callable[[], None]] = []
        self.done: list[str] = []
        self.slices = Slices(lambda step: self.soon.append(step), lambda: self.time)

    def each(self, names: str, seconds: float = 0.0) -> None:
        """Something to do for each of these, which takes so long."""

        def act(name: str) -> None:
            self.done.append(name)
            self.time += seconds

        self.slices.each(names, act)

    def turn(self) -> str:
        """What was done in the next turn."""
        self.soon, calls = [], self.soon
        self.done = []
        for call in calls:
            call()
        return "".join(self.done)


def test_what_takes_no_time_is_done_at_once() -> None:
    loop = Loop()
    loop.each("abc")
    assert loop.done == ["a", "b", "c"]
    assert not loop.soon


def test_a_slice_begins_nothing_after_four_milliseconds_and_the_rest_comes_in_later_turns() -> None:
    loop = Loop()
    loop.each("abcdef", 0.0015)
    assert loop.done == ["a", "b", "c"]
    assert [loop.turn(), loop.turn()] == ["def", ""]
    assert not loop.soon


def test_a_slice_is_for_a_hundred_at_most_whatever_they_are_about() -> None:
    loop = Loop()
    loop.each("a" * 60)
    loop.each("b" * 250)
    assert "".join(loop.done) == "a" * 60 + "b" * 100
    assert [loop.turn(), loop.turn()] == ["b" * 100, "b" * 50]


def test_where_no_later_turn_may_come_the_next_slice_does_all_work() -> None:
    loop = Loop()
    loop.each("a" * 250, 0.0015)
    loop.slices.unbounded = True
    loop.each("b" * 250, 0.0015)
    assert loop.turn() == "a" * 247 + "b" * 250
    assert not loop.slices.working


def test_work_is_done_in_the_order_in_which_it_was_begun() -> None:
    loop = Loop()
    loop.each("abc", 0.002 + 1e-9)
    loop.each("de")
    loop.slices.then(lambda: loop.done.append("!"))
    loop.each("f")
    assert loop.done == ["a", "b"]
    assert loop.turn() == "cde!f"


def test_what_work_leads_to_comes_behind_it() -> None:
    loop = Loop()
    loop.slices.each("ab", lambda name: loop.each(name + name.upper()))
    assert "".join(loop.done) == "aAbB"


def test_whom_it_is_about_is_asked_when_its_turn_comes() -> None:
    loop, there = Loop(), ["a"]

    def all_there() -> Iterator[str]:
        yield from there

    loop.each("..", 0.004)
    loop.slices.each(all_there(), lambda name: loop.done.append(name))
    there.append("b")
    assert [loop.turn(), loop.turn()] == [".", "ab"]


def test_those_behind_one_that_fails_have_their_turn_and_who_began_goes_on() -> None:
    loop = Loop()

    def act(name: str) -> None:
        if name == "b":
            raise ValueError(name)
        loop.done.append(name)

    loop.slices.each("abc", act)
    loop.each("d")
    assert loop.done == ["a"]
    go_on, tell = loop.soon
    with pytest.raises(ValueError, match="b"):
        tell()
    loop.soon = [go_on]
    assert loop.turn() == "cd"
    loop.each("e")
    assert loop.done[-1] == "e"
    assert not loop.soon
