"""How each kind of value is written."""

import math
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config import kinds
from drainproxy.config.kinds import (
    Kind,
    choice,
    format_duration,
    format_size,
    parse_app_health,
    parse_close_code,
    parse_close_reason,
    parse_count,
    parse_duration,
    parse_path,
    parse_percent,
    parse_secret,
    parse_size,
    parse_switch,
)
from drainproxy.config.values import AppHealth

Parse = Callable[[str], object]

LEVEL = choice(Literal["low", "high"])


def refusal(kind: Kind, text: str) -> str:
    """Why `kind` refuses a text; "None" if it does not."""
    try:
        kind.parse(text)
    except ValueError as error:
        return str(error)
    return "None"


KINDS = [kind for kind in vars(kinds).values() if isinstance(kind, Kind)]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_duration, "500ms", 0.5),
        (parse_duration, "30s", 30.0),
        (parse_duration, "5m", 300.0),
        (parse_duration, "1h30m", 5400.0),
        (parse_duration, "1h2m3s4ms", 3723.004),
        (parse_duration, "1.5h", 5400.0),
        (parse_duration, "0", 0.0),
        (parse_duration, "0s", 0.0),
        (parse_duration, "8760h", 8760 * 3600.0),
        (parse_size, "65536", 65536),
        (parse_size, "10B", 10),
        (parse_size, "64KiB", 65536),
        (parse_size, "64 KiB", 65536),
        (parse_size, "64Ki", 65536),
        (parse_size, "1MiB", 1 << 20),
        (parse_size, "2Gi", 2 << 30),
        (parse_percent, "10%", 0.1),
        (parse_percent, "12.5 %", 0.125),
        (parse_percent, "0%", 0.0),
        (parse_count, "10000", 10000),
        (parse_close_code, "1001", 1001),
        (parse_close_code, "4999", 4999),
        (parse_close_reason, "", ""),
        (parse_close_reason, "é" * 61, "é" * 61),
        (parse_switch, "on", True),
        (parse_switch, "True", True),
        (parse_switch, "OFF", False),
        (parse_switch, "false", False),
        (parse_path, "/dev/termination-log", "/dev/termination-log"),
        (parse_secret, "a!~", "a!~"),
        (parse_app_health, "tcp", AppHealth("tcp")),
        (parse_app_health, "http:/up?a=b:c", AppHealth("http", path="/up?a=b:c")),
        (parse_app_health, "http:/a//b", AppHealth("http", path="/a//b")),
        # A URL names the host, as in a Host field (RFC 9110 7.2).
        (parse_app_health, "http://shop/up", AppHealth("http", path="/up", host="shop")),
        (
            parse_app_health,
            "http://shop:80//up?q",
            AppHealth("http", path="//up?q", host="shop:80"),
        ),
        (parse_app_health, "http://[::1]/", AppHealth("http", path="/", host="[::1]")),
        (parse_app_health, "http://127.0.0.1:9", AppHealth("http", path="/", host="127.0.0.1:9")),
        (parse_app_health, "grpc", AppHealth("grpc")),
        (parse_app_health, "grpc:chat.Chat", AppHealth("grpc", service="chat.Chat")),
        (LEVEL.parse, "LOW", "low"),
    ],
)
def test_a_value_is_read(parse: Parse, text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "problem"),
    [
        *[
            (parse_duration, text, "is not a duration, such as 500ms")
            for text in [
                "",
                "30",
                "1d",
                "-1s",
                "s",
                "1m1h",
                "1s1s",
                "1 s",
                "٣s",
                "1e3s",
                "inf",
                "1.s",
            ]
        ],
        (parse_duration, "8761h", "longer than a year"),
        *[
            (parse_size, text, "is not a size, such as 65536")
            for text in ["", "64KB", "64kib", "-1", "1.5KiB", "64  KiB", "٣", "KiB", "9" * 13]
        ],
        *[
            (parse_percent, text, "is not a percentage, such as 10%")
            for text in ["", "10", "0.1", "-1%", "%", "1000%"]
        ],
        *[(parse_count, text, "is not a whole number") for text in ["", "-1", "1.0", "1_0", "٣"]],
        *[
            (parse_close_code, code, "may be sent")
            for code in ["999", "1004", "1005", "1006", "1015", "2999", "5000"]
        ],
        (parse_close_code, "x", "is not a whole number"),
        (parse_close_reason, "é" * 62, "has 124 bytes: a Close frame has room for 123"),
        (parse_close_reason, "\udcff", "is not valid UTF-8"),
        (parse_switch, "yes", "is neither on nor off"),
        (parse_path, "", "is not the path"),
        (parse_path, "a\0b", "is not the path"),
        (parse_secret, "", "must be visible ASCII"),
        (parse_secret, "a b", "must be visible ASCII"),
        (parse_secret, "é", "must be visible ASCII"),
        *[
            (parse_app_health, text, "is not tcp, http:PATH")
            for text in [
                *("", "tcp:", "http", "http:", "http:up", "http:/a b", "grpc:", "udp", ":"),
                # No fragment is sent (RFC 9110 4.2.5), no user is named (4.2.4), a host is needed
                # (4.2.1); and what is none of the three is not guessed at.
                *("http:/up#a", "http://shop/up#a", "http://me@shop/up", "http:///up", "http://"),
                *("http://sh op/", "http://8080/up", "http://shop:x/up", "http://::1/up"),
                *("http://shop?a", "http://shop:70000/", "http://\u00e9/", "https://shop/up"),
                *("HTTP:/up", "grpc://shop:50051", "grpc:/Shop", "tcp:9000", "exec:true"),
            ]
        ],
        (LEVEL.parse, "middle", "is not one of low, high"),
    ],
)
def test_what_is_no_such_value_is_refused_with_what_would_be(
    parse: Parse, text: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(text)


def test_only_codes_that_a_close_frame_may_carry_are_taken() -> None:
    taken = []
    for code in range(6000):
        try:
            taken.append(parse_close_code(str(code)))
        except ValueError:
            continue

    assert taken == [*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0"),
        (0.0005, "0.5ms"),
        (0.5, "500ms"),
        (30, "30s"),
        (1.5, "1s500ms"),
        (1800, "30m"),
        (5400, "1h30m"),
        (8760 * 3600, "8760h"),
    ],
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 8760 * 3600 * 1000))
def test_a_duration_that_is_written_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.floats(0, 8760 * 3600))
def test_any_duration_is_read_back_to_the_microsecond(seconds: float) -> None:
    assert math.isclose(parse_duration(format_duration(seconds)), seconds, rel_tol=0, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1000, "1000"), (65536, "64KiB"), (3 << 20, "3MiB"), (1 << 40, "1024GiB")],
)
def test_a_size_is_written_with_the_largest_unit_that_divides_it(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, 10**12 - 1) | st.integers(0, 10**6).map(lambda count: count << 20))
def test_a_size_that_is_written_is_read_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(0, 1000))
def test_a_percentage_that_is_written_is_read_back(tenths: int) -> None:
    share = parse_percent(f"{tenths / 10:g}%")

    assert parse_percent(kinds.PERCENT.format(share)) == share


@given(st.booleans())
def test_a_switch_that_is_written_is_read_back(on: bool) -> None:
    assert parse_switch(kinds.SWITCH.format(on)) is on


def test_a_secret_is_never_written() -> None:
    assert "hunter2" not in kinds.SECRET.format(parse_secret("hunter2"))


def test_forwards_that_are_written_are_read_back() -> None:
    forwards = kinds.FORWARDS.parse("8080=9000 [::1]:1=unix:/a/tcp")

    assert kinds.FORWARDS.parse(kinds.FORWARDS.format(forwards)) == forwards


@pytest.mark.parametrize("kind", [*KINDS, LEVEL], ids=lambda kind: kind.metavar)
@given(text=st.text() | st.text("0123456789.hms%KMGiB:/ "))
def test_no_text_raises_anything_but_a_value_error_that_speaks(kind: Kind, text: str) -> None:
    assert refusal(kind, text).split()[0] in {"None", "is", "has", "does", "needs", "must"}
