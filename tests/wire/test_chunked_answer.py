"""Chunked answers as they go on: what is right passes as it came, the rest is read by all alike."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire.chunked import Part
from drainproxy.wire.chunked_answer import AnswerBody
from drainproxy.wire.fields import Refused
from tests.cases import dear
from tests.conftest import well_formed
from tests.wire.segments import bytewise, segments_of
from tests.wire.test_chunked import (
    MORE,
    NEXT,
    Body,
    bodies,
    cuts,
    mutated,
    outcome,
    read_by_h11,
    spliced,
    splices,
)

REFUSED = None


def passed(*segments: bytes) -> bytes | None:
    """What a client gets of a body that comes in these segments, up to its end; REFUSED."""
    out = b""
    try:
        for _, sent in turns(AnswerBody(), segments):
            out += sent
    except Refused:
        return REFUSED
    return out


def turns(body: AnswerBody, segments: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """What goes on, a turn after the other, up to the end of the body, and where that is in it."""
    for segment in segments:
        rest = segment
        while rest:
            end = body.feed(rest)
            data, rest = (
                (rest[: body.stopped], rest[body.stopped :]) if body.stopped else (rest, b"")
            )
            sent, end = body.mended(data, end)
            assert not body.edits
            yield end, sent if end < 0 else sent[:end]
            if end >= 0:
                return


@well_formed
@given(bodies(), cuts)
def test_a_right_body_passes_as_it_came_however_it_is_cut(body: Body, cuts: set[int]) -> None:
    assert passed(*segments_of(body.wire + NEXT, cuts)) == body.wire


@well_formed
@given(bodies().filter(lambda body: len(body.wire) < 1000))
def test_a_right_body_may_come_one_byte_at_a_time(body: Body) -> None:
    assert passed(*bytewise(body.wire + NEXT)) == body.wire


ODD = [
    # RFC 9112 7.1: blanks after a size, as from servers that pad it.
    (b"5 \r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5\t\r\nhello\r\n0 \r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5       \r\nhello\r\n0       \r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"\t 5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5 ;a=b\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"00000000000000000005\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5\r\nhello\r\n00000000000000000\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    # 7.1.1: bad whitespace in extensions, and what is none.
    (b"5; a=b\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5;a = b\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5;\r\nhello\r\n0;;\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b'5;a="b\r\nhello\r\n0\r\n\r\n', b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5;\xff(a)\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"5;a=%b\r\nhello\r\n0\r\n\r\n" % (b"x" * 6000), b"5\r\nhello\r\n0\r\n\r\n"),
    # RFC 9110 6.5.1: what may not trail, or has no name, is left out.
    (b"0\r\nContent-Type: a\r\nX: y\r\n\r\n", b"0\r\nX: y\r\n\r\n"),
    (b"0\r\nSet-Cookie: a=b\r\n\r\n", b"0\r\n\r\n"),
    (b"0\r\ncontent_length: 5\r\n\r\n", b"0\r\n\r\n"),
    (b"0\r\nX-F\xc3\xb6\xc3\xb6: y\r\nA: b\r\n\r\n", b"0\r\nA: b\r\n\r\n"),
    (b"0\r\nServer Timing: y\r\n\r\n", b"0\r\n\r\n"),
    (b"0\r\nX(y): z\r\n\r\n", b"0\r\n\r\n"),
    (b"0\r\nno colon\r\n\r\n", b"0\r\n\r\n"),
    (b"0\r\n: a\r\n\r\n", b"0\r\n\r\n"),
    (b"0\r\nA: \x01\r\n\r\n", b"0\r\n\r\n"),
    # RFC 9112 5.1
    (b"0\r\nA : b\r\nC\t: d\r\n\r\n", b"0\r\nA: b\r\nC: d\r\n\r\n"),
    # Trailers may be long, and many.
    (b"0\r\nA: %b\r\n\r\n" % (b"b" * 5000), b"0\r\nA: %b\r\n\r\n" % (b"b" * 5000)),
    (b"0\r\n%b\r\n" % (b"A: b\r\n" * 3000), b"0\r\n%b\r\n" % (b"A: b\r\n" * 3000)),
]
odd = pytest.mark.parametrize(
    ("body", "instead"),
    [
        pytest.param(*each, marks=[pytest.mark.amount] if len(each[0]) > 4000 else ())
        for each in ODD
    ],
    ids=[str(body[:24]) for body, _ in ODD],
)


@odd
def test_what_clients_cope_with_is_written_so_that_none_has_to(body: bytes, instead: bytes) -> None:
    assert passed(body + NEXT) == instead
    assert len(instead) > 4000 or outcome(instead + NEXT) == len(instead), "it is right then"


@odd
def test_cuts_change_nothing_about_what_is_written(body: bytes, instead: bytes) -> None:
    assert passed(*bytewise(body + NEXT)) == instead
    for cut in range(min(len(body), 40)):
        assert passed(body[:cut], body[cut:] + NEXT) == instead


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"0x5\r\nhello\r\n", id="0x"),
        pytest.param(b"+5\r\nhello\r\n", id="plus"),
        pytest.param(b"-5\r\nhello\r\n", id="minus"),
        pytest.param(b"5 5\r\nhello\r\n", id="two sizes"),
        pytest.param(b"5h\r\nhello\r\n", id="no hex digit"),
        pytest.param(b"\r\nhello\r\n", id="no size"),
        pytest.param(b" \r\nhello\r\n", id="blank as size"),
        pytest.param(b" ;a\r\nhello\r\n", id="blank before an extension"),
        pytest.param(b"1000000000000005\r\nhello\r\n", id="sixteen digits"),
        pytest.param(b"5\nhello\r\n", id="bare LF"),
        pytest.param(b"5 \nhello\r\n", id="bare LF after a blank"),
        pytest.param(b"5\r\r\nhello\r\n", id="two CR"),
        pytest.param(b"5;a\nhello\r\n", id="bare LF in an extension"),
        pytest.param(b'5;a="\n"\r\nhello\r\n', id="bare LF in quotes"),
        pytest.param(b"5;a\0\r\nhello\r\n", id="NUL in an extension"),
        pytest.param(b"5\x0b\r\nhello\r\n", id="vertical tab after a size"),
        pytest.param(b"5\xa0\r\nhello\r\n", id="no-break space after a size"),
        pytest.param(b"5\r\nhello \r\n", id="blank after a chunk"),
        pytest.param(b"5\r\nhello\n0\r\n\r\n", id="bare LF after a chunk"),
        pytest.param(b"0\r\nContent-Length: 5\r\n\r\n", id="trailer that frames"),
        pytest.param(b"0\r\nTransfer-Encoding : chunked\r\n\r\n", id="trailer that frames, blank"),
        pytest.param(b"0\r\nA: b\r\n c\r\n\r\n", id="folded trailer"),
        pytest.param(b"0\r\nA: b\nC: d\r\n\r\n", id="bare LF in a trailer"),
        pytest.param(b"0\r\nA: b\rC: d\r\n\r\n", id="bare CR in a trailer"),
        pytest.param(b"0\r\nA: \0\r\n\r\n", id="NUL in a trailer"),
        pytest.param(b"0\r\n\n", id="bare LF at the end"),
        pytest.param(b"5;a=%b\r\n" % (b"x" * 65536), id="a line of 64 KB"),
        pytest.param(b"0\r\nA: %b\r\n" % (b"b" * 65536), id="a trailer of 64 KB"),
    ],
)
def test_what_clients_may_read_in_two_ways_is_refused(body: bytes) -> None:
    assert passed(body + NEXT) is REFUSED
    step = 1 if len(body) < 1000 else 1000
    assert passed(*(body[at : at + step] for at in range(0, len(body), step)), NEXT) is REFUSED


@pytest.mark.amount
@pytest.mark.parametrize("line", [b"X y: z\r\n", b"Set-Cookie: a\r\n"])
def test_any_number_of_lines_may_be_left_out_a_turn_after_the_other(line: bytes) -> None:
    assert passed(b"0\r\n" + line * 3000 + b"A: b\r\n\r\n" + NEXT) == b"0\r\nA: b\r\n\r\n"


def test_odd_chunks_are_followed_by_runs_of_right_ones() -> None:
    chunks = (b"5 \r\nhello\r\n" + b"1\r\na\r\n" * 500) * 5 + b"0\r\n\r\n"
    assert passed(chunks + NEXT) == chunks.replace(b" ", b"")


def test_extensions_have_no_budget_over_a_long_answer() -> None:
    chunk = b"4;name=" + b"v" * 100 + b"\r\nbody\r\n"
    body = chunk * 1000 + b"0\r\n\r\n"
    assert passed(body) == passed(body[:70_000], body[70_000:]) == body


@pytest.mark.parametrize(
    "torn",
    [
        *(b"5\r\nhelloX", b"5x", b"5 x", b"5\rX", b"1" * 16, b" \t.", b"5;a\rb", b"5;\0"),
        *(b"0\r\n\r\r", b"0\r\nA: b\rc", b"0\r\nA\0"),
    ],
)
def test_what_no_further_byte_can_mend_is_refused_before_the_line_ends(torn: bytes) -> None:
    assert passed(torn[:-1]) is not REFUSED
    assert passed(torn) is REFUSED


@pytest.mark.parametrize(
    "torn", [b"5", b"5 ", b"1\r\na\r", b"5;a=b", b"5;a=b\r", b"0\r\nA: b", b"0\r\n\r"]
)
def test_a_torn_line_is_held_back_until_it_is_whole(torn: bytes) -> None:
    before, line_end, _ = torn.rpartition(b"\n")
    whole = before + line_end + (b"a" if b"a\r" in torn else b"")
    assert passed(torn) == passed(*bytewise(torn)) == whole


def test_an_empty_end_of_a_segment_is_no_torn_line() -> None:
    body = AnswerBody()
    assert body.feed(b"5\r\nhello\r\n") == MORE
    assert not body.edits


@dear
@given(mutated, cuts)
@example(b"5;a=b c\r\nhello\r\n0\r\n\r\n", {1, 2, 3, 8})
@example(b"5 \r\nhello\r\n0\r\nContent-Type: x\r\n\r\n", {2, 3, 18})
def test_whatever_goes_on_is_the_beginning_of_a_strict_body(data: bytes, cuts: set[int]) -> None:
    whole = passed(data)
    assert passed(*segments_of(data, cuts)) == whole
    if whole:
        # Budgets are for requests.
        assert len(whole) > 4000 or outcome(whole) != "refused"


# Two of the places where servers put what others do not expect.
padded = st.builds(
    lambda body, blanks: Body(body.content, body.wire.replace(b"\r\n", blanks + b"\r\n", 1)),
    bodies(),
    st.sampled_from([b" ", b"\t", b"  ", b" ;a b", b";", b""]),
)


@well_formed
@given(padded, cuts)
def test_h11_reads_the_content_that_was_meant_in_what_goes_on(body: Body, cuts: set[int]) -> None:
    sent = passed(*segments_of(body.wire + NEXT, cuts))
    assert sent is not None
    assert read_by_h11(sent + NEXT) == (body.content, len(sent))


@dear
@given(st.builds(spliced, padded.map(lambda body: body.wire), splices), cuts)
def test_whoever_asks_is_told_where_the_body_is_in_what_goes_on(
    wire: bytes, cuts: set[int]
) -> None:
    body, sent, content = AnswerBody(), b"", b""
    parts: list[Part] = []
    body.parts = parts
    with suppress(Refused):
        for end, data in turns(body, segments_of(wire, cuts)):
            for chunk, begin, stop in parts:
                content += data[begin:stop]
                if chunk >= 0:
                    assert data[chunk:begin].endswith(b"\r\n")
                    assert int(data[chunk:begin].partition(b";")[0], 16) >= stop - begin
            parts.clear()
            sent += data
            assert end < 0 or read_by_h11(sent)[0] == content


def edits_of(data: Iterable[bytes]) -> int:
    body, count = AnswerBody(), 0
    for segment in data:
        body.feed(segment)
        count += len(body.edits)
        body.mended(segment, MORE)
    return count


def test_a_right_body_is_not_touched_where_no_line_is_torn() -> None:
    assert edits_of([b"5\r\nhello\r\n5;a=b\r\nhel", b"lo", b"\r\n", b"0\r\nA: b\r\n\r\n"]) == 0
    assert edits_of([b"5\r\nhello\r\n5", b"\r\nhello\r", b"\n0\r\n\r\n"]) == 4
