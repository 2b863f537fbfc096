"""Another decoder beside ours: hpack takes what we take, sees the same, keeps the same."""

import re
from collections.abc import Iterable

import pytest
from hpack import (
    Decoder,
    Encoder,
    HPACKDecodingError,
    NeverIndexedHeaderTuple,
)
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire.hpack import HeaderField, HpackError, HpackReader, NeverIndexed, block, literal
from tests.cases import dear
from tests.conftest import well_formed
from tests.wire.drawn import pieces
from tests.wire.hpack_blocks import (
    SUSPECTS,
    conversations,
    good_blocks,
    mutated,
    names,
    number,
    sizes,
    values,
)

MOST = 1000  # two large entries of the default table come near it
STATIC_FIELDS = 61
TOO_MANY_SIZES = re.compile(rb"(?:[\x20-\x3e]|\x3f[\x80-\xff]*[\0-\x7f]){17}")


def seen(fields: Iterable[HeaderField]) -> list[tuple[HeaderField, bool]]:
    """Fields, and whether they must never be indexed."""
    never = (NeverIndexed, NeverIndexedHeaderTuple)
    return [((field[0], field[1]), isinstance(field, never)) for field in fields]


class Pair:
    """Our reader and hpack's decoder, each fed with all blocks of one direction."""

    def __init__(self) -> None:
        self.ours = HpackReader(MOST, tuple)
        self.theirs = Decoder(MOST)
        self.owed = False

    def allow(self, size: int) -> None:
        self.ours.allow(size)
        self.theirs.max_allowed_table_size = size
        self.owed = self.owed or size < self.theirs.header_table_size

    def read(self, coded: bytes) -> tuple[HeaderField, ...] | None:
        """The same for both, or None if they refuse the block."""
        try:
            self.ours.read(coded)
        except HpackError:
            # hpack minds neither a smaller size that comes late nor any number of sizes.
            if not self.owed and not TOO_MANY_SIZES.match(coded):
                # Of two faults in a block each may name another.
                with pytest.raises(HPACKDecodingError):
                    self.theirs.decode(coded, raw=True)
            return None
        assert seen(self.theirs.decode(coded, raw=True)) == seen(self.ours.fields)
        self.owed = False
        return self.ours.fields

    def keep_the_same(self) -> None:
        entries = list(self.theirs.header_table.dynamic_entries)
        coded = [
            number(index, 7, 0x80)
            for index in range(STATIC_FIELDS + 1, STATIC_FIELDS + 1 + len(entries))
        ]
        assert [field for one in coded for field in self.ours.read(one)] == entries
        with pytest.raises(HpackError):
            self.ours.read(number(STATIC_FIELDS + 1 + len(entries), 7, 0x80))


@dear
@given(conversations())
@example([b"\x40\x01a\x01b", b"\xbe", b"\x40\x01a\x01c", b"\xbe"])
def test_blocks_are_taken_and_refused_and_kept_as_by_hpack(blocks: list[bytes]) -> None:
    pair = Pair()
    if all(pair.read(coded) is not None for coded in blocks):
        pair.keep_the_same()


@dear
@given(st.lists(sizes | good_blocks | mutated, min_size=1, max_size=12))
@example([80, b"\x3f\x31\x82"])
@example([80, 4096, b"\x3f\x31\x3f\xe1\x1f\x82"])
def test_whatever_table_is_allowed_hpack_takes_what_we_take(events: list[int | bytes]) -> None:
    pair = Pair()
    for event in events:
        if isinstance(event, int):
            pair.allow(event)
        elif pair.read(event) is None:
            return
    if not pair.owed:
        pair.keep_the_same()


steps = st.tuples(
    # hpack announces one by one what it was told, though less may be allowed by then.
    st.lists(sizes, max_size=3).map(sorted),
    st.lists(st.tuples(names, values.filter(lambda v: len(v) < 99), st.booleans()), max_size=6),
    st.booleans(),
)


@well_formed
@given(st.lists(steps, max_size=8))
def test_whatever_hpack_writes_is_read_as_it_was_meant(
    steps: list[tuple[list[int], list[tuple[bytes, bytes, bool]], bool]],
) -> None:
    encoder, pair = Encoder(), Pair()
    for changes, fields, is_huffman in steps:
        for size in changes:
            # hpack forgets to announce a size that is set twice.
            if size != encoder.header_table_size:
                encoder.header_table_size = size
                pair.allow(size)
        coded = encoder.encode(fields, huffman=is_huffman)
        assert pair.read(coded) == tuple(field[:2] for field in fields)
    pair.keep_the_same()


@well_formed
@given(st.lists(st.tuples(names, values), max_size=6), st.none() | sizes)
def test_hpack_reads_what_we_write_and_keeps_nothing_of_it(
    fields: list[HeaderField], table_size: int | None
) -> None:
    decoder = Decoder()
    decoder.max_allowed_table_size = 4096 if table_size is None else table_size
    assert decoder.decode(block(fields, table_size), raw=True) == fields
    assert not decoder.header_table.dynamic_entries


@well_formed
@given(conversations(), names, values)
def test_a_literal_at_the_end_of_a_block_is_one_more_field_and_changes_nothing_else(
    blocks: list[bytes], name: bytes, value: bytes
) -> None:
    plain, appended = HpackReader(4 * MOST, tuple), HpackReader(5 * MOST, tuple)
    for coded in blocks:
        try:
            fields = plain.read(coded)
        except HpackError:
            return
        assert appended.read(coded + literal(name, value)) == (*fields, (name, value))


@well_formed
@given(conversations())
def test_a_block_written_anew_says_the_same_to_who_missed_the_others(blocks: list[bytes]) -> None:
    reader = HpackReader(MOST, tuple)
    for coded in blocks:
        try:
            fields = reader.read(coded)
        except HpackError:
            return
        assert seen(HpackReader(MOST, tuple).read(block(fields))) == seen(fields)


@given(st.binary(max_size=60) | pieces(SUSPECTS, 30))
@example(b"\x20" * 17)
def test_noise_is_never_worse_than_refused(noise: bytes) -> None:
    Pair().read(noise)
