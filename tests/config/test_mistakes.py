"""What is wrong with a configuration."""

from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config.mistakes import ConfigError, Mistake, did_you_mean


def test_a_mistake_says_where_and_what() -> None:
    assert (
        str(Mistake("flag --unready", "unready", "'x' is wrong")) == "flag --unready: 'x' is wrong"
    )


@given(st.text(), st.text())
def test_a_mistake_is_one_line_that_any_terminal_can_show(source: str, problem: str) -> None:
    line = str(Mistake(source, "", problem))

    assert line.isprintable()
    line.encode()


def test_an_error_lists_every_mistake() -> None:
    error = ConfigError([Mistake("a", "", "1"), Mistake("b", "", "2")])

    assert str(error) == "a: 1\nb: 2"
    assert [mistake.source for mistake in error.mistakes] == ["a", "b"]


def test_of_many_mistakes_the_first_are_told_and_how_many_there_are() -> None:
    lines = str(ConfigError(Mistake("a", "", str(at)) for at in range(5_020))).split("\n")

    assert (len(lines), lines[0], lines[-2:]) == (21, "a: 0", ["a: 19", "and 5,000 more"])


def test_the_nearest_name_is_meant() -> None:
    assert did_you_mean("drain-dely", ["drain-delay", "drain-quiet"]) == "drain-delay"


def test_letters_in_another_order_are_the_same_name() -> None:
    assert did_you_mean("prot", ["post", "port"]) == "port"


def test_of_several_that_are_near_the_nearest_is_meant() -> None:
    assert did_you_mean("drain_timeout", ["stop-timeout", "drain-timeout"]) == "drain-timeout"


def test_of_several_that_are_as_near_the_first_by_name_is_meant() -> None:
    assert did_you_mean("age-http", ["age-http2", "age-http1"]) == "age-http1"


def test_a_name_that_is_near_to_none_means_none() -> None:
    assert did_you_mean("xyz" * 10_000, ["drain-delay"]) == ""
