"""What was read is remembered up to a weight."""

from drainproxy.wire.memory import Memory


def test_what_fits_is_kept_beside_what_was_kept_before() -> None:
    memory = Memory[str, int](10)
    memory.keep("a", 1, 4)
    memory.keep("b", 2, 6)
    assert memory == {"a": 1, "b": 2}


def test_all_are_forgotten_before_they_weigh_too_much() -> None:
    memory = Memory[str, int](10)
    memory.keep("a", 1, 4)
    memory.keep("b", 2, 7)
    assert memory == {"b": 2}
    memory.keep("c", 3, 3)
    assert memory == {"b": 2, "c": 3}


def test_what_is_too_heavy_alone_is_not_kept_and_drives_nothing_out() -> None:
    memory = Memory[str, int](10)
    memory.keep("a", 1, 4)
    memory.keep("b", 2, 11)
    assert memory == {"a": 1}


def test_what_was_forgotten_has_left_its_room() -> None:
    memory = Memory[str, int](10)
    memory.keep("a", 1, 10)
    memory.forget()
    assert memory == {}
    memory.keep("b", 2, 10)
    assert memory == {"b": 2}
