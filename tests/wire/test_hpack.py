"""Blocks are read as RFC 7541 says, what is wrong with one is refused, and ours need no state."""

from contextlib import nullcontext

import pytest

from drainproxy.wire.hpack import (
    OTHERS,
    Fields,
    HeaderField,
    HpackError,
    HpackReader,
    NeverIndexed,
    block,
    indexed,
    literal,
)
from drainproxy.wire.http2 import COMPRESSION_ERROR, ENHANCE_YOUR_CALM
from tests.wire.hpack_blocks import huffman

MOST = 65536
A_B = bytes.fromhex("4001610162")  # a: b, with incremental indexing: the newest entry is 62
NEWEST = b"\xbe"

Reader = HpackReader[Fields]


@pytest.fixture
def reader() -> Reader:
    return HpackReader(MOST, tuple)


def new_entry(value: bytes) -> bytes:
    """A field `v` that weighs 33 and its value, with incremental indexing."""
    return b"\x40" + literal(b"v", value)[1:]


@pytest.mark.parametrize(
    ("coded", "reason"),
    [
        pytest.param("80", "index out of range", id="index 0"),
        pytest.param("be", "index out of range", id="an empty table"),
        pytest.param("ff00", "index out of range", id="a long index"),
        pytest.param("7e0161", "index out of range", id="the name of no entry"),
        pytest.param("0f400161", "index out of range", id="the name of no entry, not indexed"),
        pytest.param("ff", "ends inside a field", id="an index without its end"),
        pytest.param("ff80", "ends inside a field", id="a longer index without its end"),
        pytest.param("3f", "ends inside a field", id="a size without its end"),
        pytest.param("40", "ends inside a field", id="no name"),
        pytest.param("41", "ends inside a field", id="no value"),
        pytest.param("400161", "ends inside a field", id="a name and no value"),
        pytest.param("007f", "ends inside a field", id="a length without its end"),
        pytest.param("00026100", "ends inside a field", id="a name that takes all"),
        pytest.param("410261", "ends inside a string", id="a value without its last byte"),
        pytest.param("000561", "ends inside a string", id="a cut name"),
        pytest.param("ff808080808000", "integer is too long", id="6 more bytes of index"),
        pytest.param("007fffffffffff00", "integer is too long", id="6 more bytes of length"),
        pytest.param("4181ff", "Huffman", id="a byte of padding"),
        pytest.param("0084fffffffc00", "Huffman", id="EOS in a name"),
        pytest.param("8220", "size where a field must be", id="a size after a field"),
        pytest.param("3fe21f", "size above the limit", id="a table of 4097 bytes"),
        pytest.param("20" * 17, "size where a field must be", id="sizes without end"),
    ],
)
def test_a_block_that_is_wrong_is_refused_for_its_reason(
    coded: str, reason: str, reader: Reader
) -> None:
    with pytest.raises(HpackError, match=reason) as error:
        reader.read(bytes.fromhex(coded))
    assert error.value.code == COMPRESSION_ERROR


def test_a_block_cut_anywhere_is_a_shorter_block_or_refused() -> None:
    # The first response of appendix C.6, with a table size before it.
    whole = bytes.fromhex(
        "3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d"
        "29ad171863c78f0b97c8e9ae82ae43d3"
    )
    fields = HpackReader(MOST, tuple).read(whole)
    ends = []
    for end in range(len(whole)):
        try:
            read = HpackReader(MOST, tuple).read(whole[:end])
        except HpackError:
            continue
        assert read == fields[: len(read)]
        ends.append(end)
    # Nothing at all, the size, and behind each of the first three fields.
    assert ends == [0, 3, 7, 14, 38]


def test_an_integer_may_have_zeros_that_say_nothing(reader: Reader) -> None:
    assert reader.read(bytes.fromhex("007f8280808000") + b"a" * 129 + b"\0") == ((b"a" * 129, b""),)


def test_an_empty_block_has_no_fields(reader: Reader) -> None:
    assert reader.read(b"") == ()


@pytest.mark.parametrize(("representation", "knows"), [("10", True), ("00", False), ("40", False)])
def test_a_field_knows_that_it_must_never_be_indexed(
    representation: str, knows: bool, reader: Reader
) -> None:
    (field,) = reader.read(bytes.fromhex(representation + "01610162"))
    assert field == (b"a", b"b")
    assert isinstance(field, NeverIndexed) is knows


# The table.


def test_the_newest_entry_has_the_lowest_index(reader: Reader) -> None:
    reader.read(new_entry(b"1") + new_entry(b"2"))
    assert reader.read(b"\xbe\xbf") == ((b"v", b"2"), (b"v", b"1"))


