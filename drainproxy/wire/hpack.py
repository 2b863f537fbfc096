"""HPACK (RFC 7541): header blocks read as they pass, and blocks of our own that need no state.

A reader follows one direction of a connection and has to see every block of it, in order. What is
written here refers to the static table only: it means the same wherever it stands, and changes no
one's table.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Generic, TypeVar, cast

from drainproxy.wire import huffman
from drainproxy.wire.http2 import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, Http2Error
from drainproxy.wire.memory import Memory

HeaderField = tuple[bytes, bytes]
Fields = tuple[HeaderField, ...]
Matters = Callable[[bytes], bool | HeaderField]


class HpackError(Http2Error):
    """A block that cannot be read. The state is lost with it, and so is the connection (RFC 9113
    4.3)."""

    def __init__(self, reason: str, code: int = COMPRESSION_ERROR) -> None:
        super().__init__(code, reason)


class NeverIndexed(HeaderField):
    """A field that no hop may put into a table (6.2.3); equal to a plain one."""

    __slots__ = ()


# A list too long is read up to so many times the limit, to be answered; so many fields are kept.
READ_FOR_AN_ANSWER, _MOST_TOLD = 2, 100

# Appendix A, from index 1 on.
_STATIC_FIELDS: list[HeaderField] = [
    *((b":authority", b""), (b":method", b"GET"), (b":method", b"POST"), (b":path", b"/")),
    *((b":path", b"/index.html"), (b":scheme", b"http"), (b":scheme", b"https")),
    *((b":status", status) for status in b"200 204 206 304 400 404 500".split()),
    *((b"accept-charset", b""), (b"accept-encoding", b"gzip, deflate")),
    *(
        (name, b"")
        for name in (
            b"accept-language accept-ranges accept access-control-allow-origin age allow "
            b"authorization cache-control content-disposition content-encoding content-language "
            b"content-length content-location content-range content-type cookie date etag expect "
            b"expires from host if-match if-modified-since if-none-match if-range "
            b"if-unmodified-since last-modified link location max-forwards proxy-authenticate "
            b"proxy-authorization range referer refresh retry-after server set-cookie "
            b"strict-transport-security transfer-encoding user-agent vary via www-authenticate"
        ).split()
    ),
]

# 4.1 and RFC 9113 6.5.2: what a field weighs, over the bytes of its name and its value.
_OVERHEAD = 32
# RFC 9113 6.5.2: SETTINGS_HEADER_TABLE_SIZE until another one is agreed.
_DEFAULT_TABLE_SIZE = 4096

# 6: the first byte of a field is a pattern and the beginning of an integer, whose bits are given
# by the mask; a mask that is filled with ones says that the integer goes on (5.1).
_INDEXED, _INDEXED_MASK = 0x80, 0x7F
_INCREMENTAL, _INCREMENTAL_MASK = 0x40, 0x3F
_SIZE_UPDATE, _SIZE_MASK = 0x20, 0x1F
_NEVER_INDEXED = 0x10
_LITERAL_MASK = 0x0F
_HUFFMAN, _LENGTH_MASK = 0x80, 0x7F  # 5.2, for strings
# Enough for 32 bits under any mask.
_MOST_MORE_BYTES = 5
# 4.2 has use for two in a row; some write one for each change of the setting.
_MOST_SIZE_UPDATES = 16

# What a field is that is one byte and no more (6.1).
ONE_BYTE_FIELDS = bytes(range(_INDEXED + 1, 0xFF))

# A table is one list for the whole address space (2.3.3): the static fields, then the dynamic
# ones, the newest first. An index stands in it where the byte that is this index does, for most
# fields are such a byte. An entry is what whoever reads the blocks gets to see of a field, what the
# field weighs, the field, and whether the value of that is in Huffman code still.
Entry = tuple[HeaderField, int, HeaderField, bool]
STATIC_LENGTH = len(_STATIC_FIELDS)
FIRST_DYNAMIC = _INDEXED + STATIC_LENGTH + 1

Read = TypeVar("Read")


# For each reader: some 30 usual blocks; a bearer token and other strings beside it, each of which
# takes a place and two objects.
_ROOM_FOR_BLOCKS, _ROOM_FOR_STRINGS, _WEIGHT_OF_STRING = 16384, 12288, 150

# Stand among the fields that matter for one that does not, for one that does so in trailers alone,
# and for one that names a trace. No peer can send them: they are no bytes.
OTHERS, HEADS_ONLY, TRACED = (cast(HeaderField, (word, "")) for word in ("", "head", "trace"))


@cache
def static_table(matters: Matters) -> list[Entry]:
    table = [(OTHERS, 0, OTHERS, False)] * (_INDEXED + 1)
    for field in _STATIC_FIELDS:
        says = matters(field[0])
        seen = field if says is True else says or OTHERS
        table.append((seen, len(b"".join(field)) + _OVERHEAD, field, False))
    return table


class HpackReader(Generic[Read]):
    """The header blocks of one direction of a connection.

    `max_list_size`: the most that the fields of a block may weigh in bytes, 32 for each included
    (RFC 9113 10.5.1); without a limit a block of 64 KB can name 256 MB. Of a block beyond it `read`
    returns `too_long` if that is given, so that it can be answered; `fields` are then its first.

    `matters` is asked once for the name of each field: whether the field matters, as does any value
    that is_raw, or what stands for it. `understand` makes what `read` returns of all these, and is
    cached with the block: a new field that does not matter costs no more than its length.
    `fields` are those of the last block. A block equal to `last_block` need not be read: it says
    `last_read` once more. After an HpackError nothing can be read any more.
    """

    __slots__ = (
        "_blocks",
        "_entries",
        "_last",
        "_limit",
        "_matters",
        "_max_list_size",
        "_max_size",
        "_most_read",
        "_owed",
        "_size",
        "_steady",
        "_strings",
        "_table",
        "_too_long",
        "_understand",
        "last_block",
        "last_read",
        "spells",
    )

    def __init__(
        self,
        max_list_size: int,
        understand: Callable[[Fields], Read],
        matters: Matters = lambda name: True,
        too_long: Read | None = None,
    ) -> None:
        self._max_list_size = max_list_size
        self._most_read = max_list_size * (1 if too_long is None else READ_FOR_AN_ANSWER)
        self._too_long = too_long
        self._understand = understand
        self._matters = matters
        self._entries: list[Entry] | None = []
        # What was seen last, and what it was understood to be: clients repeat themselves.
        self._last: tuple[list[HeaderField], Read] | None = None
        self.last_block: bytes | None = None
        self.last_read: Read
        self._table = static_table(matters).copy()
        self._size = 0  # what the dynamic entries weigh
        self._max_size = _DEFAULT_TABLE_SIZE  # the most that they may, as the sender has chosen it
        self._limit = _DEFAULT_TABLE_SIZE  # the most that it may choose
        self._owed: int | None = None  # the most that it has to choose before anything else
        # Fields that do not matter are spelt out at once, since all are asked for again and again.
        self.spells = False
        self._steady = True  # whether the block being read has left the table alone so far
        self._blocks = Memory[bytes, tuple[list[Entry] | None, Read]](_ROOM_FOR_BLOCKS)
        self._strings = Memory[bytes, bytes](_ROOM_FOR_STRINGS)

    @property
    def fields(self) -> Fields:
        """All fields of the block that was read last."""
        assert self._entries is not None, "they were not kept"
        return tuple([spelt(entry) for entry in self._entries])

    @property
    def table_size(self) -> int:
        """The most that the sender's table may weigh now, in bytes."""
        return self._max_size

    def forget(self) -> None:
        """Keep nothing of the block that was read last."""
        self._entries, self._last, self.last_block = [], None, None

    def forget_all(self) -> None:
        """Keep nothing but the table: what was read already is read anew when it comes again."""
        self.forget()
        self._blocks.forget()
        self._strings.forget()

    def allow(self, size: int) -> None:
        """The receiver's SETTINGS_HEADER_TABLE_SIZE, as soon as the sender has acknowledged it.

        A sender whose table may be larger than that must begin its next block with a smaller size,
        even if more is allowed again by then (4.2).
        """
        self._limit = size
        if size < self._max_size:
            self._owed = size if self._owed is None else min(size, self._owed)
            self._blocks.forget()
            self.last_block = None

    def read(self, block: bytes) -> Read:
        """What a whole block says. HpackError tells what is wrong with it."""
        blocks = self._blocks
        # An empty one is not worth the hashing of the block: what was indexed has emptied it.
        if blocks and (known := blocks.get(block)) is not None:
            self._entries, self.last_read = known
            self.last_block = block
            return self.last_read
        self.last_block = None
        try:
            return self._read(block)
        except huffman.HuffmanError as error:
            raise HpackError(str(error)) from None
        except IndexError:
            raise HpackError("a block ends inside a field") from None

    def _read(self, block: bytes) -> Read:
        self._steady = True
        table = self._table
        at, end = 0, len(block)
        # 6.3: the first bits of a size update are 001.
        if b"\x20" <= block < b"\x40" or self._owed is not None:
            at = self._size_updates(block)
        entries: list[Entry] = []
        # 4.1: each field weighs its overhead at least, so more of them need not be read.
        most = self._most_read // _OVERHEAD
        while at < end and len(entries) <= most:
            if not _INDEXED < block[at] < 0xFF:
                entry, at = self._long_field(block, at)
                entries.append(entry)
                continue
            rest = block[at:].lstrip(ONE_BYTE_FIELDS)
            try:
                entries += [table[byte] for byte in block[at : end - len(rest)]]
            except IndexError:
                raise HpackError("an index out of range") from None
            at = end - len(rest)
            if rest:
                entry, at = self._long_field(block, at)
                entries.append(entry)
        weight = sum([entry[1] for entry in entries])
        if weight > self._max_list_size:
            self._entries = entries[:_MOST_TOLD]
            if self._too_long is None or weight > self._most_read:
                raise HpackError("the fields of a block are too large", ENHANCE_YOUR_CALM)
            return self._too_long
        self._entries = entries
        seen = [entry[0] for entry in entries]
        last = self._last
        if last is None or seen != last[0]:
            self._last = last = seen, self._understand(tuple(seen))
        if self._steady:
            self._blocks.keep(block, (entries, last[1]), end + weight)
        return last[1]

    def _size_updates(self, block: bytes) -> int:
        """Where the fields begin; only before them may the table change its size (4.2, 6.3)."""
        at = 0
        for _ in range(_MOST_SIZE_UPDATES):
            if not b"\x20" <= block[at : at + 1] < b"\x40":
                break
            size, at = _integer(block, at, _SIZE_MASK)
            if size > (self._limit if self._owed is None else self._owed):
                raise HpackError("a table size above the limit")
            self._owed = None
            self._resize(size)
        if self._owed is not None:
            raise HpackError("a block does not begin with the smaller table size")
        return at

    def _resize(self, size: int) -> None:
        self._max_size = size
        self._blocks.forget()
        while self._size > size:
            self._size -= self._table.pop()[1]

    # Hot, and so one function: called for each field that is not indexed.
    def _long_field(self, block: bytes, at: int) -> tuple[Entry, int]:  # noqa: C901
        """A field of more than one byte, and where the next one begins."""
        first = block[at]
        if first & _INDEXED:  # 6.1
            index, at = _integer(block, at, _INDEXED_MASK)
            return self._entry(index), at
        if first & _INCREMENTAL:  # 6.2.1
            mask, known = _INCREMENTAL_MASK, None
        elif first & _SIZE_UPDATE:
            raise HpackError("a table size where a field must be")
        else:
            # What is not put into the table is likely to be spelt again.
            mask, known = _LITERAL_MASK, self._strings
        index = first & mask
        if index < mask:
            at += 1
        else:
            index, at = _integer(block, at, mask)
        if index:
            # As in _entry, for which each new field would pay.
            if index >= len(self._table) - _INDEXED:
                raise HpackError("an index out of range")
            name = self._table[_INDEXED + index][2][0]
        else:
            name, at = _string(block, at, known)
        says = self._matters(name)
        if known is None and says is not True and not self.spells and block[at] >= _HUFFMAN:
            # An id that is new in each block: nobody reads it, so it is not spelt out.
            data, end = _coded(block, at)
            length = huffman.measure(data)
            if length is not None:
                entry = (says or OTHERS, len(name) + length + _OVERHEAD, (name, data), True)
                self._insert(entry)
                return entry, end
        value, at = _string(block, at, known)
        field = (name, value)
        if known is not None and first & _NEVER_INDEXED:  # 6.2.3
            field = NeverIndexed(field)
        seen = field if says is True or is_raw(value) else says or OTHERS
        entry = (seen, len(name) + len(value) + _OVERHEAD, field, False)
        if known is None:
            self._insert(entry)
        return entry, at

    def _entry(self, index: int) -> Entry:
        if 0 < index < len(self._table) - _INDEXED:
            return self._table[_INDEXED + index]
        raise HpackError("an index out of range")

    def _insert(self, entry: Entry) -> None:
        """Add an entry; one that is too large for the table takes all others with it (4.4)."""
        self._table.insert(FIRST_DYNAMIC, entry)
        self._size += entry[1]
        while self._size > self._max_size:
            self._size -= self._table.pop()[1]
        self._steady = False
        if self._blocks:
            self._blocks.forget()


