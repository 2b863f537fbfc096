"""Padding is left out, and what is longer than its frame is refused."""

import pytest

from drainproxy.wire.http2 import (
    FRAME_SIZE_ERROR,
    HAS_PRIORITY,
    HEAD_SIZE,
    HEADERS,
    PADDED,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    Http2Error,
)
from drainproxy.wire.padding import padding_of, prefix_and_part

HEAD = bytes(HEAD_SIZE)


@pytest.mark.parametrize(
    ("data", "length", "padding"), [(b"", 3, 0), (b"\x02", 3, 3), (b"\x00", 1, 1)]
)
def test_padding_is_as_long_as_it_says_once_that_has_come(
    data: bytes, length: int, padding: int
) -> None:
    assert padding_of(HEAD + data, 0, HEAD_SIZE + length) == padding


@pytest.mark.parametrize(
    ("data", "length", "code"),
    [(b"", 0, FRAME_SIZE_ERROR), (b"\x03", 3, PROTOCOL_ERROR), (b"\x01", 1, PROTOCOL_ERROR)],
)
def test_padding_that_does_not_fit_into_its_frame_is_refused(
    data: bytes, length: int, code: int
) -> None:
    with pytest.raises(Http2Error) as raised:
        padding_of(HEAD + data, 0, HEAD_SIZE + length)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("kind", "flags", "payload", "prefix", "part"),
    [
        (HEADERS, 0, b"block", b"", b"block"),
        (HEADERS, PADDED, b"\x02block\0\0", b"", b"block"),
        (HEADERS, HAS_PRIORITY, b"12345block", b"12345", b"block"),
        (HEADERS, PADDED | HAS_PRIORITY, b"\x0112345\0", b"12345", b""),
        (PUSH_PROMISE, 0, b"1234block", b"1234", b"block"),
        (PUSH_PROMISE, PADDED, b"\x011234block\0", b"1234", b"block"),
    ],
)
def test_a_header_block_stands_between_prefix_and_padding(
    kind: int, flags: int, payload: bytes, prefix: bytes, part: bytes
) -> None:
    assert prefix_and_part(kind, flags, payload) == (prefix, part)


@pytest.mark.parametrize(
    ("kind", "flags", "payload", "code"),
    [
        (HEADERS, PADDED, b"", FRAME_SIZE_ERROR),
        (HEADERS, HAS_PRIORITY, b"1234", FRAME_SIZE_ERROR),
        (PUSH_PROMISE, 0, b"123", FRAME_SIZE_ERROR),
        (HEADERS, PADDED, b"\x01", PROTOCOL_ERROR),
        (HEADERS, PADDED | HAS_PRIORITY, b"\x0112345", PROTOCOL_ERROR),
    ],
)
def test_a_frame_that_is_too_short_for_what_it_announces_is_refused(
    kind: int, flags: int, payload: bytes, code: int
) -> None:
    with pytest.raises(Http2Error) as raised:
        prefix_and_part(kind, flags, payload)
    assert raised.value.code == code