def test_an_index_may_be_longer_than_its_first_byte(reader: Reader) -> None:
    reader.read(b"".join(new_entry(b"%d" % number) for number in range(70)))
    # 62 + 69 is the oldest; as an index, and as the name of a literal of each kind.
    coded = bytes.fromhex("ff047f4401780f740178")
    assert reader.read(coded) == ((b"v", b"0"), (b"v", b"x"), (b"v", b"x"))


@pytest.mark.parametrize(("update", "kept"), [(b"\x3f\x24", 1), (b"\x3f\x25", 2)])
def test_the_oldest_entries_go_when_there_is_no_room(
    update: bytes, kept: int, reader: Reader
) -> None:
    # 67 and 68 bytes for entries of 34.
    reader.read(update + new_entry(b"1"))
    for value in b"2", b"3", b"4":
        reader.read(new_entry(value))
    assert reader.read(b"\xbe\xbf"[:kept]) == ((b"v", b"4"), (b"v", b"3"))[:kept]
    with pytest.raises(HpackError, match="index out of range"):
        reader.read(bytes((0xBE + kept,)))


def test_an_entry_may_take_its_name_from_one_that_it_evicts(reader: Reader) -> None:
    reader.read(b"\x3f\x09" + new_entry(b"old"))  # 40: room for one
    assert reader.read(b"\x7e\x03new" + NEWEST) == ((b"v", b"new"), (b"v", b"new"))


def test_an_entry_larger_than_the_table_empties_it_and_is_a_field_all_the_same(
    reader: Reader,
) -> None:
    reader.read(b"\x3f\x09" + A_B)
    assert reader.read(new_entry(b"far too large")) == ((b"v", b"far too large"),)
    with pytest.raises(HpackError, match="index out of range"):
        reader.read(NEWEST)


def test_a_table_of_no_size_keeps_nothing_and_may_grow_again(reader: Reader) -> None:
    reader.read(A_B)
    assert reader.read(NEWEST) == ((b"a", b"b"),)
    reader.read(b"\x20\x3f\xe1\x1f")  # 0, then 4096
    with pytest.raises(HpackError, match="index out of range"):
        reader.read(NEWEST)


# What the receiver allows.


def test_a_larger_table_may_be_used_once_it_is_allowed(reader: Reader) -> None:
    reader.allow(8192)
    assert reader.table_size == 4096
    reader.read(b"\x3f\xe1\x3f")
    assert reader.table_size == 8192
    with pytest.raises(HpackError, match="above the limit"):
        reader.read(b"\x3f\xe2\x3f")


def test_a_smaller_table_that_is_not_announced_is_refused(reader: Reader) -> None:
    reader.read(A_B + b"\x82")
    reader.read(b"\x82")
    reader.allow(4000)
    for coded in b"\x82", b"", NEWEST:
        with pytest.raises(HpackError, match="does not begin with the smaller table size"):
            reader.read(coded)


def test_a_table_that_is_small_enough_already_need_not_be_announced(reader: Reader) -> None:
    reader.read(b"\x3f\x31" + A_B)
    reader.allow(80)
    assert reader.read(NEWEST) == ((b"a", b"b"),)


def test_the_smallest_of_the_sizes_allowed_is_owed_and_then_the_last_is_the_limit(
    reader: Reader,
) -> None:
    reader.read(A_B)
    for size in 100, 0, 50, 256:
        reader.allow(size)
    with pytest.raises(HpackError, match="above the limit"):
        reader.read(b"\x21")
    assert reader.read(b"\x20\x3f\xe1\x01\x82") == ((b":method", b"GET"),)
    with pytest.raises(HpackError, match="above the limit"):
        reader.read(b"\x3f\xe2\x01")


# What is remembered.


def test_a_block_that_comes_again_is_not_read_again(reader: Reader) -> None:
    reader.read(A_B)
    first = reader.read(NEWEST + literal(b"x", b"y"))
    assert reader.read(NEWEST + literal(b"x", b"y")) is first


@pytest.mark.parametrize(
    "change", [new_entry(b"2"), b"\x20\x3f\xe1\x1f" + new_entry(b"2"), new_entry(b"2") + NEWEST]
)
def test_a_change_of_the_table_gives_the_same_block_another_meaning(
    change: bytes, reader: Reader
) -> None:
    reader.read(A_B)
    assert reader.read(NEWEST) == ((b"a", b"b"),)
    reader.read(change)
    assert reader.read(NEWEST) == ((b"v", b"2"),)


def test_a_block_that_changes_the_table_changes_it_each_time(reader: Reader) -> None:
    for _ in range(2):
        reader.read(A_B)
    assert reader.read(b"\xbe\xbf") == ((b"a", b"b"), (b"a", b"b"))


