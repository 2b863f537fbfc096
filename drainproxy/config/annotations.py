"""The downward-API file of a pod's annotations: lines of `key="value"`, quoted as Go quotes."""

import re
from collections.abc import Iterator

# What is no letter that stands for itself. The last two are what nothing escapes.
_ESCAPE = re.compile(
    rb"\\(?:([0-7]{3})|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})"
    rb'|([abfnrtv\\"]))|["\\]'
)
_LETTERS = dict(zip(b'abfnrtv\\"', b'\a\b\f\n\r\t\v\\"', strict=True))


def split_annotations(text: str) -> Iterator[tuple[str, str]]:
    """The keys, each with its value as it stands there, still quoted."""
    for line in text.split("\n"):
        key, _, quoted = line.partition("=")
        yield key.strip(), quoted.strip()


def unquote(quoted: str) -> str:
    """The text that Go's `strconv.Quote` made this of; raises `ValueError` if it made no such."""
    try:
        if len(quoted) > 1 and quoted[0] == quoted[-1] == '"':
            return _ESCAPE.sub(_unescape, quoted[1:-1].encode()).decode()
    except (UnicodeError, OverflowError, ValueError):
        pass
    raise ValueError('is not a quoted value, such as "30s"')


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, byte, short, long, letter = match.groups()
    if match.lastindex is None:
        raise ValueError
    if letter:
        return bytes([_LETTERS[letter[0]]])
    if octal or byte:
        return bytes([int(octal, 8) if octal else int(byte, 16)])
    return chr(int(short or long, 16)).encode()
