"""Blocks and strings that were read are remembered, up to a weight."""

import pytest

from drainproxy.wire.hpack import Fields, HpackReader, literal

ROOM_FOR_BLOCKS = 16384
ROOM_FOR_STRINGS = 12288
# Of each, beside its bytes.
WEIGHT = 150

Reader = HpackReader[Fields]


@pytest.fixture
def reader() -> Reader:
    return HpackReader(65536, tuple)


def test_blocks_are_remembered_until_there_is_no_room_for_one_more(reader: Reader) -> None:
    # Each weighs 405 bytes, and 433 for its fields.
    blocks = [literal(b"x", b"%04d" % number * 100) for number in range(60)]
    fit = ROOM_FOR_BLOCKS // 838
    first, second, one_more = blocks[:fit], blocks[fit : 2 * fit], blocks[2 * fit]
    for some in first, second:
        read = [reader.read(one) for one in some]
        assert all(reader.read(one) is fields for one, fields in zip(some, read, strict=True))
    last = reader.read(second[-1])
    reader.read(one_more)
    assert reader.read(second[-1]) is not last


def test_a_block_that_would_take_all_the_room_is_not_remembered(reader: Reader) -> None:
    usual, large = b"\x82", literal(b"x", b"y" * ROOM_FOR_BLOCKS)
    before = reader.read(usual)
    first = reader.read(large)
    assert reader.read(usual) is before
    assert reader.read(b"\x83") != first
    assert reader.read(large) == first
    assert reader.read(large) is not first
    assert reader.read(usual) is before


def test_all_that_is_remembered_can_be_forgotten_but_the_table(reader: Reader) -> None:
    in_table = reader.read(b"\x40\x01x\x01y")
    blocks = [b"\x82", literal(b"x", b"y"), zeros(3), b"\xbe"]
    read = [reader.read(block) for block in blocks]
    reader.forget_all()
    again = [reader.read(block) for block in blocks]
    assert again == read
    assert again[-1] == in_table
    assert all(one is not other for one, other in zip(read, again, strict=True))
    assert read[2][0][1] is not again[2][0][1]


def zeros(count: int) -> bytes:
    """A literal of 8 times `count` zeros, whose codes take 5 times `count` bytes."""
    length = 5 * count
    # RFC 7541 5.1
    said = bytes((0x80 | length,)) if length < 127 else bytes((0xFF, length - 127))
    return b"\x01" + said + b"\0" * length


@pytest.mark.parametrize(("most", "kept"), [(33, True), (34, False)])
def test_strings_are_remembered_until_there_is_no_room_for_one_more(
    most: int, kept: bool, reader: Reader
) -> None:
    # 13 bytes for 8 zeros.
    weights = [sum(13 * count + WEIGHT for count in range(1, 1 + last)) for last in (33, 34)]
    assert weights[0] <= ROOM_FOR_STRINGS < weights[1]
    read = [reader.read(zeros(count))[0][1] for count in range(1, most + 1)]
    assert read == [b"0" * 8 * count for count in range(1, most + 1)]
    assert (reader.read(zeros(1) + b"\x82")[0][1] is read[0]) is kept


def test_of_a_list_that_is_too_long_the_first_fields_are_kept() -> None:
    """For a log; not all, since each byte can name one. `:method: GET` weighs 42."""
    too_long: Fields = ((b"too", b"long"),)
    reader = HpackReader(42 * 150, tuple, too_long=too_long)
    assert reader.read(b"\x82" * 200) == too_long
    assert reader.fields == ((b":method", b"GET"),) * 100