@pytest.mark.parametrize("representation", [b"\x00", b"\x10"])
def test_a_string_that_is_spelt_again_is_not_decoded_again(
    representation: bytes, reader: Reader
) -> None:
    token = representation + bytes.fromhex("8825a849e95ba97d7f8925a849e95bb8e8b4bf")
    one, two = (reader.read(token + other)[0] for other in (b"\x82", b"\x83"))
    assert one == two == (b"custom-key", b"custom-value")
    assert one[0] is two[0]
    assert one[1] is two[1]


# What is made of a block.


def test_a_block_is_understood_once_and_remembered_with_what_it_means() -> None:
    understood = []

    def understand(fields: Fields) -> int:
        understood.append(fields)
        return len(understood)

    reader = HpackReader(MOST, understand)
    assert [reader.read(coded) for coded in (A_B, A_B, NEWEST, b"", NEWEST, b"")] == [
        *(1, 1, 1, 2, 1, 2),
    ]
    assert understood == [((b"a", b"b"),), ()]


def test_what_a_block_means_may_be_nothing() -> None:
    reader = HpackReader(MOST, lambda fields: None)
    assert [reader.read(b"\x82"), reader.read(b"\x82")] == [None, None]
    assert reader.fields == ((b":method", b"GET"),)


def test_only_fields_that_matter_are_understood_and_where_the_others_stood() -> None:
    reader = HpackReader(MOST, tuple, lambda name: name in (b":method", b"a"))
    get, scheme, a_b, x_y = (
        *((b":method", b"GET"), (b":scheme", b"http")),
        *((b"a", b"b"), (b"x", b"y")),
    )
    for fields, mattering in (
        ((), ()),
        ((get, a_b), (get, a_b)),
        ((get, scheme), (get, OTHERS)),
        ((scheme, x_y, get, scheme, a_b), (OTHERS, OTHERS, get, OTHERS, a_b)),
    ):
        for _ in range(2):
            assert reader.read(block(fields)) == mattering
            assert reader.fields == fields


def test_the_place_of_others_is_no_field_that_anyone_can_send(reader: Reader) -> None:
    (field,) = reader.read(b"\x00\x00\x00")
    assert field == (b"", b"")
    assert field != OTHERS


def test_whether_a_field_matters_is_asked_when_it_comes_up_and_kept_with_it_in_the_table() -> None:
    asked = []

    def matters(name: bytes) -> bool:
        asked.append(name)
        return name == b"a"

    reader = HpackReader(MOST, tuple, matters)
    assert len(asked) == 61
    asked.clear()
    assert reader.read(A_B + new_entry(b"1")) == ((b"a", b"b"), OTHERS)
    for coded in NEWEST + b"\xbf", b"\xbf" + NEWEST + b"\x82":
        assert OTHERS in reader.read(coded)
        assert (b"a", b"b") in reader.read(coded)
    # A literal is another field each time, though it takes its name from the table.
    assert reader.read(b"\x0f\x2f\x01b" * 2) == (OTHERS,) * 2
    assert asked == [b"a", b"v", b"v", b"v"]
    HpackReader(MOST, tuple, matters)
    assert len(asked) == 4


def test_all_fields_of_a_block_can_be_had_though_few_matter() -> None:
    reader = HpackReader(MOST, tuple, lambda name: False)
    assert not reader.fields
    secret = literal(b"a", b"b", never_indexed=True)
    measured = b"\x40\1a\x81" + huffman(b"b")
    for coded in A_B, NEWEST, secret, NEWEST, secret, measured, NEWEST:
        assert reader.read(coded) == (OTHERS,)
        assert reader.fields == ((b"a", b"b"),)
        assert isinstance(reader.fields[0], NeverIndexed) is (coded == secret)


def test_a_value_that_is_wrong_matters_whatever_its_name_means() -> None:
    for raw, code in (b"\r", b"\x84" + huffman(b"\r")), (b"\n", b"\1\n"), (b"\0", b"\1\0"):
        assert HpackReader(MOST, tuple, lambda _: False).read(b"\x40\1v" + code) == ((b"v", raw),)


def test_what_was_read_last_can_be_forgotten_and_the_table_stays() -> None:
    understood: list[Fields] = []

    def understand(fields: Fields) -> int:
        understood.append(fields)
        return len(understood)

    reader = HpackReader(MOST, understand)
    assert (reader.read(A_B), reader.read(A_B)) == (1, 1)
    reader.forget()
    assert list(reader.fields) == []
    assert (reader.read(A_B), reader.read(NEWEST)) == (2, 2)
    assert reader.fields == ((b"a", b"b"),)


# Limits.


def test_the_fields_of_a_block_have_a_limit_together() -> None:
    reader = HpackReader(2 * 34, tuple)
    reader.read(A_B)
    assert reader.read(NEWEST * 2) == ((b"a", b"b"),) * 2
    with pytest.raises(HpackError, match="too large") as error:
        reader.read(NEWEST * 3)
    assert error.value.code == ENHANCE_YOUR_CALM


