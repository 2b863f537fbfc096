"""The scanner against a grammar that reads the whole body at once, and against h11."""

import re
import tracemalloc
from dataclasses import dataclass

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire.chunked import ChunkedBody, Part, _run
from drainproxy.wire.fields import TEXT, TOKEN, Refused
from tests.conftest import well_formed
from tests.wire.drawn import among, places
from tests.wire.segments import bytewise, segments_of

# What comes after the body on the same connection, and looks like more of it.
NEXT = b"0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"
REFUSED = "refused"
MORE = -1

FORBIDDEN_TRAILERS = [
    *(b"Transfer-Encoding", b"Content-Length", b"Host", b"Connection", b"Keep-Alive", b"Upgrade"),
    *(b"Proxy-Connection", b"TE", b"Trailer", b"Expect", b"Max-Forwards", b"Cache-Control"),
    *(b"Authorization", b"Proxy-Authorization", b"Proxy-Authenticate", b"WWW-Authenticate"),
    *(b"Cookie", b"Set-Cookie", b"Content-Encoding", b"Content-Type", b"Content-Range"),
    *(b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host"),
]


def outcome(*segments: bytes) -> int | str:
    """The offset after the body in all segments together, MORE, or REFUSED."""
    body, before = ChunkedBody(), 0
    for segment in segments:
        try:
            end = body.feed(segment)
        except Refused as refused:
            return REFUSED if refused.status == 400 else refused.reason
        if end >= 0:
            return before + end
        before += len(segment)
    return MORE


def one_of_bytes(allowed: bytes) -> bytes:
    return b"[" + re.escape(allowed) + b"]"


WORD = one_of_bytes(TOKEN) + b"+"
QUOTED = rb'"(?:%s|\\%s)*"' % (one_of_bytes(TEXT.translate(None, b'"\\')), one_of_bytes(TEXT))
CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;%s(?:=(?:%s|%s))?)*\r\n" % (WORD, WORD, QUOTED))
TRAILERS = re.compile(rb"((?:%s:%s*\r\n)*)\r\n" % (WORD, one_of_bytes(TEXT)))


def end_by_grammar(data: bytes) -> int | None:
    """RFC 9112 7.1 as a person reads it, on the whole; None if `data` begins with no body."""
    here = 0
    while head := CHUNK_HEAD.match(data, here):
        here, size = head.end(), int(head[1], 16)
        if not size:
            trailers = TRAILERS.match(data, here)
            if trailers is None or forbidden_in(trailers[1]):
                return None
            return trailers.end()
        if data[here + size : here + size + 2] != b"\r\n":
            return None
        here += size + 2
    return None


def forbidden_in(trailers: bytes) -> bool:
    names = {line.partition(b":")[0].lower() for line in trailers.split(b"\r\n")}
    return bool(names & {name.lower() for name in FORBIDDEN_TRAILERS})


def read_by_h11(data: bytes) -> tuple[bytes, int]:
    """The content that h11 finds in the body at the start of `data`, and where that body ends."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + data
    )
    content = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert event is not h11.NEED_DATA
        if isinstance(event, h11.Data):
            content += event.data
    return content, len(data) - len(connection.trailing_data[0])


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it is meant, and as it is written."""

    content: bytes
    wire: bytes


def in_quotes(text: bytes) -> bytes:
    """What must be escaped is, and some of the rest."""
    parts = (b"\\%c" % byte if byte in b'"\\' or byte % 5 == 0 else b"%c" % byte for byte in text)
    return b'"' + b"".join(parts) + b'"'


words = among(TOKEN, 6, 1)
quoted = among(TEXT, 12).map(in_quotes)
extensions = st.builds(bytes.__add__, words, st.just(b"") | (words | quoted).map(b"=".__add__))
# Chunks that look like the framing around them show any reader that gets out of step.
contents = st.binary(min_size=1, max_size=40) | st.sampled_from([NEXT, b"\r\n", b"5", b"x" * 5000])
trailers = st.builds(
    lambda name, value: b"X-" + name + b":" + value + b"\r\n", words, among(TEXT, 6)
).filter(lambda line: not forbidden_in(line))


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    def head(size: int) -> bytes:
        digits = draw(st.sampled_from([b"%x", b"%X", b"%015x"])) % size
        return b";".join([digits, *draw(st.lists(extensions, max_size=2))]) + b"\r\n"

    chunks = draw(st.lists(contents, max_size=4))
    wire = b"".join(head(len(chunk)) + chunk + b"\r\n" for chunk in chunks)
    wire += head(0) + b"".join(draw(st.lists(trailers, max_size=3))) + b"\r\n"
    return Body(b"".join(chunks), wire)


