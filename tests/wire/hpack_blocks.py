"""Header blocks for Hypothesis: good ones, and such as were good before something befell them."""

from hpack.hpack import encode_integer
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import strategies as st

huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode

names = st.sampled_from([b":method", b":path", b"cookie", b"x-id"]) | st.binary(max_size=5)
values = st.sampled_from([b"GET", b"/", b"", b"y" * 300]) | st.binary(max_size=20)
SIZES = [0, 31, 40, 80, 200, 4096, 10000]
sizes = st.sampled_from(SIZES)


def number(value: int, bits: int, pattern: int) -> bytes:
    coded = encode_integer(value, bits)
    coded[0] |= pattern
    return bytes(coded)


def string(text: bytes, is_huffman: bool) -> bytes:
    coded = huffman(text) if is_huffman else text
    return number(len(coded), 7, 0x80 if is_huffman else 0) + coded


INDEXES: list[int] = [*[1, 2, 15, 61, 62, 62, 63, 64, 127, 128] * 7, *range(1, 71)]
TEXTS = [b":method", b":path", b"cookie", b"x-id", b"GET", b"/", b"", b"y" * 300]
KINDS = [(6, 0x40), (6, 0x40), (4, 0x00), (4, 0x10)]


class Drawn:
    """Bytes that say what a block holds: zeros, where there are no more."""

    def __init__(self, drawn: bytes) -> None:
        self.rest = iter(drawn)

    def less_than(self, end: int) -> int:
        return next(self.rest, 0) % end

    def index(self) -> int:
        return INDEXES[self.less_than(len(INDEXES))]

    def text(self) -> bytes:
        ready = self.less_than(2 * len(TEXTS))
        if ready < len(TEXTS):
            return TEXTS[ready]
        return bytes(self.less_than(256) for _ in range(self.less_than(8)))

    def field(self, kind: int) -> bytes:
        if kind & 1:
            return number(self.index(), 7, 0x80)
        how = KINDS[kind >> 1 & 3]
        name = number(self.index(), *how)
        if kind & 8:
            name = number(0, *how) + string(self.text(), bool(kind & 16))
        return name + string(self.text(), bool(kind & 32))


def good_block(drawn: bytes) -> bytes:
    """Changes of the table's size, and fields; either may be missing."""
    source, has_fields = Drawn(drawn), drawn[0] < 240
    updates = range([0, 0, 0, 1, 1, 2][source.less_than(6)])
    coded = b"".join(number(SIZES[source.less_than(len(SIZES))], 5, 0x20) for _ in updates)
    return coded + b"".join(map(source.field, source.rest if has_fields else ()))


def mutated_block(coded: bytes, how: bytes) -> bytes:
    place, gone, new = int.from_bytes(how[:2]) % (len(coded) + 1), how[2] % 3, how[3] % 20
    return coded[:place] + b"".join(SUSPECTS[new : new + 1]) + coded[place + gone :]


SUSPECTS = [bytes((byte,)) for byte in (0, 0x10, 0x1F, 0x20, 0x3F, 0x40, 0x7F, 0x80, 0xBE, 0xFF)]
good_blocks = st.binary(min_size=7, max_size=50).map(good_block)
# Blocks that were good before something was put in, taken out or replaced.
mutated = st.builds(mutated_block, good_blocks, st.binary(min_size=4, max_size=4))


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Blocks of which many come again, when they may mean something else."""
    pool = draw(st.lists(good_blocks | mutated, min_size=1, max_size=6))
    return [pool[each % len(pool)] for each in draw(st.binary(min_size=1, max_size=12))]