def is_raw(value: bytes) -> bool:
    """RFC 9113 8.2.1: no value has a NUL, CR or LF. Blanks at the ends, which it forbids as well,
    are let pass: gRPC itself sends messages and metadata with them, and no framing hangs on them.
    """
    # Numbers, since bytes in bytes are ten times as slow to look for.
    return 0x0A in value or 0x0D in value or 0x00 in value


def spelt(entry: Entry) -> HeaderField:
    """The field of an entry."""
    _, _, field, coded = entry
    return (field[0], huffman.decode(field[1])) if coded else field


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """The integer that begins in the bits of `mask` at `at`, and where it ends (5.1)."""
    value = block[at] & mask
    at += 1
    if value < mask:
        return value, at
    for shift in range(0, 7 * _MOST_MORE_BYTES, 7):
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise HpackError("an integer is too long")


def _coded(block: bytes, at: int) -> tuple[bytes, int]:
    """The string that begins at `at` as it is coded, and where it ends (5.2)."""
    length = block[at] & _LENGTH_MASK
    if length < _LENGTH_MASK:
        at += 1
    else:
        length, at = _integer(block, at, _LENGTH_MASK)
    end = at + length
    if end > len(block):
        raise HpackError("a block ends inside a string")
    return block[at:end], end