cuts = places(400, 12).map(set)
# What a smuggler would put in, take out or put in the place of something else.
splices = st.tuples(
    st.integers(0, 400),
    st.integers(0, 3),
    st.binary(max_size=2) | st.sampled_from([*bytewise(b'\r\n\t ;:="\\0aA_+-x\0\x7f'), b"\r\n"]),
)


def spliced(data: bytes, *changes: tuple[int, int, bytes]) -> bytes:
    for place, gone, new in changes:
        place %= len(data) + 1
        data = data[:place] + new + data[place + gone :]
    return data


mutated = st.builds(spliced, bodies().map(lambda body: body.wire), splices, splices)


@well_formed
@given(bodies(), cuts)
def test_a_body_ends_with_its_last_byte_however_it_is_cut(body: Body, cuts: set[int]) -> None:
    segments = segments_of(body.wire + NEXT, cuts)
    assert outcome(*segments) == len(body.wire)
    assert outcome(*segments_of(body.wire[:-1], cuts)) == MORE


@well_formed
@given(bodies().filter(lambda body: len(body.wire) < 1000))
def test_a_body_may_come_one_byte_at_a_time(body: Body) -> None:
    assert outcome(*bytewise(body.wire)) == len(body.wire)


@well_formed
@given(bodies(), st.binary(max_size=20))
def test_a_body_may_begin_inside_a_segment(body: Body, head: bytes) -> None:
    assert ChunkedBody().feed(head + body.wire + NEXT, len(head)) == len(head + body.wire)


@well_formed
@given(bodies())
def test_h11_reads_the_content_that_was_meant_up_to_the_same_end(body: Body) -> None:
    assert read_by_h11(body.wire + NEXT) == (body.content, len(body.wire))


@given(mutated)
@example(b'5;a="\\\n"\r\nhello\r\n0\r\n\r\n')
@example(b"5\r\nhello\r\n0\r\nTrailer\n: a\r\n\r\n")
def test_what_is_taken_is_what_the_grammar_takes_with_the_same_end(data: bytes) -> None:
    end, expected = outcome(data), end_by_grammar(data)
    assert end == expected or (expected is None and end in (MORE, REFUSED))


@given(mutated)
def test_what_is_taken_ends_for_h11_in_the_same_place(data: bytes) -> None:
    end = outcome(data)
    if isinstance(end, int) and end != MORE:
        assert read_by_h11(data)[1] == end


