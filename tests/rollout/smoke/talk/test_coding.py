"""Content codings are taken off to their end, however the body comes."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.smoke.stage import Failed
from drainproxy.rollout.smoke.talk.coding import Decoder


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


def in_two_members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


CODINGS = [
    ("gzip", gzip.compress),
    ("x-GZip ", gzip.compress),
    ("gzip", in_two_members),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
]


def decoded(coding: str, pieces: list[bytes]) -> bytes:
    decoder = Decoder(coding)
    whole = b"".join(part for piece in pieces for part in decoder.feed(piece))
    decoder.end()
    return whole


@pytest.mark.parametrize(("coding", "code"), CODINGS)
@given(data=st.binary(max_size=300), size=st.integers(1, 40))
def test_a_body_is_what_was_coded_however_it_is_split(
    coding: str, code: object, data: bytes, size: int
) -> None:
    assert callable(code)
    coded = code(data)
    pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
    assert decoded(coding, pieces) == data


@pytest.mark.parametrize(("coding", "code"), CODINGS)
def test_one_that_breaks_off_anywhere_is_no_body(coding: str, code: object) -> None:
    assert callable(code)
    coded = code(b"what was said")
    # Where the first of two members ends the body might.
    ends = [at for at in range(1, len(coded)) if not is_whole(coding, coded[:at])]
    assert len(ends) >= len(coded) - 2
    for at in ends:
        with pytest.raises(Failed, match=r"broke off|cannot be decoded"):
            decoded(coding, [coded[:at]])


def is_whole(coding: str, coded: bytes) -> bool:
    try:
        gzip.decompress(coded)
    except (OSError, EOFError, zlib.error):
        return False
    return "gz" in coding.lower()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_another_coding_than_is_named_is_told(coding: str) -> None:
    with pytest.raises(Failed, match=f"cannot be decoded from {coding}, which its Content-Enc"):
        decoded(coding, [b"no"])


def test_what_stands_behind_the_end_of_a_body_is_told() -> None:
    with pytest.raises(Failed, match="cannot be decoded from deflate"):
        decoded("deflate", [zlib.compress(b"x") + b"y"])


@pytest.mark.parametrize("coding", ["br", "ZSTD", "gzip, br"])
def test_a_coding_that_nobody_asked_for_is_named(coding: str) -> None:
    with pytest.raises(Failed, match=f"cannot be decoded from {coding.lower()}"):
        decoded(coding, [b"", b"x"])


@pytest.mark.parametrize("coding", ["", "identity", "utf-8"])
def test_what_is_no_coding_changes_nothing(coding: str) -> None:
    assert decoded(coding, [b"as ", b"it is"]) == b"as it is"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, br"])
def test_no_body_at_all_has_no_coding(coding: str) -> None:
    assert decoded(coding, []) == b""


def test_a_few_bytes_become_many_in_parts_of_a_bounded_size() -> None:
    parts = list(Decoder("gzip").feed(gzip.compress(bytes(10_000_000))))
    assert sum(map(len, parts)) == 10_000_000
    assert max(map(len, parts)) <= 1 << 18
