"""A block that is read at a glance says the same as one that is read field by field."""

import sys
import tracemalloc
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire.hpack import (
    HEADS_ONLY,
    OTHERS,
    TRACED,
    Fields,
    HeaderField,
    HpackError,
    HpackReader,
    literal,
    spelt,
)
from drainproxy.wire.hpack_cache import MOST_QUICK, CachingReader
from tests.cases import dear
from tests.conftest import well_formed
from tests.wire.drawn import among
from tests.wire.hpack_blocks import conversations, good_blocks, huffman, number, sizes

# Two large entries of the default table come near the first one.
limits = st.sampled_from([1000, 20000, 65536])
KEEP = "from now on the fields are wanted"
# Entries of the dynamic table by their age: the newest is 62.
NEWEST = 62


def is_pseudo(name: bytes) -> bool:
    return name[:1] == b":"


def matters(name: bytes) -> bool | HeaderField:
    if name == b"c":
        return TRACED
    return HEADS_ONLY if name in (b"cookie", b"d") else is_pseudo(name)


def readers(most: int = 65536) -> tuple[HpackReader[Fields], CachingReader[Fields]]:
    return HpackReader(most, tuple, matters), CachingReader(most, tuple, matters)


def index(place: int) -> bytes:
    return number(place, 7, 0x80)


def indexed(name: bytes, value: bytes) -> bytes:
    """A field with incremental indexing, its value in Huffman code."""
    coded = huffman(value)
    return b"\x40" + literal(b"", name)[2:] + number(len(coded), 7, 0x80) + coded


def said(reader: HpackReader[Fields], coded: bytes) -> Fields | int:
    """What the block says, or the code of its refusal."""
    try:
        return reader.read(coded)
    except HpackError as error:
        return error.code


def said_of(reader: HpackReader[Fields], coded: bytes) -> Fields | int:
    """The same for one who reads no block twice in a row."""
    return reader.last_read if coded == reader.last_block else said(reader, coded)


@dear
@given(st.lists(conversations() | sizes | st.just(KEEP), min_size=1, max_size=4), limits)
@example([[b"\x40\x02:a\x01b", b"\xbe", b"\x40\x01a\x01c", b"\xbf", b"\xc0"]], 1000)
def test_both_say_the_same_and_refuse_the_same(
    events: list[list[bytes] | int | str], most: int
) -> None:
    thorough, quick = readers(most)
    kept = False
    for event in events:
        if isinstance(event, int):
            thorough.allow(event)
            quick.allow(event)
        elif isinstance(event, str):
            quick.keep_fields()
            kept = True
        else:
            for coded in event:
                expected = said(thorough, coded)
                assert said_of(quick, coded) == expected
                if isinstance(expected, int):
                    return
                if kept:
                    assert quick.fields == thorough.fields


@pytest.mark.parametrize("change", ["allow", "keep_fields", "forget", "forget_all"])
def test_the_last_block_has_to_be_read_again_once_it_may_say_something_else(change: str) -> None:
    _, quick = readers()
    for _ in range(2):
        quick.read(b"\x82")
    assert quick.last_block == b"\x82"
    assert quick.last_read == ((b":method", b"GET"),)
    getattr(quick, change)(*[10] * (change == "allow"))
    assert quick.last_block is None


def test_a_block_that_changes_the_table_has_to_be_read_each_time() -> None:
    for reader in readers():
        for _ in range(3):
            reader.read(indexed(b":a", b"b"))
            assert reader.last_block is None


@well_formed
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b":a", b":b", b"c", b"d"]),
            among(b"0123456789abcdef-\r", 40),
            among(range(71), 6),
        ),
        min_size=40,
        max_size=120,
    ),
    st.integers(0, 3),
)
def test_whatever_a_long_conversation_has_shifted_and_driven_out(
    requests: list[tuple[bytes, bytes, bytes]], before: int
) -> None:
    thorough, quick = readers()
    for name, value, ages in requests:
        references = [index(NEWEST + age) for age in ages]
        coded = b"".join([*references[:before], indexed(name, value), *references[before:]])
        expected = said(thorough, coded)
        assert said(quick, coded) == expected
        if isinstance(expected, int):
            return
    quick.keep_fields()
    entries = 0
    while not isinstance(said(thorough, index(NEWEST + entries)), int):
        assert quick.read(index(NEWEST + entries)) == thorough.read(index(NEWEST + entries))
        # What was only measured is spelt now.
        assert quick.fields == thorough.fields
        entries += 1
    assert isinstance(said(quick, index(NEWEST + entries)), int)


@pytest.mark.amount
def test_a_number_that_comes_again_means_the_newer_field() -> None:
    thorough, quick = readers()
    for request in range(1000):
        coded = indexed(b":a", b"%d" % request) + index(NEWEST + min(request, 60)) + b"\x82"
        assert quick.read(coded) == thorough.read(coded)
        assert quick.read(index(NEWEST)) == ((b":a", b"%d" % request),)


