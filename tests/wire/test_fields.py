"""What a field line means, and that remembering it changes nothing."""

import tracemalloc

import pytest

from drainproxy.wire.fields import (
    Field,
    Refused,
    field_of,
    forwarded_parameters,
    method_problem,
    read_field,
)
from tests.wire.heads import request_of, status_of


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param([b"Content-Length: 5, 5"], 400, id="list of CL"),
        pytest.param([b"Content-Length: 5,6"], 400, id="list of different CL"),
        pytest.param([b"Content-Length: 5,"], 400, id="CL with a comma"),
        pytest.param([b"Content-Length:"], 400, id="empty CL"),
        pytest.param([b"Content-Length:  "], 400, id="blank CL"),
        pytest.param([b"Content-Length: x"], 400, id="CL no number"),
        pytest.param([b"Content-Length: +5"], 400, id="CL plus"),
        pytest.param([b"Content-Length: -5"], 400, id="CL minus"),
        pytest.param([b"Content-Length: 0x5"], 400, id="CL 0x"),
        pytest.param([b"Content-Length: 5.0"], 400, id="CL with a point"),
        pytest.param([b"Content-Length: 5_0"], 400, id="CL with an underscore"),
        pytest.param([b"Content-Length: 5 0"], 400, id="CL with a blank inside"),
        pytest.param([b"Content-Length: 5\t0"], 400, id="CL with a tab inside"),
        pytest.param([b"Content-Length:\t"], 400, id="tab as CL"),
        pytest.param([b"Content-Length:\t+5"], 400, id="CL plus after a tab"),
        pytest.param([b"Content-Length: \x0b5"], 400, id="CL after a vertical tab"),
        pytest.param([b"Content-Length:\t5"] * 2, 400, id="the same CL twice, after tabs"),
        pytest.param([b"Content-Length: 5", b"Content-Length:\t5"], 400, id="CL, CL after a tab"),
        pytest.param([b"Content-Length:\t5", b"Content-Length: 5"], 400, id="CL after a tab, CL"),
        pytest.param([b"Content-Length: \xb2"], 400, id="CL of another digit"),
        pytest.param([b"Content-Length: 9223372036854775808"], 400, id="CL 2**63"),
        pytest.param([b"Content-Length: " + b"9" * 40], 400, id="CL of 40 digits"),
        pytest.param([b"Content-Length: " + b"0" * 40 + b"5"], 400, id="CL of 40 zeros"),
        pytest.param([b"Transfer-Encoding: gzip"], 501, id="TE gzip"),
        pytest.param([b"Transfer-Encoding: identity"], 501, id="TE identity"),
        pytest.param([b"Transfer-Encoding:"], 400, id="empty TE"),
        pytest.param([b"Transfer-Encoding: gzip, chunked"], 400, id="TE gzip, chunked"),
        pytest.param([b"Transfer-Encoding: chunked, gzip"], 400, id="TE chunked, gzip"),
        pytest.param([b"Transfer-Encoding: chunked, chunked"], 400, id="TE chunked, chunked"),
        pytest.param([b"Transfer-Encoding: , chunked"], 400, id="TE with a comma"),
        pytest.param([b"Transfer-Encoding: chunked;a=b"], 400, id="TE with a parameter"),
        pytest.param([b"Transfer-Encoding: xchunked"], 400, id="TE xchunked"),
        pytest.param([b'Transfer-Encoding: "chunked"'], 400, id="TE quoted"),
        pytest.param([b"Transfer-Encoding: chunked\t"], 400, id="TE and a tab"),
        pytest.param([b"Transfer-Encoding: \xa0chunked"], 400, id="TE after a no-break space"),
        pytest.param([b"Transfer_Encoding: chunked"], 400, id="TE with an underscore"),
        pytest.param([b"Content_Length: 5"], 400, id="CL with an underscore"),
        pytest.param([b"content_LENGTH: 5"], 400, id="CL with an underscore, lower case"),
        pytest.param([b"X_Forwarded_For: 1.2.3.4"], 400, id="X_Forwarded_For"),
        pytest.param([b"X-Forwarded_Proto: https"], 400, id="X-Forwarded_Proto"),
        pytest.param([b"x_forwarded-host: a"], 400, id="x_forwarded-host"),
        pytest.param([b"A: b\nC: d"], 400, id="bare LF"),
        pytest.param([b"A: b\rC: d"], 400, id="bare CR"),
        pytest.param([b"A: b\r"], 400, id="CR before the end of the line"),
        pytest.param([b"A: b\n"], 400, id="LF before the end of the line"),
        pytest.param([b"A\n: b"], 400, id="bare LF in a name"),
        pytest.param([b"A: b", b" c"], 400, id="obs-fold"),
        pytest.param([b"A: b", b"\tc: d"], 400, id="obs-fold with a tab and a colon"),
        pytest.param([b"A : b"], 400, id="blank before the colon"),
        pytest.param([b"A\t: b"], 400, id="tab before the colon"),
        pytest.param([b"Content-Length : 5"], 400, id="blank before the colon of CL"),
        pytest.param([b"Transfer-Encoding : chunked"], 400, id="blank before the colon of TE"),
        pytest.param([b"A"], 400, id="field without a colon"),
        pytest.param([b"Accept"], 400, id="field of a known name without a colon"),
        pytest.param([b": b"], 400, id="field without a name"),
        pytest.param([b"A(: b"], 400, id="name that is no token"),
        pytest.param([b"\xc3\xa4: b"], 400, id="UTF-8 in a name"),
        *(
            pytest.param([b"A%cB: c" % code], 400, id=f"{code:#04x} in a name")
            for code in (0, 1, 0x0B, 0x0C, 0x1F, 0x20, 0x7F, 0x80)
        ),
        *(
            pytest.param([b"A: b%cc" % code], 400, id=f"{code:#04x} in a value")
            for code in (0, 1, 8, 0x0B, 0x0C, 0x1F, 0x7F)
        ),
        pytest.param([b"Host: a\0"], 400, id="two Host, the second broken"),
    ],
)
def test_fields_that_two_parsers_may_read_differently_are_refused(
    fields: list[bytes], status: int
) -> None:
    assert status_of(*fields) == status_of(*fields, b"X-Last: 1") == status