@given(mutated, cuts)
@example(b'5;a="\\\n"\r\nhello\r\n0\r\n\r\n', {6})
@example(b"0\r\nX: " + b"y" * 4100 + b"\r\n\r\n", {100})
def test_cuts_change_nothing_about_a_bad_body_either(data: bytes, cuts: set[int]) -> None:
    assert outcome(*segments_of(data, cuts)) == outcome(data)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"5\r\nhello\r\n0\r\n\r\n", id="plain"),
        pytest.param(b"0\r\n\r\n", id="empty"),
        pytest.param(b"000\r\n\r\n", id="zeros"),
        pytest.param(b"000000000000005\r\nhello\r\n0\r\n\r\n", id="fifteen digits"),
        pytest.param(b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", id="both cases"),
        pytest.param(b"5;a\r\nhello\r\n0;b=c;d\r\n\r\n", id="extensions"),
        pytest.param(b'5;a="b;c=\\"d\\" \te"\r\nhello\r\n0\r\n\r\n', id="quoted extension"),
        pytest.param(b'5;a=""\r\nhello\r\n0\r\n\r\n', id="empty quotes"),
        pytest.param(b"0\r\nDigest: x\r\nServer-Timing:\r\n\r\n", id="trailers"),
        pytest.param(b"0\r\nContent-Length-Was: 5\r\n\r\n", id="trailer with a near name"),
    ],
)
def test_a_strict_body_is_taken(body: bytes) -> None:
    assert outcome(body + NEXT) == outcome(*bytewise(body + NEXT)) == len(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"0x5\r\nhello\r\n", id="0x"),
        pytest.param(b"+5\r\nhello\r\n", id="plus"),
        pytest.param(b"-5\r\nhello\r\n", id="minus"),
        pytest.param(b"0_5\r\nhello\r\n", id="underscore"),
        pytest.param(b"5h\r\nhello\r\n", id="no hex digit"),
        pytest.param(b"\xef\xbc\x95\r\nhello\r\n", id="a digit of another script"),
        pytest.param(b" 5\r\nhello\r\n", id="blank before"),
        pytest.param(b"5 \r\nhello\r\n", id="blank after"),
        pytest.param(b"5\t\r\nhello\r\n", id="tab after"),
        pytest.param(b"\r\nhello\r\n", id="no size"),
        pytest.param(b";a\r\nhello\r\n", id="no size before an extension"),
        pytest.param(b"0000000000000005\r\nhello\r\n", id="sixteen digits"),
        pytest.param(b"1" + b"0" * 16 + b"5\r\nhello\r\n", id="overflow"),
        pytest.param(b"5\nhello\r\n", id="bare LF"),
        pytest.param(b"5\rhello\r\n", id="bare CR"),
        pytest.param(b"5\r\r\nhello\r\n", id="two CR"),
        pytest.param(b"5;\r\nhello\r\n", id="extension without a name"),
        pytest.param(b"5;a=\r\nhello\r\n", id="extension without a value"),
        pytest.param(b"5;a;;b\r\nhello\r\n", id="empty extension"),
        pytest.param(b"5 ;a\r\nhello\r\n", id="blank before an extension"),
        pytest.param(b"5; a\r\nhello\r\n", id="blank in an extension"),
        pytest.param(b"5;a =b\r\nhello\r\n", id="blank before equals"),
        pytest.param(b"5;a=b c\r\nhello\r\n", id="blank in a value"),
        pytest.param(b'5;a="b\r\nhello\r\n', id="quotes without end"),
        pytest.param(b'5;a="b\\"\r\nhello\r\n', id="quotes with an escaped end"),
        pytest.param(b'5;a="b"c\r\nhello\r\n', id="something after the quotes"),
        pytest.param(b"5;a\nhello\r\n", id="bare LF in an extension"),
        pytest.param(b'5;a="\n"\r\nhello\r\n', id="bare LF in quotes"),
        pytest.param(b'5;a="\\\n"\r\nhello\r\n', id="escaped bare LF in quotes"),
        pytest.param(b'5;a="\\\r"\r\nhello\r\n', id="escaped bare CR in quotes"),
        pytest.param(b'5;a="\0"\r\nhello\r\n', id="NUL in quotes"),
        pytest.param(b"5\r\nhello0\r\n\r\n", id="chunk without its end"),
        pytest.param(b"5\r\nhello!\r\n0\r\n\r\n", id="chunk longer than its size"),
        pytest.param(b"5\r\nhell\r\n0\r\n\r\n", id="chunk shorter than its size"),
        pytest.param(b"5\r\nhello\n0\r\n\r\n", id="bare LF after a chunk"),
        pytest.param(b"5\r\nhello\r0\r\n\r\n", id="bare CR after a chunk"),
        pytest.param(b"0\r\n\n", id="bare LF at the end"),
        pytest.param(b"0\r\nno colon\r\n\r\n", id="trailer without a colon"),
        pytest.param(b"0\r\n: a\r\n\r\n", id="trailer without a name"),
        pytest.param(b"0\r\nA : b\r\n\r\n", id="blank before the colon of a trailer"),
        pytest.param(b"0\r\nA: b\r\n c\r\n\r\n", id="folded trailer"),
        pytest.param(b"0\r\nA: b\nC: d\r\n\r\n", id="bare LF in a trailer"),
        pytest.param(b"0\r\nA: b\rC: d\r\n\r\n", id="bare CR in a trailer"),
        pytest.param(b"0\r\nA: \0\r\n\r\n", id="NUL in a trailer"),
        pytest.param(b"0\r\nA: \x7f\r\n\r\n", id="DEL in a trailer"),
    ],
)
def test_a_body_that_two_parsers_may_read_differently_is_refused(body: bytes) -> None:
    assert outcome(body + NEXT) == outcome(*bytewise(body + NEXT)) == REFUSED