def test_numbers_may_come_again_within_a_long_block() -> None:
    thorough, quick = readers()
    for turn in range(3):
        coded = b"".join(indexed(b":a", b"%d-%d" % (turn, entry)) for entry in range(500))
        assert quick.read(coded) == thorough.read(coded)
        for age in range(50):
            assert quick.read(index(NEWEST + age)) == thorough.read(index(NEWEST + age))
            quick.read(indexed(b":b", b"%d" % age))
            thorough.read(indexed(b":b", b"%d" % age))


@pytest.mark.amount
@pytest.mark.parametrize("room", [4096, 65536])
def test_what_is_kept_is_bounded_whatever_was_named(room: int) -> None:
    def kept() -> int:
        quick = CachingReader(
            2 * room, lambda fields: b"".join(value for _, value in fields), is_pseudo
        )
        quick.allow(room)
        quick.read(number(room, 5, 0x20))
        tracemalloc.start()
        for entry in range(200):
            # Too large for the table, and as large as fits.
            quick.read(literal(b":a", b"x" * (room + 1 + entry)).replace(b"\0", b"\x40", 1))
            quick.read(literal(b":a", b"x" * (room - 100 - entry)).replace(b"\0", b"\x40", 1))
            for first in range(0x82, 0x88 if entry % 40 == 0 else 0x83):
                for second in range(0x82, 0x88):
                    quick.read(bytes((first, second)) + index(NEWEST))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    assert kept() < 8 * room + 200_000


def test_what_a_block_drove_out_of_the_table_can_be_forgotten_with_it() -> None:
    """The block itself may have named it, so it is kept until the next one otherwise."""
    quick = CachingReader(65536, tuple, is_pseudo)
    large = literal(b":a", b"x" * 5000).replace(b"\0", b"\x40", 1)
    value = quick.read(large)[0][1]
    kept = sys.getrefcount(value)
    quick.forget()
    assert sys.getrefcount(value) < kept
    # Here, and as the argument.
    assert sys.getrefcount(value) <= 2
    assert quick.read(large) == ((b":a", b"x" * 5000),)


def test_an_index_is_out_of_range_once_its_entry_was_driven_out() -> None:
    _, quick = readers()
    quick.read(indexed(b":old", b"x"))
    assert quick.read(index(NEWEST)) == ((b":old", b"x"),)
    for _ in range(4):
        quick.read(indexed(b"new", b"y" * 1000))
    with pytest.raises(HpackError, match="out of range"):
        quick.read(index(NEWEST + 4))


def test_an_index_is_out_of_range_once_the_table_was_made_smaller() -> None:
    _, quick = readers()
    quick.read(indexed(b":old", b"x"))
    quick.read(b"\x20\x82")
    with pytest.raises(HpackError, match="out of range"):
        quick.read(index(NEWEST))


def test_a_block_is_understood_once_whatever_is_new_in_it_that_matters_to_nobody() -> None:
    understood: list[Fields] = []
    quick = CachingReader(65536, understood.append, is_pseudo)
    for request in range(10):
        quick.read(b"\x82" + indexed(b"x-request-id", b"%d" % request))
    # What is made of them is None, which nobody can tell from nothing known.
    assert set(understood) == {((b":method", b"GET"), OTHERS)}
    understood.clear()

    def understand(fields: Fields) -> int:
        understood.append(fields)
        return len(understood)

    counting = CachingReader(65536, understand, is_pseudo)
    for request in range(10):
        assert counting.read(b"\x82" + indexed(b"x-request-id", b"%d" % request)) == 1


def test_a_table_that_is_larger_than_the_indexes_of_one_byte_can_be_made_smaller() -> None:
    thorough, quick = readers()
    for reader in thorough, quick:
        reader.allow(65536)
        reader.read(number(65536, 5, 0x20))
        for entry in range(300):
            reader.read(indexed(b":a", b"%d" % entry))
        reader.read(number(15000, 5, 0x20))
    for age in 0, 64, 65, 200:
        assert quick.read(index(NEWEST + age)) == thorough.read(index(NEWEST + age))


def test_once_fields_are_wanted_they_are_whatever_is_indexed() -> None:
    _, quick = readers()
    quick.keep_fields()
    quick.read(indexed(b":a", b"x" * 200))
    assert quick.read(index(NEWEST)) == quick.fields == ((b":a", b"x" * 200),)


@well_formed
@given(good_blocks)
def test_fields_of_a_long_block_are_there_and_of_a_short_one_only_if_wanted(coded: bytes) -> None:
    _, quick = readers()
    if isinstance(said(quick, coded), int):
        return
    if len(coded) > MOST_QUICK:
        assert len(quick.fields) == len(quick.read(coded))
    elif coded and not 0x20 <= coded[0] < 0x40:
        with pytest.raises(AssertionError):
            _ = quick.fields


def test_of_more_combinations_than_are_kept_each_is_still_read() -> None:
    thorough, quick = readers()
    for first in range(0x81, 0x90):
        for second in range(0x81, 0x90):
            coded = bytes((first, second))
            assert quick.read(coded) == thorough.read(coded)