def test_every_field_that_means_something_is_told_in_any_case() -> None:
    assert field_of(b"HOST: a") is field_of(b"host:a") is Field.HOST
    assert field_of(b"GET / HTTP/1.1") is field_of(b"X-Host: a") is Field.ORDINARY


@pytest.mark.parametrize("value", [b"a, b", b"a b", b"a/b", b"a@b", b"a:b", b"[::1", b"\xff"])
def test_a_host_is_one_host_and_port(value: bytes) -> None:
    assert read_field(b"Host: [::1]:80 ") == (Field.HOST, b"[::1]:80")
    assert read_field(b"Host: " + value) == (Field.HOST, None)


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        *((b"", "not a token"), (b"GET /x", "not a token"), (b"G\xc9T", "not a token")),
        *((b"head", "HEAD or CONNECT in another"), (b"Connect", "HEAD or CONNECT in another")),
        *((b"HEAD", ""), (b"CONNECT", ""), (b"get", ""), (b"M-SEARCH", ""), (b"PURGE", "")),
    ],
)
def test_a_method_is_any_token_but_head_and_connect_in_no_other_spelling(
    method: bytes, problem: str
) -> None:
    assert problem in method_problem(method)
    assert bool(problem) is bool(method_problem(method))


def test_what_a_field_says_is_read_for_the_hop() -> None:
    assert read_field(b"Transfer-Encoding: Chunked") == (Field.TRANSFER_ENCODING, b"chunked")
    assert read_field(b"Content-Length: 5 ") == (Field.CONTENT_LENGTH, 5)
    assert read_field(b"Content-Length:\t5") == (Field.TABBED, 5)
    assert read_field(b"Content-Type:\tText/Event-Stream") == (Field.TABBED, True)
    assert read_field(b'Content-Type: a; b="\t"') == (Field.CONTENT_TYPE, False)
    assert read_field(b"X-Forwarded-For:\ta") == (Field.FORWARDED_FOR, None)
    assert read_field(b"Connection: a, Close") == (Field.CONNECTION, (b"a", b"close"))
    assert read_field(b"Expect: 100-Continue") == (Field.EXPECT, True)
    assert read_field(b"Content-Type: Text/Event-Stream; x") == (Field.CONTENT_TYPE, True)
    assert read_field(b"Upgrade: WebSocket ") == (Field.UPGRADE, b"websocket")
    assert read_field(b"Keep-Alive: timeout=5") == (Field.KEEP_ALIVE, None)
    assert read_field(b"X-Forwarded-For: a") == (Field.FORWARDED_FOR, None)
    assert read_field(b"Accept: x") is read_field(b"X-Ordinary: x") is None


