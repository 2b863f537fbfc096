"""How addresses are written."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config.addresses import (
    parse_app,
    parse_app_host,
    parse_app_source,
    parse_forward,
    parse_forwards,
    parse_listen,
    parse_ready_ports,
)
from drainproxy.config.values import Address, Forward, UnixSocket

PORTS = st.integers(1, 65535)
HOSTS = st.sampled_from(["", "localhost", "a-b.c_d", "127.0.0.1"]) | st.ip_addresses().map(str)
ADDRESSES = st.builds(Address, HOSTS, PORTS)
SOCKETS = st.builds(UnixSocket, st.from_regex(r"/[a-z/]{1,40}[a-z]", fullmatch=True))
FORWARDS = st.builds(
    Forward, ADDRESSES, ADDRESSES | SOCKETS, st.sampled_from(["auto", "http", "tcp"])
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9180", Address("", 9180)),
        (":9180", Address("", 9180)),
        ("0", Address("", 0)),
        ("0.0.0.0:65535", Address("0.0.0.0", 65535)),
        ("[::1]:9180", Address("::1", 9180)),
        ("[fe80::1%eth0]:1", Address("fe80::1%eth0", 1)),
        ("my-host.example:1", Address("my-host.example", 1)),
    ],
)
def test_an_address_to_listen_at_is_a_port_or_host_and_port(text: str, address: Address) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no port between 0 and 65535"),
        ("65536", "no port between 0 and 65535"),
        ("-1", "no port"),
        ("+1", "no port"),
        ("٣", "no port"),
        ("1_0", "no port"),
        ("localhost", "no port"),
        ("localhost:", "no port"),
        ("::1:80", "brackets"),
        ("[::1]", "brackets"),
        ("[::g]:80", "brackets"),
        ("[1.2.3.4]:80", "no valid host"),
        ("[::1::2]:80", "no valid host"),
        ("1.2.3:80", "no valid host"),
        ("256.1.1.1:80", "no valid host"),
        ("a b:80", "no valid host"),
        ("-a:80", "no valid host"),
        ("a/b:80", "no valid host"),
    ],
)
def test_what_is_no_address_is_refused_with_what_would_be(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "app"),
    [
        ("9000", Address("", 9000)),
        ("10.0.0.1:9000", Address("10.0.0.1", 9000)),
        ("[::1]:9000", Address("::1", 9000)),
        ("pod-ip:9000", Address("pod-ip", 9000)),
        ("POD_IP:9000", Address("pod-ip", 9000)),
        ("unix:/run/app.sock", UnixSocket("/run/app.sock")),
        ("unix:" + "s" * 107, UnixSocket("s" * 107)),
    ],
)
def test_an_app_is_a_local_port_an_address_or_a_socket(
    text: str, app: Address | UnixSocket
) -> None:
    assert parse_app(text) == app


@pytest.mark.parametrize(
    "text", ["0", "unix:", "unix:a\0b", "unix:" + "s" * 108, "unix:" + "é" * 54]
)
def test_an_app_that_cannot_be_reached_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs|no port between 1"):
        parse_app(text)


@pytest.mark.parametrize(
    ("text", "forward"),
    [
        ("8080=9000", Forward(Address("", 8080), Address("", 9000), "auto")),
        ("a:1=b:2/tcp", Forward(Address("a", 1), Address("b", 2), "tcp")),
        ("1=unix:/a/b", Forward(Address("", 1), UnixSocket("/a/b"), "auto")),
        ("1=unix:/a/b/http", Forward(Address("", 1), UnixSocket("/a/b"), "http")),
        ("1=unix:a://b/tcp", Forward(Address("", 1), UnixSocket("a://b"), "tcp")),
        ("1=unix:/a/http/auto", Forward(Address("", 1), UnixSocket("/a/http"), "auto")),
    ],
)
def test_a_forward_is_listen_app_and_perhaps_a_protocol(text: str, forward: Forward) -> None:
    assert parse_forward(text) == forward


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("8080", "is not LISTEN=APP"),
        ("8080=9000/udp", "write /auto, /http or /tcp"),
        ("8080=9000/", "write /auto, /http or /tcp"),
        ("8080=http://localhost:9000", "has a URL: write PORT or HOST:PORT"),
        ("http://0.0.0.0:8080=9000", "no valid host|needs brackets"),
        ("=9000", "no port"),
        ("8080=", "no port"),
    ],
)
def test_what_is_no_forward_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_forward(text)


@pytest.mark.parametrize("text", ["1=2 3=4", "1=2,3=4", " 1=2 ,\n3=4, "])
def test_blanks_or_commas_separate_forwards(text: str) -> None:
    assert [forward.listen.port for forward in parse_forwards(text)] == [1, 3]


@pytest.mark.parametrize("text", ["", " , "])
def test_no_forward_at_all_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is empty"):
        parse_forwards(text)


def test_every_wrong_forward_of_a_list_is_named() -> None:
    with pytest.raises(ValueError, match=r"'x' is not LISTEN=APP.*'1=y' has no port"):
        parse_forwards("x 8080=9000 1=y")


@given(st.lists(FORWARDS, min_size=1, max_size=4))
def test_forwards_that_are_written_are_read_back(forwards: list[Forward]) -> None:
    assert parse_forwards(" ".join(map(str, forwards))) == tuple(forwards)


@pytest.mark.parametrize("parse", [parse_listen, parse_app, parse_forward, parse_forwards])
@given(text=st.text() | st.text("0123456789:=[]./%, unix"))
def test_no_text_raises_anything_but_a_value_error(
    parse: Callable[[str], object], text: str
) -> None:
    with suppress(ValueError):
        assert parse(text)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_app_host, "localhost", "localhost"),
        (parse_app_host, "pod-ip", "pod-ip"),
        (parse_app_host, "10.0.0.1", "10.0.0.1"),
        (parse_app_host, "[2001:DB8:0::1]", "2001:db8::1"),
        (parse_app_source, "127.0.0.6", "127.0.0.6"),
        (parse_app_source, "[::1]", "::1"),
        (parse_app_source, "off", None),
        (parse_ready_ports, "8080", (8080,)),
        (parse_ready_ports, "8080, 9091\n9090", (8080, 9091, 9090)),
        (parse_ready_ports, "all", None),
        (parse_ready_ports, "none", ()),
    ],
)
def test_what_else_says_where_an_app_is(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "problem"),
    [
        (parse_app_host, "db.example", "localhost, pod-ip or an IP address"),
        (parse_app_host, "", "localhost, pod-ip or an IP address"),
        (parse_app_host, "10.0.0.1:80", "localhost, pod-ip or an IP address"),
        (parse_app_source, "localhost", "not an IP address"),
        (parse_app_source, "0.0.0.0", "no address that a connection can come from"),
        (parse_app_source, "::", "no address that a connection can come from"),
        (parse_ready_ports, "", "no list of numbers"),
        (parse_ready_ports, "0", "no port between 1"),
        (parse_ready_ports, "65536", "no port between 1"),
        (parse_ready_ports, "8080/tcp", "no list of numbers"),
        (parse_ready_ports, "http", "no list of numbers"),
    ],
)
def test_what_does_not_say_so_is_refused(
    parse: Callable[[str], object], text: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(text)


def test_more_forwards_than_a_pod_has_ports_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match=r"^has 2,000 entries, and may have 1,000$"):
        parse_forwards("8080=9 " * 2000)


def test_of_many_that_are_wrong_the_first_are_told() -> None:
    with pytest.raises(ValueError, match=r"'19x' has|and 980 more$") as caught:
        parse_forwards(" ".join(f"{at}x" for at in range(1000)))
    assert len(str(caught.value)) < 2000
