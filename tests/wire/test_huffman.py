"""The Huffman code of HPACK: what is coded comes back, and nothing else is taken."""

import pytest
from hpack.exceptions import HPACKDecodingError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire.huffman import HuffmanError, decode, measure
from tests.conftest import well_formed

encode = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode


@pytest.mark.parametrize(
    ("coded", "text"),
    [
        ("f1e3c2e5f23a6ba0ab90f4ff", b"www.example.com"),
        ("a8eb10649cbf", b"no-cache"),
        ("25a849e95ba97d7f", b"custom-key"),
        ("25a849e95bb8e8b4bf", b"custom-value"),
        ("6402", b"302"),
        ("640eff", b"307"),
        ("aec3771a4b", b"private"),
        ("d07abe941054d444a8200595040b8166e082a62d1bff", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        ("9d29ad171863c78f0b97c8e9ae82ae43d3", b"https://www.example.com"),
        ("9bd9ab", b"gzip"),
        (
            "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b106"
            "3d5007",
            b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ),
        ("", b""),
    ],
)
def test_the_strings_of_appendix_c_are_read(coded: str, text: bytes) -> None:
    assert decode(bytes.fromhex(coded)) == text


@pytest.mark.parametrize(
    "value",
    [pytest.param(value, marks=[pytest.mark.amount] if value % 16 else ()) for value in range(256)],
)
def test_every_byte_has_its_code_at_every_place_in_a_byte(value: int) -> None:
    # "0" has 5 bits: eight of them before it move it through all places.
    for before in range(8):
        text = b"0" * before + bytes((value,)) + b"0"
        coded = encode(text)
        assert measure(coded) == (None if value in b"\0\r\n" else before + 2)
        assert decode(coded) == text


@well_formed
@given(st.binary() | st.text(st.characters(max_codepoint=0x7E)).map(str.encode))
def test_what_was_coded_comes_back(text: bytes) -> None:
    coded = encode(text)
    assert decode(coded) == text
    assert measure(coded) == (None if set(text) & set(b"\0\r\n") else len(text))


@pytest.mark.parametrize(
    "coded",
    [
        pytest.param("ff", id="a byte of padding and nothing else"),
        pytest.param("07ff", id="8 bits of padding"),
        pytest.param("00", id="padding with zeros"),
        pytest.param("06", id="padding that ends with a zero"),
        pytest.param("fff8", id="the end is missing"),
        pytest.param("fffffffc", id="EOS alone"),
        pytest.param("fffffffffc", id="EOS after padding"),
        pytest.param("ffffffff", id="EOS and padding"),
        pytest.param("fffffffc07", id="a character after EOS"),
        pytest.param("ffffffffffffffff", id="ones and nothing else"),
        pytest.param("07fffffff83f", id="EOS between two characters"),
    ],
)
def test_eos_and_padding_that_is_not_a_start_of_it_are_refused(coded: str) -> None:
    for read in decode, measure:
        with pytest.raises(HuffmanError):
            read(bytes.fromhex(coded))


suspects = st.lists(
    st.sampled_from([b"\xff", b"\xfe", b"\xfc", b"\x7f", b"\x07", b"\0"]) | st.binary(max_size=3)
).map(b"".join)


@given(suspects)
@example(b"\xff" * 4)
@example(bytes(range(256)))
def test_a_string_has_one_code_and_no_other_is_taken(coded: bytes) -> None:
    try:
        text = decode(coded)
    except HuffmanError:
        with pytest.raises(HPACKDecodingError):
            decode_huffman(coded)
    else:
        assert encode(text) == coded