# RFC 7239 4 and 6: pairs of elements of a list; the names in any case, the values quoted or not.
@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b"proto=https", {b"proto"}),
        (b"for=192.0.2.60;proto=http;by=203.0.113.43", {b"for", b"proto", b"by"}),
        (b'For="[2001:db8:cafe::17]:4711"', {b"for"}),
        (b'PROTO="https";Host=a.example', {b"proto", b"host"}),
        (b"for=192.0.2.43, for=198.51.100.17;proto=https", {b"for", b"proto"}),
        (b"for=_a ; proto = https", {b"for", b"proto"}),
        (b'for="a;proto=https,host=b"', {b"for"}),
        (b'for="a\\";proto=https"', {b"for"}),
        (b'for="a', {b"for"}),
        (b'for="a\\', {b"for"}),
        (b"proto=;host= ", set()),
        (b"proto", set()),
        (b"", set()),
        (b";,;", set()),
    ],
)
def test_a_forwarded_field_names_what_proxies_before_us_saw(
    value: bytes, names: set[bytes]
) -> None:
    assert forwarded_parameters(value) == names


def test_a_forwarded_field_of_nothing_but_quotes_costs_no_more_than_its_length() -> None:
    for value in b'"' * 60_001, b'"\\' * 30_000, b'\\"' * 30_000:
        assert forwarded_parameters(value) == set()


# What the memory of names and lines must not change


def test_a_name_seen_well_spelt_is_still_refused_without_its_colon() -> None:
    assert status_of(b"X-Seen: 1") == status_of(b"Accept: 1") == 0
    assert status_of(b"X-Seen") == status_of(b"Accept") == 400


def test_so_many_names_and_lines_that_none_is_remembered_change_nothing() -> None:
    for number in range(3000):
        fields = b"X-%d: 1" % number, b"Accept: %d" % number, b"Content-Length: %d" % number
        assert request_of(*fields).length == number
    assert request_of(b"X-New: 1", b"Content-Length: 1").length == 1
    assert status_of(b"X-New : 1") == 400
    assert status_of(b"X-New: \0") == 400


def test_a_long_name_or_line_is_read_as_any_other() -> None:
    long_name, long_line = b"X" * 500 + b": 1", b"Accept: " + b"a" * 500
    assert status_of(long_name, long_line) == 0
    assert status_of(long_name + b"\0") == status_of(long_line + b"\0") == 400


@pytest.mark.amount
def test_a_flood_of_names_and_lines_fills_no_memory() -> None:
    tracemalloc.start()
    try:
        for number in range(10_000):
            name = b"X-%06d" % number
            for line in name + b": 1", name + b"-" * 500 + b": 1", b"Accept: " + name * 20:
                read_field(line)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [b"Connection", b"Expect"])
def test_a_list_of_options_has_a_hundred_members_at_most(name: bytes) -> None:
    line = b"%b: %b" % (name, b",".join(b"x%d" % number for number in range(100)))
    read_field(line)
    with pytest.raises(Refused, match="more than 100 members"):
        read_field(line + b",one-more")
