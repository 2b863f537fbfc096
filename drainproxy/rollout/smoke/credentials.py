"""What nobody should read in a report: users, passwords and queries of URLs.

Reports are kept by continuous integration, and a query may hold a token or a signature.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

# What is shorter is not taken out of a text, where it would stand by chance.
_SHORTEST_PASSWORD: Final = 4
_SHORTEST_VALUE: Final = 8
_USER: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_URL: Final = re.compile(r"[\w+.-]*://[^\s'\"]+")
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")


def shown(url: str) -> str:
    """The URL, or path, as people may read it: without user and fragment, with `...` for what
    stands in its query. Variables of a test file stay, for they are only their names."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    if not rest.startswith("/"):
        user = rest.rpartition("@")[0] if _is_broken(url) else _authority(rest).rpartition("@")[0]
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
    return _URL.sub(lambda match: shown(match[0]), _USER.sub("", text))


def without(text: str, urls: Iterable[str]) -> str:
    """A text without users of any URL in it, and without what is secret in these: a server may
    repeat what it was asked."""
    text = _USER.sub("", text)
    for url in urls:
        for secret, instead in _secrets(url):
            text = text.replace(secret, instead)
    return text


def _secrets(url: str) -> Iterator[tuple[str, str]]:
    """The longest first."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    password = unquote(parts.password or "")
    if user:
        yield b64encode(unquote(user).encode()).decode(), "..."
        yield f"{user}@", ""
    for each in (parts.password or "", password):
        if len(each) >= _SHORTEST_PASSWORD:
            yield each, "..."
    if len(parts.query) >= _SHORTEST_VALUE:
        yield parts.query, _query(parts.query)
    values = (each.partition("=")[2] or each for each in parts.query.split("&"))
    for value in values:
        for each in (value, unquote(value)):
            if len(each) >= _SHORTEST_VALUE:
                yield each, "..."
