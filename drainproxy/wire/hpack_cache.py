"""A cache of short HPACK blocks: a request often differs from the one before it only in a field
that we do not read, and in the indexes of all others, which that field has shifted.

A block is translated to numbers, one byte for each field, and these are the key of the cache. The
meaning of an index is looked up by `bytes.translate`, and no list is made of fields that we do not
read.
"""

from collections.abc import Callable, Hashable
from functools import cache

from drainproxy.wire.hpack import (
    FIRST_DYNAMIC,
    HEADS_ONLY,
    ONE_BYTE_FIELDS,
    OTHERS,
    STATIC_LENGTH,
    TRACED,
    Entry,
    Fields,
    HeaderField,
    HpackError,
    HpackReader,
    Matters,
    Read,
    spelt,
    static_table,
)
from drainproxy.wire.memory import Memory

# The numbers: a field that does not matter; the entries of the static table by their indexes;
# those of the dynamic one that matter, in turn; one that names a trace; one that matters in
# trailers; a field spelt out; no entry at all.
_OTHER, _FIRST_TURN, _TRACED = 0, STATIC_LENGTH + 1, 0xFC
_HEADS_ONLY, _SPELT, _NO_ENTRY = 0xFD, 0xFE, 0xFF
_OTHER_SAID, _TRACED_SAID, _SPELT_SAID = bytes((_OTHER,)), bytes((_TRACED,)), bytes((_SPELT,))
# What stands for a field has one number for all of them.
_FIXED = {_OTHER: OTHERS, _TRACED: TRACED, _HEADS_ONLY: HEADS_ONLY}

# In bytes. Fields of a longer block may be too many, which is for others to judge. It is shorter
# than there are turns, so that no number can change its meaning within a block.
MOST_QUICK = 100
# In bytes, for each reader: some 30 usual heads. And what a block or a head takes beside the bytes
# that it is made of, which may be few: the objects that hold them, and what was understood.
_ROOM_FOR_KNOWN, _WEIGHT_OF_HEAD = 16384, 350
# Each byte of a block that is a part of a string stands for less than two.
_EXPANSION = 2
# Of what was read already.
_NO_LIMIT = 1 << 31


@cache
def _static_numbers(matters: Matters) -> tuple[bytes, dict[int, HeaderField]]:
    numbers, seen = bytearray((_NO_ENTRY,)) * 256, _FIXED.copy()
    static = static_table(matters)[-STATIC_LENGTH:]
    for number, (field, _, _, _) in enumerate(static, 1):
        at = FIRST_DYNAMIC - STATIC_LENGTH + number - 1
        numbers[at] = _OTHER if field is OTHERS else number
        seen[number] = field
    return bytes(numbers), seen


