"""Reads a file of steps, or a URL, into a `SmokeTest`. Pure: the text is an argument."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ConfigError, Mistake

from . import kinds
from .actions import EXPECT, Defaults, read_action, read_tls
from .credentials import in_words, shown
from .hiding import Hiding
from .model import RETRY_INTERVAL, TIMEOUT, Http, SmokeTest, Step, Tls
from .nodes import Node, Reader, Table, is_null, keys, line, merged
from .variables import VARIABLE

# Where the base stands for whoever needs it in a text or in a command.
BASE_VARIABLE: Final = "SMOKE_URL"
KINDS: Final = tuple(EXPECT)
# Stands for a base that is wrong: that mistake is told once, not with every path.
_WRONG_BASE: Final = "http://base.invalid"


class SmokeOptions(Struct, frozen=True):
    """What the command line says; None is nothing. It beats the head of the file, not a step."""

    url: str | None = None
    timeout: float | None = None
    retries: int | None = None
    retry_interval: float | None = None
    ca: str = ""
    insecure: bool = False

    @property
    def tls(self) -> Tls:
        """Whom to trust."""
        return Tls(ca=self.ca, insecure=self.insecure)


def read_url(url: str, given: SmokeOptions) -> SmokeTest:
    """One step: GET, and expect 2xx. ConfigError if it is no URL."""
    problem = kinds.url_problem(url, ("http", "https"))
    if problem:
        raise ConfigError([Mistake(shown(url), "", problem)])
    name = shown(url)
    step = Step(f"GET {name}", "http", Http(url, tls=given.tls), **_timing({}, given))
    return SmokeTest(name, name, (step,), url)


def read_test(
    name: str,
    text: str,
    given: SmokeOptions,
    environ: Mapping[str, str],
    variables: Mapping[str, str],
) -> SmokeTest:
    """The test of this file; ConfigError with every mistake in it.

    A variable is looked for in `variables` (the command line's), then in the file's own, then in
    the environment.
    """
    reader = Reader(name, {**environ, **variables})
    root = reader.compose(text)
    head: dict[str, Any] = {}
    if root is not None and root.id == "mapping":
        _read_variables(reader, root, variables)
        head = _head(reader, root)
    elif root is not None and root.id != "sequence":
        reader.wrong(root, "must be a list of steps, or a mapping with steps")
    base = given.url if given.url is not None else head.get("url", "")
    if not base and root is not None and "url" in keys(root):
        base = _WRONG_BASE
    reader.variables = {**reader.variables, **({BASE_VARIABLE: base} if base else {})}
    steps = _steps(reader, root, Defaults(base, _tls(head, given)), _timing(head, given))
    if reader.mistakes:
        hide = Hiding(reader.secrets).text
        raise ConfigError([replace(each, problem=hide(each.problem)) for each in reader.mistakes])
    return SmokeTest(head.get("name", name), name, steps, base, reader.secrets)


def _timing(head: Mapping[str, Any], given: SmokeOptions) -> dict[str, Any]:
    """How long, how often and how far apart, where a step says nothing."""
    defaults = {"timeout": TIMEOUT, "retries": 0, "retry_interval": RETRY_INTERVAL}
    said = {key: head[key] for key in defaults if key in head}
    flags = {key: value for key in defaults if (value := getattr(given, key)) is not None}
    return defaults | said | flags


def _tls(head: Mapping[str, Any], given: SmokeOptions) -> Tls:
    tls: Tls = head.get("tls", Tls())
    return replace(tls, ca=given.ca or tls.ca, insecure=given.insecure or tls.insecure)


_HEAD: Final[Table] = {
    "name": Reader.text,
    "url": kinds.parsed(kinds.base_url, shown),
    "timeout": kinds.DURATION,
    "retries": kinds.RETRIES,
    "retry-interval": kinds.DELAY,
    "tls": read_tls,
    # They are read before and after the others.
    "variables": lambda *_: None,
    "steps": lambda *_: None,
}


def _head(reader: Reader, root: Node) -> dict[str, Any]:
    """What stands beside the steps. Keys that begin with `x-` hold anchors."""
    anchors = {key.value: lambda *_: None for key, _ in merged(root) if _is_extension(key)}
    return reader.fields(root, {**_HEAD, **anchors}, "a smoke test")


def _is_extension(key: Node) -> bool:
    return key.id == "scalar" and str(key.value).startswith("x-")


def _read_variables(reader: Reader, root: Node, given: Mapping[str, str]) -> None:
    """Take in the file's own; one may use those before it."""
    node = _under(root, "variables")
    for key, value in reader.entries(node, "variables") if node is not None else ():
        if not VARIABLE.fullmatch(key.value):
            reader.wrong(key, f"{key.value!r} is not the name of a variable", key.value)
            continue
        try:
            text = reader.text(value)
            if "\0" in text:
                raise ValueError("holds a character with the number 0, which no process can get")
        except ValueError as error:
            text = ""  # or each of its uses would be one more mistake
            reader.wrong(value, f"{key.value} {error}", key.value)
        reader.variables = {**reader.variables, key.value: text, **given}


def _under(root: Node, name: str) -> Node | None:
    return next((v for k, v in merged(root) if k.id == "scalar" and k.value == name), None)


def _steps(
    reader: Reader, root: Node | None, defaults: Defaults, timing: Mapping[str, Any]
) -> tuple[Step, ...]:
    listed = root if root is None or root.id == "sequence" else None
    if root is not None and root.id == "mapping":
        listed = _under(root, "steps")
    if listed is None or (listed.id == "scalar" and not listed.value):
        return ()
    if listed.id != "sequence":
        reader.wrong(listed, "steps must be a list", "steps")
        return ()
    steps = [_step(reader, node, defaults, timing) for node in listed.value]
    return tuple(step for step in steps if step is not None)


def _given(_: Reader, node: Node) -> Node:
    if is_null(node):
        raise ValueError("must not be empty")
    return node


_STEP: Final[Table] = {
    "name": Reader.text,
    "timeout": kinds.DURATION,
    "retries": kinds.RETRIES,
    "retry-interval": kinds.DELAY,
    "expect": _given,
    **dict.fromkeys(KINDS, _given),
}


def _step(reader: Reader, node: Node, defaults: Defaults, timing: Mapping[str, Any]) -> Step | None:
    if node.id != "mapping":
        reader.wrong(node, f"a step must be a mapping with one of {', '.join(KINDS)}")
        return None
    before = len(reader.mistakes)
    found = reader.fields(node, _STEP, "a step")
    asked = [kind for kind in KINDS if kind in found]
    if not asked and len(reader.mistakes) > before:
        return None
    if len(asked) != 1:
        has = f"has {' and '.join(asked)}" if asked else "asks nothing"
        reader.wrong(node, f"a step {has}: it needs one of {', '.join(KINDS)}")
        return None
    (kind,) = asked
    action = read_action(reader, kind, found[kind], found.get("expect"), defaults)
    if action is None:
        return None
    name = in_words(found.get("name") or _name(kind, found[kind]))
    own = {key: found[key] for key in timing if key in found}
    return Step(name, kind, action, line(node), **{**timing, **own})


def _name(kind: str, node: Node) -> str:
    """What a step without a name is called, by the words of the file: a variable may be secret, and
    so may a part of a URL."""
    if node.id == "sequence":
        return f"{kind} {' '.join(str(each.value) for each in node.value)}"
    if node.id == "scalar":
        return _short(kind, str(node.value))
    words = {key.value: str(value.value) for key, value in merged(node) if value.id == "scalar"}
    if kind == "grpc":
        target = words.get("method") or f"health of {words.get('service') or 'the server'}"
        return f"grpc {target}"
    if kind == "http":
        has_body = any(key.value in ("json", "form") for key, _ in merged(node))
        method = words.get("method", "POST" if has_body else "GET").upper()
        return f"{method} {shown(words.get('url', ''))}"
    return f"{kind} {shown(words.get('url', ''))}"


def _short(kind: str, text: str) -> str:
    if kind == "http":
        method, _, url = text.strip().rpartition(" ")
        return f"{method or 'GET'} {shown(url)}"
    if kind in ("websocket", "sse"):
        return f"{kind} {shown(text)}"
    return f"grpc health of {shown(text)}" if kind == "grpc" else f"{kind} {' '.join(text.split())}"
