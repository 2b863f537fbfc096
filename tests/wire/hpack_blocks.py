"""Header blocks for Hypothesis: good ones, and such as were good before something befell them."""

from hpack.hpack import encode_integer
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import strategies as st

huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode

names = st.sampled_from([b":method", b":path", b"cookie", b"x-id"]) | st.binary(max_size=5)
values = st.sampled_from([b"GET", b"/", b"", b"y" * 300]) | st.binary(max_size=20)
sizes = st.sampled_from([0, 31, 40, 80, 200, 4096, 10000])


def number(value: int, bits: int, pattern: int) -> bytes:
    coded = encode_integer(value, bits)
    coded[0] |= pattern
    return bytes(coded)


def string(text: bytes, is_huffman: bool) -> bytes:
    coded = huffman(text) if is_huffman else text
    return number(len(coded), 7, 0x80 if is_huffman else 0) + coded


strings = st.builds(string, names | values, st.booleans())
indexes = st.sampled_from([1, 2, 15, 61, 62, 62, 63, 64, 127, 128]) | st.integers(1, 70)
literals = st.builds(
    lambda kind, name, value: (
        (number(name, *kind) if isinstance(name, int) else number(0, *kind) + name) + value
    ),
    st.sampled_from([(6, 0x40), (6, 0x40), (4, 0x00), (4, 0x10)]),
    indexes | strings,
    strings,
)
size_updates = sizes.map(lambda size: number(size, 5, 0x20))
good_blocks = st.builds(
    lambda updates, fields: b"".join([*updates, *fields]),
    st.just([]) | st.lists(size_updates, max_size=2),
    st.lists(literals | indexes.map(lambda index: number(index, 7, 0x80)), max_size=6),
)
SUSPECTS = [bytes((byte,)) for byte in (0, 0x10, 0x1F, 0x20, 0x3F, 0x40, 0x7F, 0x80, 0xBE, 0xFF)]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A block that was good before something was put in, taken out or replaced."""
    coded = draw(good_blocks)
    place, gone = draw(st.integers(0, len(coded))), draw(st.integers(0, 2))
    return coded[:place] + draw(st.sampled_from(SUSPECTS) | st.just(b"")) + coded[place + gone :]


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Blocks of which many come again, when they may mean something else."""
    pool = draw(st.lists(good_blocks | mutated(), min_size=1, max_size=6))
    return draw(st.lists(st.sampled_from(pool), min_size=1, max_size=12))