@pytest.mark.parametrize("name", FORBIDDEN_TRAILERS, ids=bytes.decode)
def test_a_field_that_frames_routes_or_authenticates_is_no_trailer(name: bytes) -> None:
    for spelt in (name, name.lower(), name.upper(), name.replace(b"-", b"_")):
        assert outcome(b"0\r\nX-First: 1\r\n" + spelt + b": 5\r\n\r\n") == REFUSED


# An app that takes a CR for the end of a line would go on reading in what we have not refused.
@pytest.mark.parametrize(
    "torn",
    [
        *(b"5\r\nhelloX", b"5\r\nhello\rX", b"5x", b"5\rX", b"1" * 16, b"5;a\rh", b"5;a\0"),
        *(b"0\r\nA: b\rG", b"0\r\n\r\r", b"0\r\nA: \0"),
    ],
)
def test_what_no_further_byte_can_mend_is_refused_before_the_line_ends(torn: bytes) -> None:
    assert outcome(torn[:-1]) == MORE
    assert outcome(torn) == REFUSED


@pytest.mark.parametrize("line", [b"5;a=%s\r\n", b"0\r\nX-Trailer: %s\r\n"])
def test_a_line_has_at_most_4096_bytes_in_one_piece_or_in_many(line: bytes) -> None:
    last = line[line.find(b"\n", 0, -1) + 1 :]
    fits = line % (b"x" * (4096 - len(last % b"")))
    for body, expected in (fits, MORE), (fits.replace(b"x", b"xx", 1), REFUSED):
        assert (
            outcome(body) == outcome(body[:50], body[50:]) == outcome(*bytewise(body)) == expected
        )


def test_a_line_that_does_not_end_is_not_kept_for_ever() -> None:
    assert outcome(b"5;a=", *[b"x" * 1000] * 4) == MORE
    assert outcome(b"5;a=", *[b"x" * 1000] * 5) == REFUSED


@pytest.mark.parametrize("beside", [b"1;%s\r\na\r\n", b"0\r\nX-%s: 1\r\n"])
def test_extensions_and_trailers_of_one_message_have_a_budget(beside: bytes) -> None:
    line = beside % (b"x" * 1000)
    body = line.removeprefix(b"0\r\n")
    taken = next(n for n in range(1, 100) if outcome(line + body * n) == REFUSED)
    assert taken == 16384 // len(body.removesuffix(b"a\r\n"))


def test_chunks_without_extensions_have_no_budget() -> None:
    body = b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n"
    assert outcome(body) == len(body)


def test_the_largest_size_is_a_very_long_chunk_and_no_overflow() -> None:
    assert outcome(b"f" * 15 + b"\r\n", NEXT * 100) == MORE


def test_no_content_is_kept() -> None:
    body, segment = ChunkedBody(), b"x" * 65536
    assert body.feed(b"fffffff\r\n") == MORE
    tracemalloc.start()
    try:
        for _ in range(100):
            assert body.feed(segment) == MORE
        assert tracemalloc.get_traced_memory()[1] < 1000
    finally:
        tracemalloc.stop()