@pytest.mark.parametrize("most", [1, 5, 40, 1000])
def test_the_fields_of_a_block_that_may_have_too_many_are_there(most: int) -> None:
    # Index 2 of the static table (RFC 7541, appendix A).
    coded = index(2) * (min(most, MOST_QUICK) + 1)
    quick = CachingReader(65536, tuple, is_pseudo, most)
    # Twice, since a block that comes again is remembered.
    for _ in range(2):
        quick.read(coded)
        assert quick.fields == ((b":method", b"GET"),) * len(coded)


def test_fields_are_kept_of_a_long_block_or_where_they_are_wanted() -> None:
    _, reader = readers()
    value = b"y" * 2 * MOST_QUICK
    reader.read(indexed(b"x", b"y"))
    with pytest.raises(AssertionError, match="not kept"):
        assert reader.fields
    kept = []
    reader.read(indexed(b"x", value))
    kept.append(reader.fields)
    reader.keep_fields()
    reader.read(indexed(b"x", b"y"))
    kept.append(reader.fields)

    assert kept == [((b"x", value),), ((b"x", b"y"),)]


def test_what_is_forgotten_is_understood_anew_with_the_table_as_it_was() -> None:
    understood: list[Fields] = []

    def understand(fields: Fields) -> Fields:
        understood.append(fields)
        return fields

    quick = CachingReader(65536, understand, is_pseudo)
    entry = ((b":a", b"b"),)
    quick.read(indexed(*entry[0]))
    for _ in range(2):
        assert quick.read(index(NEWEST)) == entry
    before = len(understood)
    quick.forget_all()
    for _ in range(2):
        assert quick.read(index(NEWEST)) == entry
    assert understood[before:] == [entry]


@well_formed
@given(st.lists(conversations(), min_size=1, max_size=4))
@example([[indexed(b":a", b"b"), index(NEWEST) + indexed(b"c", b"d") + index(NEWEST)]])
def test_fields_of_a_block_read_at_a_glance_can_be_recovered(blocks: list[list[bytes]]) -> None:
    thorough, quick = readers()
    for coded in chain.from_iterable(blocks):
        if isinstance(said(thorough, coded), int):
            return
        said(quick, coded)
        if quick.recover_fields(coded):
            assert quick.fields == thorough.fields


def test_fields_cannot_be_recovered_where_one_of_them_has_left_the_table() -> None:
    """RFC 7541 4.4"""
    _, quick = readers()
    for name in b"a", b"b", b"c", b"d":
        quick.read(indexed(name, b"x" * 985))
    oldest = index(NEWEST + 3)
    quick.read(oldest)
    assert quick.recover_fields(oldest)
    coded = oldest + indexed(b"e", b"y" * 30)
    quick.read(coded)
    assert not quick.recover_fields(coded)
    quick.read(index(NEWEST))
    assert quick.recover_fields(index(NEWEST)), "nothing is lost for those that follow"
    assert quick.fields == ((b"e", b"y" * 30),)
    quick.read(long := indexed(b"f", b"z" * 985))
    assert quick.recover_fields(long), "of a long block they have been kept"


@well_formed
@given(st.lists(conversations(), min_size=1, max_size=4))
@example([[indexed(b"c", b"1"), index(NEWEST), indexed(b"c", b"2") + index(NEWEST + 1)]])
@example([[indexed(b"c", b"1"), indexed(b"x", b"y"), index(NEWEST + 1), index(NEWEST + 1)]])
def test_a_trace_is_that_of_its_own_block(blocks: list[list[bytes]]) -> None:
    thorough, quick = readers()
    for each in chain.from_iterable(blocks):
        # As they come from a connection, no two are the same object.
        coded = bytes(bytearray(each))
        if isinstance(said(thorough, coded), int):
            return
        traced = TRACED in quick.read(coded)
        entry = quick.trace(coded)
        if entry is not None:
            assert spelt(entry) in [field for field in thorough.fields if field[0] == b"c"]
        else:
            assert not traced or not quick.recover_fields(coded)


def test_the_trace_of_a_block_that_comes_again_is_found_once() -> None:
    _, quick = readers()
    quick.read(indexed(b"c", b"1"))
    for _ in range(2):
        quick.read(index(NEWEST))
        assert (found := quick.trace(index(NEWEST))) is not None
        assert spelt(found) == (b"c", b"1")
    quick.read(index(NEWEST))
    assert quick.fields == ((b"c", b"1"),), "they are kept with the block"


def test_a_trace_that_has_left_the_table_is_not_told() -> None:
    """RFC 7541 4.4: its own block has driven it out."""
    _, quick = readers()
    for name in b"c", b"a", b"b", b"e":
        quick.read(indexed(name, b"x" * 985))
    coded = index(NEWEST + 3) + indexed(b"f", b"y" * 30)
    assert TRACED in quick.read(coded)
    assert quick.trace(coded) is None
