"""The Huffman code of HPACK (RFC 7541 5.2 and Appendix B), read and never written.

A string is read one byte at a time: a prefix of a code and the next byte give the next prefix and
the characters that were completed. What follows a prefix is worked out when it is first needed,
because few of the 256 prefixes come up in text and all of them would take 2 MB.
"""

from itertools import chain
from typing import Any


class HuffmanError(ValueError):
    """A string that is not well coded."""


# Appendix B by the number of bits, the bytes of each in order. The code is canonical: each code is
# the one before it plus one, shifted to its own length. EOS, which is no byte, comes last of all.
_BYTES_BY_LENGTH = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\0$@[]~",
    14: b"^}",
    15: b"<`{",
    19: b"\\\xc3\xd0",
    20: b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2",
    21: b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6",
    22: b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe"
    b"\xc4\xc6\xe4\xe8\xe9",
    23: b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf"
    b"\xb4\xb6\xb7\xbc\xbf\xc5\xe7\xef",
    24: b"\t\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed",
    25: b"\xc7\xcf\xea\xeb",
    26: b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff",
    27: b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe",
    28: b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a"
    b"\x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9",
    30: b"\n\r\x16",
}

# Codes and prefixes of codes are written as numbers with a 1 in front, which keeps their zeros.
_NOTHING = 0b1
_EOS = (1 << 31) - 1
# 5.2: the last byte is filled up with the first bits of EOS, fewer than 8 of them.
_PADDING = {(1 << length) - 1 for length in range(1, 9)}


def _canonical() -> dict[int, bytes]:
    codes = {}
    code = last = 0
    for length, values in _BYTES_BY_LENGTH.items():
        code <<= length - last
        last = length
        for value in values:
            codes[1 << length | code] = bytes((value,))
            code += 1
    return codes


_CODES = _canonical()


# RFC 9113 8.2.1: no value has them, and whoever only measures must know of one that does. Each of
# them counts for more than any string has characters.
_RAW = b"\0\r\n"
_TOO_MANY = 1 << 32


class _Prefix:
    """The bits read since the last whole character, and what each next byte makes of them.

    `steps` and `sizes` are empty or have one for each byte: the characters that it completes, or
    how many those are; and the same list of the prefix that comes next.
    """

    __slots__ = ("_bits", "may_end", "sizes", "steps")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self.may_end = bits in _PADDING
        self.steps: _Steps = []
        self.sizes: _Sizes = []
        # A list is all that is at hand while a string is read: it costs less than its prefix.
        _owners[id(self.steps)] = _owners[id(self.sizes)] = self

    def fill(self) -> None:
        for byte in range(256):
            characters, prefix = self._step(byte)
            raw = sum(character in _RAW for character in characters)
            step, size = (
                (characters, prefix.steps),
                (len(characters) + raw * _TOO_MANY, prefix.sizes),
            )
            self.steps.append(_shared.setdefault((step[0], id(step[1])), step))
            self.sizes.append(_shared.setdefault((size[0], id(size[1])), size))

    def _step(self, byte: int) -> tuple[bytes, "_Prefix"]:
        bits = self._bits
        characters = b""
        for place in range(7, -1, -1):
            bits = bits << 1 | byte >> place & 1
            if bits in _CODES:
                characters += _CODES[bits]
                bits = _NOTHING
            elif bits == _EOS:
                return b"", _DEAD
        return characters, _prefixes[bits]


_Steps = list[tuple[bytes, Any]]
_Sizes = list[tuple[int, Any]]
_owners: dict[int, _Prefix] = {}
# The same step is one object wherever it comes up.
_shared: dict[tuple[bytes | int, int], Any] = {}
# All that may stand at the end of a byte: nothing, or the first bits of a code.
_prefixes = {
    bits: _Prefix(bits)
    for bits in {
        code >> cut for code in chain(_CODES, (_EOS,)) for cut in range(1, code.bit_length())
    }
}
_START = _prefixes[_NOTHING]
# 5.2: a string that holds EOS is an error, whatever follows it.
_DEAD = _Prefix(_EOS)
_DEAD.steps += [(b"", _DEAD.steps)] * 256
_DEAD.sizes += [(0, _DEAD.sizes)] * 256


def decode(data: bytes) -> bytes:
    """The string in `data`. HuffmanError if it holds EOS or is not padded as it must be."""
    steps = _START.steps
    characters = []
    for byte in data:
        try:
            character, steps = steps[byte]
        except IndexError:
            _owners[id(steps)].fill()
            character, steps = steps[byte]
        characters.append(character)
    _check_end(steps)
    return b"".join(characters)


def measure(data: bytes) -> int | None:
    """How many characters the string in `data` has; None if NUL, CR or LF is among them, of which
    a value has none (RFC 9113 8.2.1). HuffmanError as for `decode`, which takes longer."""
    sizes = _START.sizes
    measured = 0
    for byte in data:
        try:
            size, sizes = sizes[byte]
        except IndexError:
            _owners[id(sizes)].fill()
            size, sizes = sizes[byte]
        measured += size
    _check_end(sizes)
    return measured if measured < _TOO_MANY else None


def _check_end(where: _Steps | _Sizes) -> None:
    if not _owners[id(where)].may_end:
        raise HuffmanError("a Huffman string holds EOS or ends inside a character")
