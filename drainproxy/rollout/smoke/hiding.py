"""The law of what no report holds, applied to every text that leaves a run.

A server may repeat any header that it was sent, and a program its words and its environment: so
what is secret in a test is taken out of whatever is said, however it came there. Secret are

- users, passwords and queries of URLs (`credentials`);
- values of variables that come from the environment or from the command line, unless they are
  plainly none: shorter than 8 characters, a number, a URL, a host or a path, or named as what is
  deployed (a version, a commit);
- what stands under a name that says so (Authorization, Cookie, X-Api-Key, password, token): as a
  header, as metadata, in a body of JSON or of a form, as an option or an assignment of a command,
  in the environment of a command.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl

from .credentials import spelt, urls_in, without
from .model import Action, ExecAction, Grpc, Http, SmokeTest, Sse, WebSocketAction

Hide = Callable[[str], str]

# What is shorter would stand in a text by chance.
_SHORTEST: Final = 4
_SHORTEST_UNNAMED: Final = 8
# What a quotation that is cut off may begin of one, in characters.
_LONGEST: Final = 4096
# Quotations of the first bytes of an answer are no longer than this, in characters.
_MOST_CUT: Final = 40
_HIDDEN: Final = "..."
# Before something encoded or escaped, or in its place.
_MARKS: Final = r"%\\\ufffd"
_MARK: Final = re.compile(f"[{_MARKS}]")

_NAMED: Final = re.compile(
    r"auth(?!or(?!i[sz]))|cookie|passw|passphrase|passcode|token|secret|credential|signature"
    r"|session[-_]?(?:id|key)|(?:api|access|private)[-_]?key",
    re.IGNORECASE,
)
# Where it is, or what it is like.
_ABOUT: Final = re.compile(r"(?:file|path|dir|sock|type|ur[il])$", re.IGNORECASE)
# Schemes of RFC 9110, 11.4, before what is secret.
_SCHEME: Final = re.compile(r"[A-Za-z][\w-]*[ ]+")
# What is deployed, and where: a report that hides it does not say which version was tested.
_OPEN: Final = re.compile(
    r"(?:version|revision|commit|sha|tag|image|release|build|branch|region|zone|environment|stage"
    r"|cluster|namespace)$",
    re.IGNORECASE,
)
_PUBLIC: Final = re.compile(
    r"""[\d.,:_-]+ | true | false
    | [a-z][a-z0-9+.-]*://[^\s@?\#]*
    | (?: localhost | (?:[a-z0-9-]+\.)+[a-z]{2,} | \[[0-9a-f:]+\] ) (?: :\d+ )? /?
    | (?:/[a-z0-9._-]+)+/?
    """,
    re.VERBOSE,
)
# --token=..., TOKEN=..., 'X-Api-Key: ...': the name, and what follows in the word.
_ASSIGNED: Final = re.compile(r"-{0,2}([\w.-]+)(?:=|:[ ]*)(.+)", re.DOTALL)
# Options of curl and of others like it, with their value if that stands in the same word.
_USER: Final = re.compile(r"-u(?=$|[^=]*:)(?!\w+://)(.*)|--(?:proxy-)?user(?:=(.*))?", re.DOTALL)
_QUOTES: Final = "'\""


def is_secret(name: str) -> bool:
    """Whether a name says that what it names is secret."""
    return bool(_NAMED.search(name)) and not _ABOUT.search(name)


def variables(used: Mapping[str, str]) -> tuple[str, ...]:
    """The values of these variables that are secret."""
    return tuple(
        value for name, value in used.items() if is_secret(name) or not _is_open(name, value)
    )


def hiding_of(test: SmokeTest) -> "Hiding":
    """Of all that is secret in a test."""
    named = (each for step in test.steps for each in _of(step.action))
    return Hiding([*test.secrets, *named], test.url)


def _is_open(name: str, value: str) -> bool:
    if len(value) < _SHORTEST_UNNAMED or _PUBLIC.fullmatch(value):
        return True
    return bool(_OPEN.search(name)) and "://" not in value


class Hiding:
    """Secrets, and texts without them; `base` is the URL of all steps."""

    def __init__(self, secrets: Iterable[str], base: str = "") -> None:
        self._base = base
        self._secrets = _known(secrets)
        forms = dict.fromkeys(form for each in self._secrets for form in _forms(each))
        self._patterns = _Patterns(sorted(forms, key=len, reverse=True))

    def of(self, action: Action) -> Hide:
        """What takes the secrets out of a text about the answer to this."""
        urls = (self._base, *_urls(action))
        return lambda text: self.text(without(text, urls))

    def text(self, text: str) -> str:
        """The text without any secret that is no part of a URL."""
        return self._cut(self._patterns.hidden_in(text)) if self._secrets else text

    def _cut(self, text: str) -> str:
        """Without the beginning of a secret where a quotation was cut off."""
        whole = text.rstrip(f".{_QUOTES}")
        end = text[len(whole) :]
        for secret in self._secrets:
            for size in range(min(len(secret), _MOST_CUT), _SHORTEST - 1, -1):
                if end and whole.endswith(secret[:size]):
                    return f"{whole[:-size]}{_HIDDEN}{end}"
        return text


class _Patterns:
    """Forms of secrets, the longest first: where several stand at one place, that one is hidden.

    Where one begins with a character as it is, only those that begin with it are tried. What begins
    with a percent or a backslash may be any of them; that pattern waits for a text that needs it.
    """

    def __init__(self, forms: Sequence[str]) -> None:
        self._forms = forms
        starting: dict[str, list[str]] = {}
        for form in forms:
            first = "[+ ]" if form[0] in "+ " else re.escape(form[0])
            starting.setdefault(first, []).append(spelt(form[1:]))
        each = (f"{first}(?:{'|'.join(rests)})" for first, rests in starting.items())
        self._plain = re.compile(f"(?![{_MARKS}])(?:{'|'.join(each)})")

    @cached_property
    def _marked(self) -> re.Pattern[str]:
        return re.compile(f"(?=[{_MARKS}])(?:{'|'.join(map(spelt, self._forms))})")

    def hidden_in(self, text: str) -> str:
        """The text without them."""
        patterns = [self._plain]
        if _MARK.search(text):
            patterns.append(self._marked)
        parts: list[str] = []
        at = 0
        found = [each.search(text) for each in patterns]
        while (first := min(filter(None, found), key=_begins, default=None)) is not None:
            parts += [text[at : first.start()], _HIDDEN]
            at = first.end()
            found = [
                each.search(text, at) if match and match.start() < at else match
                for each, match in zip(patterns, found, strict=True)
            ]
        return "".join([*parts, text[at:]])


def _begins(match: re.Match[str]) -> int:
    return match.start()


def _known(secrets: Iterable[str]) -> tuple[str, ...]:
    """Each line of them, for a line is what is quoted; a long one by its beginning."""
    lines = (line.strip()[:_LONGEST] for each in secrets for line in each.splitlines())
    return tuple(dict.fromkeys(line for line in lines if len(line) >= _SHORTEST))


def _forms(secret: str) -> Iterator[str]:
    """As it is, and as JSON, Python and HTML write it in a text. In JSON Go escapes what means
    something in HTML."""
    as_json = json.dumps(secret)[1:-1]
    yield secret
    yield as_json
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield re.sub("[&<>]", lambda letter: f"\\u{ord(letter[0]):04x}", as_json)
    yield repr(secret)[1:-1]
    yield escape(secret)


def _of(action: Action) -> Iterator[str]:
    """What stands under a name that says it is secret."""
    match action:
        case Http():
            yield from _of_headers(action.headers)
            yield from _of_body(action.body or b"")
        case WebSocketAction() | Sse():
            yield from _of_headers(action.headers)
        case Grpc():
            yield from _of_metadata(action.metadata)
            yield from _of_json(action.json)
        case ExecAction():
            yield from _of_command(action.command)
            yield from (value for name, value in action.environment if is_secret(name))


def _of_headers(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in headers:
        if is_secret(name):
            yield from _of_header(name, value)


def _of_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> Iterator[str]:
    """Bytes go out in base64 (gRPC over HTTP/2, Custom-Metadata), and may be a text."""
    for name, value in metadata:
        if isinstance(value, str):
            yield from _of_headers([(name, value)])
        elif is_secret(name.removesuffix("-bin")):
            yield b64encode(value).decode()
            yield value.decode(errors="replace")


def _of_header(name: str, value: str) -> Iterator[str]:
    """The whole, and the parts by which it works: what stands behind a scheme, what is in Basic
    (RFC 7617, 2), the values of cookies (RFC 6265, 4.2.1)."""
    yield value
    credentials = _SCHEME.sub("", value, count=1)
    yield credentials
    if value[:6].lower() == "basic ":
        yield _password(credentials)
    if "cookie" in name.lower():
        yield from (pair.partition("=")[2].strip(' "') for pair in value.split(";"))


def _password(credentials: str) -> str:
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _of_body(body: bytes) -> Iterator[str]:
    text = body.decode(errors="replace")
    if text[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            yield from _of_json(json.loads(text))
    else:
        yield from (value for name, value in parse_qsl(text) if is_secret(name))


def _of_json(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _of_json(each, str(key))
    elif isinstance(value, list):
        for each in value:
            yield from _of_json(each, name)
    elif isinstance(value, str) and is_secret(name):
        yield value


def _of_command(command: tuple[str, ...]) -> Iterator[str]:
    """Values of options, of assignments and of headers, in the words of a command or of a shell."""
    words = [part for word in command for part in _words(word)]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        assigned = _ASSIGNED.fullmatch(word)
        if user := _USER.fullmatch(word):
            yield from _of_user(user[1] or user[2] or following)
        elif assigned and is_secret(assigned[1]):
            yield from _of_header(assigned[1], assigned[2])
        elif not assigned and word.startswith("-") and is_secret(word):
            yield following


def _of_user(user: str) -> Iterator[str]:
    """The whole, also as Basic has it (RFC 7617, 2), and the password; a token may be a user
    without one. A name alone is no secret."""
    name, mark, password = user.partition(":")
    if mark:
        yield user
        yield b64encode(user.encode()).decode()
        yield password or name


def _urls(action: Action) -> tuple[str, ...]:
    """Those that it asks, or may ask."""
    if isinstance(action, ExecAction):
        return tuple(url for word in action.command for url in urls_in(word))
    return (getattr(action, "url", ""),)


def _words(text: str) -> Iterator[str]:
    """What a shell would make of a text, and what is quoted in that; without what it would do."""
    yield text
    if " " in text:
        parts = re.findall(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""", text)
        yield from (part.replace("'", "").replace('"', "") for part in parts)