def _string(block: bytes, at: int, known: Memory[bytes, bytes] | None) -> tuple[bytes, int]:
    """The string that begins at `at`, and where it ends (5.2)."""
    data, end = _coded(block, at)
    if block[at] < _HUFFMAN:
        return data, end
    if known is None:
        return huffman.decode(data), end
    text = known.get(data)
    if text is None:
        text = huffman.decode(data)
        known.keep(data, text, len(data) + len(text) + _WEIGHT_OF_STRING)
    return text, end


_INDEXED_FIELDS = {
    field: bytes((_INDEXED | index,)) for index, field in enumerate(_STATIC_FIELDS, 1)
}
# Of several fields with a name the first.
_NAME_INDEXES = {name: len(_STATIC_FIELDS) - i for i, (name, _) in enumerate(_STATIC_FIELDS[::-1])}


def indexed(name: bytes, value: bytes) -> bytes | None:
    """A field of the static table in one byte (6.1); None if it is not there."""
    return _INDEXED_FIELDS.get((name, value))


def literal(name: bytes, value: bytes, *, never_indexed: bool = False) -> bytes:
    """A field that leaves every table as it is (6.2.2, 6.2.3), the name by its index if static."""
    index = _NAME_INDEXES.get(name, 0)
    pattern = _NEVER_INDEXED if never_indexed else 0
    spelt = b"" if index else _plain(name)
    return _number(index, _LITERAL_MASK, pattern) + spelt + _plain(value)


def block(fields: Iterable[HeaderField], table_size_update: int | None = None) -> bytes:
    """A block of `fields` that needs no state to be read.

    `table_size_update` is the smallest table that the receiver has allowed since the last block
    it got, if that is smaller than the table was: without it the block is an error to it (4.2).
    """
    written = [_field(field) for field in fields]
    if table_size_update is not None:
        written.insert(0, _number(table_size_update, _SIZE_MASK, _SIZE_UPDATE))
    return b"".join(written)


def _field(field: HeaderField) -> bytes:
    if isinstance(field, NeverIndexed):
        return literal(*field, never_indexed=True)
    return indexed(*field) or literal(*field)


def _plain(text: bytes) -> bytes:
    return _number(len(text), _LENGTH_MASK, 0) + text


def _number(value: int, mask: int, pattern: int) -> bytes:
    """5.1, with the pattern that stands before the integer in its first byte."""
    if value < mask:
        return bytes((pattern | value,))
    written = bytearray((pattern | mask,))
    value -= mask
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