@well_formed
@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6), places(160, 12))
def test_whoever_asks_is_told_where_the_body_itself_is(
    chunks: list[bytes], cuts: list[int]
) -> None:
    coded = b"".join(b"%x;a\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    body, whole = ChunkedBody(), b""
    began: list[bytes] = []
    parts: list[Part] = []
    body.parts = parts
    for piece in segments_of(coded, cuts):
        assert body.feed(piece) == MORE
        for chunk, begin, end in parts:
            whole += piece[begin:end]
            if chunk >= 0:
                began.append(piece[chunk:begin].partition(b";")[0])
        parts.clear()
    assert whole == b"".join(chunks)
    assert body.between_chunks
    assert len(began) <= len(chunks)
    if len(coded) and body.feed(b"5\r\nab") == MORE:
        assert not body.between_chunks


# Many of them in one piece: runs of short ones, and what is left for the next turn


def end_of(data: bytes, body: ChunkedBody | None = None) -> int:
    """Where the body ends, read on from each place where the reading has stopped."""
    body, at = body or ChunkedBody(), 0
    while (end := body.feed(data, at)) == MORE and body.stopped:
        assert body.stopped > at
        at = body.stopped
    return end


SPELLINGS = (b"%x", b"%X", b"0%x", b"%x;a", b'%x;a="b c"')
CONTENTS = (b"x", b"\r\n", b"1\r\na\r\n", b"0\r\n\r\n")


def chunk_of(one: int, other: int) -> bytes:
    """Any of these spellings and contents, the first spelling most often."""
    size = 1 + one % (80 if other & 1 else 16)
    spelling = SPELLINGS[max(0, (other >> 1) % 10 - 5)]
    return b"%b\r\n%b\r\n" % (spelling % size, (CONTENTS[other >> 6] * size)[:size])


many_chunks = st.binary(min_size=10, max_size=1800).map(
    lambda drawn: b"".join(map(chunk_of, drawn[::2], drawn[1::2]))
)


@well_formed
@given(many_chunks, places(20_000, 5))
def test_many_chunks_in_one_piece_end_where_they_end_byte_by_byte(
    chunks: bytes, cuts: list[int]
) -> None:
    whole = chunks + b"0\r\n\r\n"
    assert end_of(whole + NEXT) == len(whole)
    body = ChunkedBody()
    *pieces, last = segments_of(whole, cuts)
    assert [end_of(piece, body) for piece in pieces] == [MORE] * len(pieces)
    assert end_of(last + NEXT, body) == len(last)


@given(many_chunks, st.sampled_from([b"2\r\na\r\n", b"1\r\naa\r\n", b"1\na\r\n", b"0x1\r\na\r\n"]))
def test_a_run_hides_no_mistake(chunks: bytes, wrong: bytes) -> None:
    with pytest.raises(Refused):
        end_of(chunks + wrong + b"1\r\na\r\n" * 20)


def test_a_run_is_right_in_every_python() -> None:
    assert _run(1).pattern.endswith(b")*)"), "`*+` is wrong before CPython 3.11.5"


def test_a_run_of_short_chunks_takes_no_step_for_each() -> None:
    body, shortest = ChunkedBody(), b"1\r\na\r\n" * 40_000
    assert body.feed(shortest) == MORE
    assert body.stopped == 0
    assert body.between_chunks


def test_four_hundred_chunks_that_take_a_step_each_are_enough_at_once() -> None:
    body, chunk = ChunkedBody(), b"01\r\na\r\n"
    assert body.feed(chunk * 1000) == MORE
    assert body.stopped == len(chunk) * 400
    assert body.feed(chunk * 1000, body.stopped) == MORE
    assert body.stopped == len(chunk) * 800
    assert body.feed(chunk * 1000, body.stopped) == MORE
    assert body.stopped == 0


def test_whoever_asks_is_told_of_each_chunk_of_a_run() -> None:
    body = ChunkedBody()
    parts: list[Part] = []
    body.parts = parts
    assert body.feed(b"1\r\na\r\n" * 300) == MORE
    assert parts == [(6 * at, 6 * at + 3, 6 * at + 4) for at in range(300)]


@well_formed
@given(many_chunks)
def test_to_whom_the_end_is_enough_gets_the_last_bytes_of_it(chunks: bytes) -> None:
    every, last = ChunkedBody(), ChunkedBody()
    last.every = False
    ends = []
    for body in (every, last):
        parts: list[Part] = []
        body.parts = parts
        assert end_of(chunks, body) == MORE
        ends.append(b"".join(chunks[begin:end] for _, begin, end in parts)[-3:])
    assert ends[0] == ends[1]


def test_whom_the_end_is_enough_is_told_of_runs_and_not_of_each_chunk() -> None:
    body, chunk = ChunkedBody(), b"28\r\n%b\r\n" % (b"data: " + b"x" * 32 + b"\n\n")
    body.every, body.parts = False, []
    assert body.feed(chunk * 1000) == MORE
    assert body.stopped == 0
    assert len(body.parts) < 10
    assert body.feed(b"2\r\nab\r\n" * 20) == MORE
