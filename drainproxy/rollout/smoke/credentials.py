"""What nobody should read in a report: users, passwords and queries of URLs.

Reports are kept by continuous integration, and a query may hold a token or a signature.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from string import ascii_letters, digits
from typing import Final
from urllib.parse import unquote, urlsplit

# What is shorter is not taken out of a text, where it would stand by chance.
_SHORTEST_PASSWORD: Final = 4
_SHORTEST_VALUE: Final = 8
# With one slash too many nothing is a host, but what was meant is a password all the same.
_USER: Final = re.compile(r"(?P<slashes>://+)[^/?#\s]*@")
_URL: Final = re.compile(r"[\w+.-]*://[^\s'\"]+")
_UNRESERVED: Final = frozenset(f"{ascii_letters}{digits}-._~")
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")


def shown(url: str) -> str:
    """The URL, or path, as people may read it: without user and fragment, with `...` for what
    stands in its query. Variables of a test file stay, for they are only their names."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    if mark:
        mark += rest[: len(rest) - len(rest.lstrip("/"))]
        rest = rest.lstrip("/")
    if not rest.startswith("/"):
        is_broken = _is_broken(f"{scheme}://{rest}" if mark else rest)
        user = (rest if is_broken else _authority(rest)).rpartition("@")[0]
        rest = rest.removeprefix(f"{user}@") if user else rest
    path, has_query, query = rest.partition("#")[0].partition("?")
    return f"{scheme}{mark}{path}{has_query}{_query(query)}"


def _is_broken(url: str) -> bool:
    """Whether it cannot be said where its host ends: a password holds what must be encoded."""
    try:
        return urlsplit(url).port is None and "://" not in url
    except ValueError:
        return True


def _authority(rest: str) -> str:
    return re.split("[/?#]", rest, maxsplit=1)[0]


def _query(query: str) -> str:
    parts = query.split("&") if query else []
    return "&".join(map(_part, parts))


def _part(part: str) -> str:
    name, mark, value = part.partition("=")
    if _VARIABLE.fullmatch(value if mark else name):
        return part
    return f"{name}{mark}..." if mark else "..."


def in_words(text: str) -> str:
    """A text, such as a command, whose URLs people may read."""
    return _URL.sub(lambda match: shown(match[0]), _USER.sub(r"\g<slashes>", text))


def urls_in(text: str) -> Iterator[str]:
    """The URLs in a text, such as a command; what cannot be read as one is none."""
    for match in _URL.finditer(text):
        with suppress(ValueError):
            urlsplit(match[0])
            yield match[0]


def without(text: str, urls: Iterable[str]) -> str:
    """A text without users of any URL in it, and without what is secret in these: a server may
    repeat what it was asked."""
    text = _USER.sub(r"\g<slashes>", text)
    for url in urls:
        for secret, instead in _secrets(url):
            text = re.sub(secret, instead.replace("\\", r"\\"), text)
    return text


def _secrets(url: str) -> Iterator[tuple[str, str]]:
    """Patterns, the longest first, and what is said instead."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    if user:
        yield re.escape(b64encode(unquote(user).encode()).decode()), "..."
        yield f"{_spellings(user)}@", ""
    if password := _long(parts.password or "", _SHORTEST_PASSWORD):
        yield password, "..."
    if query := _long(parts.query, _SHORTEST_VALUE):
        yield query, _query(parts.query)
    for each in parts.query.split("&"):
        if value := _long(each.partition("=")[2] or each, _SHORTEST_VALUE):
            yield value, "..."


def _long(secret: str, shortest: int) -> str:
    """A pattern of what is long enough as it stands in a URL, or only as that; empty if neither."""
    if len(unquote(secret)) >= shortest:
        return _spellings(secret)
    return _as_it_is(secret) if len(secret) >= shortest else ""


def _as_it_is(secret: str) -> str:
    return f"(?i:{re.escape(secret)})"


def _spellings(secret: str) -> str:
    """A pattern of a part of a URL, whichever of its characters are percent-encoded, in whichever
    letter case (RFC 3986, 6.2.2); `+` may be a blank, as forms have it."""
    spelt = "".join(map(_spelling, unquote(secret, errors="surrogateescape")))
    return f"(?:{_as_it_is(secret)}|{spelt})" if "%" in secret else spelt


def spelt(secret: str) -> str:
    """A pattern of a text, whichever of its characters are percent-encoded; JSON may have a
    backslash before a slash, as PHP writes it."""
    return "".join(r"\\?" * (each == "/") + _spelling(each) for each in secret)


@cache
def _spelling(character: str) -> str:
    # Nobody encodes the unreserved ones anew (RFC 3986, 2.3).
    if character in _UNRESERVED:
        return re.escape(character)
    if character in "+ ":
        return r"(?:[+ ]|%20|%2[Bb])"
    if "\udc80" <= character <= "\udcff":
        # A byte that is no UTF-8, which readers replace.
        return f"(?:\ufffd|(?i:%{ord(character) - 0xDC00:02x}))"
    encoded = "".join(map(_encoded, character.encode("utf-8", "surrogatepass")))
    return f"(?:{re.escape(character)}|{encoded})"


@cache
def _encoded(byte: int) -> str:
    """A pattern of it, in either letter case; a group with a flag takes longer to compile."""
    return "%" + "".join(
        each if each.isdigit() else f"[{each.upper()}{each}]" for each in f"{byte:02x}"
    )