TOO_LONG: Fields = ((b"too", b"long"),)


@pytest.mark.parametrize(("count", "read"), [(2, True), (3, True), (4, True), (5, False)])
def test_what_is_to_be_answered_may_be_twice_as_long(count: int, read: bool) -> None:
    reader = HpackReader(2 * 34, tuple, too_long=TOO_LONG)
    reader.read(A_B)
    with nullcontext() if read else pytest.raises(HpackError, match="too large"):
        assert reader.read(NEWEST * count) == (((b"a", b"b"),) * 2 if count == 2 else TOO_LONG)


def test_behind_a_list_that_is_too_long_the_next_one_means_what_it_says() -> None:
    """RFC 9113 10.5.1: it can be answered, since the table goes on."""
    reader = HpackReader(100, tuple, too_long=TOO_LONG)
    long = new_entry(b"first") + literal(b"x", b"y" * 60) + new_entry(b"second")
    assert reader.read(long) == TOO_LONG
    assert reader.fields[0] == (b"v", b"first")
    assert reader.read(NEWEST + b"\xbf") == ((b"v", b"second"), (b"v", b"first"))


def test_a_field_of_the_static_table_weighs_what_it_says() -> None:
    for coded, weight in (b"\x82", 42), (b"\x90", 60), (b"\xbd", 48):
        HpackReader(weight, tuple).read(coded)
        with pytest.raises(HpackError, match="too large"):
            HpackReader(weight - 1, tuple).read(coded)


def test_a_bomb_is_not_understood() -> None:
    understood: list[object] = []
    reader = HpackReader(MOST, understood.append)
    reader.read(new_entry(b"x" * 4000))
    reader.read(NEWEST * 16)
    assert len(understood) == 2
    with pytest.raises(HpackError, match="too large"):
        reader.read(NEWEST * 17)
    assert len(understood) == 2


# Our own blocks.


@pytest.mark.parametrize(
    ("field", "coded"),
    [
        ((b":method", b"GET"), b"\x82"),
        ((b":status", b"200"), b"\x88"),
        ((b"accept-encoding", b"gzip, deflate"), b"\x90"),
        ((b"www-authenticate", b""), b"\xbd"),
        ((b":method", b"PUT"), None),
        ((b"x", b""), None),
    ],
)
def test_a_field_of_the_static_table_is_one_byte(field: HeaderField, coded: bytes | None) -> None:
    assert indexed(*field) == coded


@pytest.mark.parametrize(
    ("field", "coded"),
    [
        ((b":status", b"418"), b"\x08\x03418"),
        ((b":path", b"/x"), b"\x04\x02/x"),
        ((b"www-authenticate", b"x"), b"\x0f\x2e\x01x"),
        ((b"grpc-status", b"14"), b"\x00\x0bgrpc-status\x0214"),
        ((b"a", b"b" * 127), b"\x00\x01a\x7f\x00" + b"b" * 127),
        ((b"a", b"b" * 255), b"\x00\x01a\x7f\x80\x01" + b"b" * 255),
    ],
)
def test_a_literal_names_what_the_static_table_has_and_spells_the_rest(
    field: HeaderField, coded: bytes, reader: Reader
) -> None:
    assert literal(*field) == coded
    secret = literal(*field, never_indexed=True)
    assert secret == bytes((coded[0] | 0x10,)) + coded[1:]
    assert reader.read(coded) == reader.read(secret) == (field,)


def test_a_block_is_written_with_what_is_shortest_and_needs_no_table(reader: Reader) -> None:
    reader.read(A_B)
    assert block([(b":status", b"200"), (b"a", b"b")]) == b"\x88\x00\x01a\x01b"
    assert reader.read(block([(b":status", b"200"), (b"a", b"b")]) + NEWEST)[2] == (b"a", b"b")


@pytest.mark.parametrize(
    ("size", "coded"), [(0, b"\x20"), (30, b"\x3e"), (31, b"\x3f\x00"), (4096, b"\x3f\xe1\x1f")]
)
def test_a_block_begins_with_the_table_size_that_the_peer_waits_for(
    size: int, coded: bytes, reader: Reader
) -> None:
    reader.allow(size)
    written = block([(b":status", b"200")], table_size_update=size)
    assert written == coded + b"\x88"
    assert reader.read(written) == ((b":status", b"200"),)


def test_what_must_never_be_indexed_stays_so_through_us(reader: Reader) -> None:
    coded = literal(b":method", b"GET", never_indexed=True) + literal(b"a", b"b")
    assert block(reader.read(coded)) == coded


def test_what_is_forgotten_is_read_again_with_the_table_as_it_was(reader: Reader) -> None:
    assert reader.read(A_B) == reader.read(NEWEST)
    reader.forget_all()
    assert reader.read(NEWEST) == ((b"a", b"b"),)
