"""Another judge of messages beside ours: what h2 refuses we refuse, but for what is listed here."""

import re

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from hypothesis import event, example, given

from drainproxy.wire.hpack import Fields, block
from drainproxy.wire.http2 import END_STREAM, header_frames, settings
from drainproxy.wire.http2_head import AnswerHead, RequestHead
from drainproxy.wire.sniff import HTTP2_PREFACE
from tests.wire.http2_messages import GET, OK, near, requests


def _has_blanks(fields: Fields) -> bool:
    return any(value != value.strip(b" \t") for _, value in fields)


def _has_bytes_of_grpc(fields: Fields) -> bool:
    return any(name.endswith(b"-bin") and value.startswith(b"\0") for name, value in fields)


def _has_no_host(fields: Fields) -> bool:
    return not {b":authority", b"host"} & dict(fields).keys()


# What h2 refuses and we do not: gRPC sends messages and metadata with blanks at their ends, and
# metadata as plain bytes after a NUL; and whoever serves one host only may do without its name.
LENIENT = [
    ("surrounded by whitespace", _has_blanks),
    ("Illegal character .* in header value", _has_bytes_of_grpc),
    ("does not have an :authority or Host", _has_no_host),
]
# What we refuse and h2 does not.
STRICT = re.compile(
    "|".join(
        [
            "is not the name of a field",  # RFC 9110 5.1: a token
            "may be taken for the field with hyphens",  # by an app behind WSGI or CGI
            "(host|content-length|te)' is there twice",
            "content-length is not a plain number",  # int() takes 1_0
            "te is not trailers",  # in capitals
            "must not be a trailer",  # RFC 9110 6.5.1
            "the method is not a token",
            "HEAD or CONNECT in another spelling",  # an app may fold the case
            "the :(scheme|path) is missing or not what it must be",
            "the :authority is not a host",
            "CONNECT has an :authority and nothing else",  # not in host, and not empty
            ":protocol stands in a CONNECT to an :authority",
            "the :status is not a number of three digits",
        ]
    )
)


def refused_by_h2(answers: bool, *messages: tuple[int, Fields]) -> str:
    """Why, when the blocks of these messages come on a stream, each with its flags."""
    peer = H2Connection(H2Configuration(client_side=answers, header_encoding=None))
    peer.initiate_connection()
    peer.receive_data(b"" if answers else HTTP2_PREFACE)
    peer.receive_data(settings())
    if answers:
        peer.send_headers(1, GET)
    try:
        for flags, fields in messages:
            peer.receive_data(header_frames(1, flags, b"", block(fields)))
    except ProtocolError as error:
        return str(error) or type(error).__name__
    return ""


def agree(fields: Fields, ours: str, theirs: str) -> None:
    """One is as strict as the other, or it is listed above."""
    if theirs and not ours:
        assert any(re.search(reason, theirs, re.DOTALL) and has(fields) for reason, has in LENIENT)
    if ours and not theirs:
        assert STRICT.search(ours)
    event(f"we: {bool(ours)}, h2: {bool(theirs)}")


@given(requests)
@example(GET[:3])
@example((*GET, (b"te", b"gzip"), (b"te", b"trailers")))
@example((*GET, (b"host", b"a.example"), (b"host", b"a.example")))
@example(((b":method", b"CONNECT"), (b"host", b"a.example")))
@example(((b":method", b"Head"), *GET[1:]))
@example(((b":method", b""), *GET[1:]))
@example(())
def test_a_request_that_h2_refuses_is_malformed(fields: Fields) -> None:
    head = RequestHead(fields)
    ours = head.malformed or ("these are trailers" if head.trailers else "")
    assert RequestHead(fields).malformed == head.malformed
    agree(fields, ours, refused_by_h2(False, (0, fields)))


@given(near(()) | near(GET))
@example(())
@example(((b":path", b"/"),))
def test_the_end_of_a_request_that_h2_refuses_is_malformed_or_no_end(fields: Fields) -> None:
    head = RequestHead(fields)
    ours = head.malformed or ("" if head.trailers else "these are no trailers")
    agree(fields, ours, refused_by_h2(False, (0, GET), (END_STREAM, fields)))


@given(near(OK))
@example(())
@example((*OK, *OK))
@example((*OK, (b"te", b"gzip"), (b"te", b"trailers")))
def test_an_answer_that_h2_refuses_is_malformed(fields: Fields) -> None:
    head = AnswerHead(fields)
    ours = head.malformed or ("" if head.status else "these are trailers")
    agree(fields, ours, refused_by_h2(True, (0, fields)))


@given(near(()) | near(OK))
@example(())
@example(OK)
def test_the_end_of_an_answer_that_h2_refuses_is_malformed_or_no_end(fields: Fields) -> None:
    head = AnswerHead(fields)
    ours = head.malformed or ("these are no trailers" if head.status else "")
    agree(fields, ours, refused_by_h2(True, (0, OK), (END_STREAM, fields)))
