"""A body is decoded as it says, within a bound, or it is said why not."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.gate.body import LARGEST, UnreadableBody, decoded

BODY = b'{"canary":"a"}'


def packed(data: bytes) -> bytes:
    """As gzip, the same bytes whenever it is done: what a test is called goes by them."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        ("", BODY),
        ("identity", BODY),
        ("gzip", packed(BODY)),
        ("X-GZIP ", packed(BODY)),
        ("deflate", zlib.compress(BODY)),
    ],
)
def test_what_is_coded_as_it_says_is_decoded(coding: str, sent: bytes) -> None:
    assert decoded(sent, coding) == BODY


@pytest.mark.parametrize(
    ("coding", "sent", "status", "reason"),
    [
        ("gzip", BODY, 400, "is not gzip"),
        ("deflate", b"", 400, "cut short"),
        ("gzip", packed(BODY)[:-4], 400, "cut short"),
        ("deflate", zlib.compress(BODY)[:-5], 400, "cut short"),
        ("gzip", packed(b" " * (LARGEST + 1)), 413, "over 64 KiB"),
        ("br", BODY, 415, "'br' is not known"),
        ("gzip, gzip", packed(packed(BODY)), 415, "'gzip, gzip' is not known"),
    ],
)
def test_what_is_not_has_a_status_and_a_reason(
    coding: str, sent: bytes, status: int, reason: str
) -> None:
    with pytest.raises(UnreadableBody, match=reason) as raised:
        decoded(sent, coding)
    assert raised.value.status == status


def test_the_largest_body_is_decoded_whole() -> None:
    assert len(decoded(packed(b" " * LARGEST), "gzip")) == LARGEST


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_whatever_comes_is_decoded_or_refused(sent: bytes, coding: str) -> None:
    with suppress(UnreadableBody):
        assert len(decoded(sent, coding)) <= LARGEST