class CachingReader(HpackReader[Read]):
    """Reads what HpackReader reads. After a block read at a glance there are no `fields` to be had,
    unless `keep_fields` was called."""

    __slots__ = (
        "_gone",
        "_heaviest",
        "_known",
        "_longest",
        "_most",
        "_numbers",
        "_seen",
        "_static",
        "_trace",
        "_turn",
    )

    def __init__(
        self,
        max_list_size: int,
        understand: Callable[[Fields], Read],
        matters: Matters,
        most_fields: int = MOST_QUICK,
        too_long: Read | None = None,
    ) -> None:
        super().__init__(max_list_size, understand, matters, too_long)
        # A shorter block has no more fields than that.
        self._most = min(MOST_QUICK, most_fields)
        # What no field in the table weighs more than, in bytes.
        self._heaviest = max(entry[1] for entry in self._table)
        numbers, self._static = _static_numbers(matters)
        # The number of the entry that a byte is the index of; and what those given in turn mean.
        self._numbers = bytearray(numbers)
        self._seen: dict[int, HeaderField] = {}
        # Numbers without an index, which the block being read may still have used.
        self._gone: set[int] = set()
        self._turn = _FIRST_TURN
        # By the numbers, and the fields that were spelt out: with what those fields weigh.
        self._known = Memory[Hashable, tuple[Read, int]](_ROOM_FOR_KNOWN)
        # The block that had a field TRACED spelt out, and this field.
        self._trace: tuple[bytes, Entry] | None = None
        # The longest block that is read at a glance.
        self._longest = 0
        self._set_longest()

    def forget(self) -> None:
        """Keep nothing of the block that was read last."""
        super().forget()
        self._trace = None
        self._forget_gone()

    def forget_all(self) -> None:
        """Keep nothing but the table."""
        super().forget_all()
        self._known.forget()

    def trace(self, block: bytes) -> Entry | None:
        """The field for which TRACED stands in the block that was read last; None if there is none,
        or if it has left the table since."""
        if self._entries is None and self._trace is not None and self._trace[0] is block:
            return self._trace[1]
        known = self._blocks.get(block)
        if not self.recover_fields(block):
            return None
        entries = self._entries
        assert entries is not None
        if known is not None and known[0] is None:
            # It may come again and again.
            weight = len(block) + sum([entry[1] for entry in entries])
            self._blocks.keep(block, (entries, known[1]), weight)
        return next((entry for entry in entries if entry[0] is TRACED), None)

    def recover_fields(self, block: bytes) -> bool:
        """Read the block that was read last once more, if it was read at a glance: whether there
        are `fields` now. There are none if one of them has left the table since."""
        if self._entries is None:
            try:
                # As the table is now the fields are others, but as many of them are put into it.
                added = len(self._reread(block, self._table)._table) - len(self._table)
                before = self._table[:FIRST_DYNAMIC] + self._table[FIRST_DYNAMIC + added :]
                self._entries = self._reread(block, before)._entries
            except HpackError:
                return False
        return True

    def _reread(self, block: bytes, table: list[Entry]) -> HpackReader[Fields]:
        reader = HpackReader[Fields](_NO_LIMIT, lambda fields: fields, self._matters)
        reader._table, reader._max_size = table.copy(), _NO_LIMIT
        reader.read(block)
        return reader

    def keep_fields(self) -> None:
        """From now on the fields of each block are wanted."""
        self._longest = -1
        self.spells = True
        self.last_block = None
        self._blocks.forget()
        self._table[:] = [(*entry[:2], spelt(entry), False) for entry in self._table]

    def _set_longest(self) -> None:
        """So short that what its fields weigh need not be summed up."""
        heaviest = self._heaviest + _EXPANSION * MOST_QUICK
        self._longest = min(self._most, self._max_list_size // heaviest)

    def _read(self, block: bytes) -> Read:
        length = len(block)
        if self._gone:
            self._forget_gone()
        # 6.3: the first bits of a size update are 001.
        if length > self._longest or b"\x20" <= block < b"\x40" or self._owed is not None:
            return super()._read(block)
        self._steady = True
        at, said = 0, b""
        spelt: list[HeaderField] = []
        while at < length:
            rest = block[at:].lstrip(ONE_BYTE_FIELDS)
            end = length - len(rest)
            said += block[at:end].translate(self._numbers)
            at = end
            if rest:
                entry, at = self._long_field(block, at)
                if (seen := entry[0]) is OTHERS:
                    said += _OTHER_SAID
                elif seen is TRACED:
                    said += _TRACED_SAID
                    self._trace = block, entry
                else:
                    said += _SPELT_SAID
                    spelt.append(seen)
        self._entries = None
        key = (said, *spelt) if spelt else said
        known = self._known.get(key)
        if known is None:
            known = self._learn(key, said, spelt)
        if self._steady:
            self._blocks.keep(block, (None, known[0]), length + known[1])
        return known[0]

    def _learn(self, key: Hashable, said: bytes, spelt: list[HeaderField]) -> tuple[Read, int]:
        if _NO_ENTRY in said:
            raise HpackError("an index out of range")
        words = iter(spelt)
        seen = self._static | self._seen
        fields = tuple([next(words) if number == _SPELT else seen[number] for number in said])
        weight = sum([len(name) + len(value) for name, value in fields])
        known = self._understand(fields), weight + _WEIGHT_OF_HEAD
        self._known.keep(key, known, len(said) + known[1])
        return known

    def _insert(self, entry: Entry) -> None:
        seen, weight, _, _ = entry
        if weight > self._heaviest:
            self._heaviest = weight
            if self._longest >= 0:
                self._set_longest()
        table, numbers = self._table, self._numbers
        table.insert(FIRST_DYNAMIC, entry)
        numbers.insert(FIRST_DYNAMIC, _OTHER if seen is OTHERS else self._next_number(seen))
        if (gone := numbers.pop()) < _SPELT:
            self._lose(gone)
        size = self._size + weight
        while size > self._max_size:
            size -= table.pop()[1]
            if (last := len(table)) < len(numbers):
                if (gone := numbers[last]) != _OTHER:
                    self._lose(gone)
                numbers[last] = _NO_ENTRY
        self._size = size
        self._steady = False
        if self._blocks:
            self._blocks.forget()

    def _next_number(self, seen: HeaderField) -> int:
        """The turn of a number comes again: what was said with it may mean something else."""
        if seen is HEADS_ONLY or seen is TRACED:
            return _HEADS_ONLY if seen is HEADS_ONLY else _TRACED
        number = self._turn
        self._turn = number + 1 if number + 1 < _TRACED else _FIRST_TURN
        self._seen[number] = seen
        self._gone.discard(number)
        self._known.forget()
        return number

    def _lose(self, number: int) -> None:
        if _FIRST_TURN <= number < _TRACED:
            self._gone.add(number)

    def _forget_gone(self) -> None:
        for number in self._gone:
            del self._seen[number]
        self._gone.clear()

    def _resize(self, size: int) -> None:
        super()._resize(size)
        for place in range(len(self._table), len(self._numbers)):
            self._lose(self._numbers[place])
            self._numbers[place] = _NO_ENTRY
