"""The keys of each kind of step, as tables, and how they are read."""

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from msgspec import UNSET, Struct
from msgspec.structs import replace

from . import kinds
from .credentials import in_words, shown
from .model import (
    Action,
    ExecAction,
    ExecExpect,
    Grpc,
    GrpcExpect,
    Http,
    HttpExpect,
    Sse,
    SseExpect,
    Text,
    Tls,
    WebSocketAction,
    WebSocketExpect,
)
from .nodes import FieldReader, Node, Reader, Table, keys

_NO_TARGET: Final = "needs a target such as HOST:PORT, or a base by url or --url"
HTTP, WEBSOCKET, GRPC = ("http", "https"), ("ws", "wss"), ("grpc", "grpcs")


class Lacking(ValueError):
    """Whom to ask is not said: no such key is among those that could be read."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


class Defaults(Struct, frozen=True):
    """What holds for every step that says nothing else."""

    url: str = ""
    tls: Tls = Tls()


TLS: Final[Table] = {
    "ca": Reader.text,
    "cert": Reader.text,
    "key": Reader.text,
    "server-name": Reader.text,
    "insecure": kinds.SWITCH,
}
_TEXT: Final[Table] = {
    "contains": Reader.texts,
    "not-contains": Reader.texts,
    "matches": kinds.expressions,
}


def read_tls(reader: Reader, node: Node) -> Tls:
    """Whom to trust; a certificate of ours needs its key."""
    tls = Tls(**reader.fields(node, TLS, "tls"))
    if bool(tls.cert) != bool(tls.key):
        reader.wrong(node, "tls needs cert and key, or neither", "tls")
    return tls


def _list_of(read: FieldReader) -> FieldReader:
    def every(reader: Reader, node: Node) -> tuple[Any, ...]:
        return tuple(read(reader, each) for each in _items(node))

    return every


def _items(node: Node) -> list[Node]:
    return list(node.value) if node.id == "sequence" else [node]


HTTP_KEYS: Final[Table] = {
    "url": Reader.text,
    "method": kinds.METHOD,
    "headers": kinds.headers,
    "body": Reader.message,
    "json": Reader.value,
    "form": Reader.pairs,
    "follow-redirects": kinds.SWITCH,
    "tls": read_tls,
}
HTTP_EXPECT: Final[Table] = {
    "status": kinds.statuses,
    "headers": kinds.headers,
    **_TEXT,
    "json": Reader.value,
    "within": kinds.DURATION,
}
WEBSOCKET_KEYS: Final[Table] = {
    "url": Reader.text,
    "headers": kinds.headers,
    "subprotocols": _list_of(kinds.parsed(kinds.parse_token)),
    "send": _list_of(Reader.message),
    "close": kinds.CLOSE,
    "tls": read_tls,
}
WEBSOCKET_EXPECT: Final[Table] = {
    "messages": Reader.texts,
    "subprotocol": Reader.text,
    "close-code": kinds.CLOSE_CODE,
    "within": kinds.DURATION,
}
SSE_KEYS: Final[Table] = {"url": Reader.text, "headers": kinds.headers, "tls": read_tls}
SSE_EXPECT: Final[Table] = {
    "events": kinds.EVENTS,
    "headers": kinds.headers,
    "first-event-within": kinds.DURATION,
    "contains": Reader.texts,
    "event": Reader.text,
    "ends": kinds.SWITCH,
    "within": kinds.DURATION,
}
GRPC_KEYS: Final[Table] = {
    "target": Reader.text,
    "service": Reader.text,
    "method": kinds.GRPC_METHOD,
    "message": Reader.message,
    "json": Reader.value,
    "metadata": kinds.metadata,
    "tls": read_tls,
}
GRPC_EXPECT: Final[Table] = {
    "status": kinds.GRPC_STATUS,
    "health": kinds.HEALTH,
    **_TEXT,
    "json": Reader.value,
    "within": kinds.DURATION,
}
EXEC_EXPECT: Final[Table] = {"exit-code": kinds.EXIT_CODE, **_TEXT, "within": kinds.DURATION}

# Kind of a step -> what may stand under its `expect`.
EXPECT: Final[dict[str, Table]] = {
    "http": HTTP_EXPECT,
    "websocket": WEBSOCKET_EXPECT,
    "sse": SSE_EXPECT,
    "grpc": GRPC_EXPECT,
    "exec": EXEC_EXPECT,
}


def read_action(
    reader: Reader, kind: str, node: Node, expected: Node | None, defaults: Defaults
) -> Action | None:
    """What a step asks and expects; None if that cannot be said, which is noted."""
    expect = {} if expected is None else reader.fields(expected, EXPECT[kind], f"expect of {kind}")
    try:
        return _READ[kind](reader, node, expect, defaults)
    except ValueError as error:
        # One that stands there and could not be read is a mistake that was told.
        if not (isinstance(error, Lacking) and error.key in keys(node)):
            reader.wrong(node, f"{kind} {error}", kind)
        return None


def _http(reader: Reader, node: Node, expect: dict[str, Any], defaults: Defaults) -> Http:
    if node.id == "scalar":
        given = _request_line(reader.text(node))
    else:
        given = reader.fields(node, HTTP_KEYS, "http")
    bodies = [key for key in ("body", "json", "form") if key in given]
    if len(bodies) > 1:
        raise ValueError(f"has {' and '.join(bodies)}: a request has one body")
    url = _url(given, HTTP, defaults)
    expected = HttpExpect(**_with_text(expect))
    return Http(**_with_body(_with_tls(given, defaults)) | {"url": url}, expect=expected)


def _request_line(text: str) -> dict[str, Any]:
    match text.split():
        case [url]:
            return {"url": url}
        case [method, url]:
            return {"method": kinds.parse_token(method).upper(), "url": url}
    raise ValueError(f"{in_words(text)!r} is not [METHOD] URL")


def _with_body(given: dict[str, Any]) -> dict[str, Any]:
    """`json` and `form` become a body and say what it is, unless a header does."""
    value, form = given.pop("json", UNSET), given.pop("form", None)
    if value is UNSET and form is None:
        body = given.get("body")
        return given | {"body": body.encode() if isinstance(body, str) else body}
    kind = "application/x-www-form-urlencoded" if value is UNSET else "application/json"
    body = urlencode(form) if value is UNSET else json.dumps(value)
    fields = given.get("headers", ())
    if "content-type" not in {name.lower() for name, _ in fields}:
        fields = (*fields, ("Content-Type", kind))
    return {"method": "POST"} | given | {"body": body.encode(), "headers": fields}


def _websocket(
    reader: Reader, node: Node, expect: dict[str, Any], defaults: Defaults
) -> WebSocketAction:
    given = _keys(reader, node, WEBSOCKET_KEYS, "websocket")
    if expect.get("subprotocol", "") not in ("", *given.get("subprotocols", ())):
        raise ValueError("expects a subprotocol that it does not offer: name it in subprotocols")
    base = replace(defaults, url=_of_websocket(defaults.url))
    url = _url(given, WEBSOCKET, base)
    return WebSocketAction(
        **_with_tls(given, defaults) | {"url": url}, expect=WebSocketExpect(**expect)
    )


def _sse(reader: Reader, node: Node, expect: dict[str, Any], defaults: Defaults) -> Sse:
    given = _keys(reader, node, SSE_KEYS, "sse")
    url = _url(given, HTTP, defaults)
    return Sse(**_with_tls(given, defaults) | {"url": url}, expect=SseExpect(**expect))


def _grpc(reader: Reader, node: Node, expect: dict[str, Any], defaults: Defaults) -> Grpc:
    given: dict[str, Any] = (
        {"target": reader.text(node)}
        if node.id == "scalar"
        else reader.fields(node, GRPC_KEYS, "grpc")
    )
    called = "method" in keys(node)
    for key in ("service",) if called else ("message", "json"):
        if key in given:
            raise ValueError(f"has {key} {'and' if called else 'without'} method")
    if "message" in given and "json" in given:
        raise ValueError("has message and json: a call has one message")
    unfit = ("health",) if called else ("contains", "not_contains", "matches", "json")
    for key in unfit:
        if key in expect:
            what = "a call of a method" if called else "a health check"
            raise ValueError(f"expects {key.replace('_', '-')}, which {what} has not")
    given = _with_tls(given, defaults)
    if not defaults.url and "target" not in given:
        raise Lacking("target", _NO_TARGET)
    target, secure = _target(given.get("target", ""), defaults)
    if secure and given["tls"].insecure:
        raise ValueError(
            "cannot be insecure, for its library checks every certificate: name the CA in tls"
        )
    message = given.get("message", b"")
    given["message"] = message.encode() if isinstance(message, str) else message
    given |= {"target": target, "secure": secure}
    return Grpc(**given, expect=GrpcExpect(**_with_text(expect)))


def _target(text: str, defaults: Defaults) -> tuple[str, bool]:
    """`HOST:PORT` in the clear, `grpc://` and `grpcs://` as they say; without one the base's."""
    url = text or defaults.url
    if not url:
        raise ValueError(_NO_TARGET)
    if "://" not in url:
        url = f"grpc://{url}"
    problem = kinds.url_problem(url, (*GRPC, *HTTP))
    parts = urlsplit(url)
    if text and not problem and parts.path.strip("/"):
        problem = "is not a target: it has a path"
    if text and not problem and parts.scheme in GRPC and parts.port is None:
        problem = "is not a target: it has no port"
    if problem:
        raise ValueError(f"{shown(text)!r} {problem}")
    secure = parts.scheme in ("grpcs", "https")
    port = parts.port or (443 if secure else 80)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{host}:{port}", secure


def _exec(reader: Reader, node: Node, expect: dict[str, Any], defaults: Defaults) -> ExecAction:
    if node.id == "scalar":
        command: tuple[str, ...] = ("sh", "-c", reader.text(node))
    elif node.id == "sequence":
        command = tuple(reader.text(each) for each in node.value)
    else:
        raise ValueError("must be a list of words, or a text for sh")
    if not command or not command[0]:
        raise ValueError("has no command")
    if any("\0" in each for each in command):
        raise ValueError("holds a character with the number 0")
    environment = tuple(reader.variables.items())
    return ExecAction(command, environment, ExecExpect(**_with_text(expect)))


_READ: Final[dict[str, Callable[[Reader, Node, dict[str, Any], Defaults], Action]]] = {
    "http": _http,
    "websocket": _websocket,
    "sse": _sse,
    "grpc": _grpc,
    "exec": _exec,
}


def _keys(reader: Reader, node: Node, table: Table, kind: str) -> dict[str, Any]:
    """What stands there; a text alone is the URL."""
    if node.id == "scalar":
        return {"url": reader.text(node)}
    return reader.fields(node, table, kind)


def _with_text(expect: dict[str, Any]) -> dict[str, Any]:
    text = {key: expect.pop(key) for key in Text.__struct_fields__ if key in expect}
    return expect | {"text": Text(**text)}


def _with_tls(given: dict[str, Any], defaults: Defaults) -> dict[str, Any]:
    """What the step says of TLS stands beside what holds for all."""
    own = given.get("tls", Tls())
    said = {key: value for key in Tls.__struct_fields__ if (value := getattr(own, key))}
    return given | {"tls": replace(defaults.tls, **said)}


def _url(given: dict[str, Any], schemes: tuple[str, ...], defaults: Defaults) -> str:
    """The URL that is asked: a path is appended to the base."""
    if "url" not in given:
        raise Lacking("url", "needs a url")
    url: str = given["url"]
    if not url:
        raise ValueError("needs a url")
    if url.startswith("/"):
        if not defaults.url:
            raise ValueError(
                f"{shown(url)!r} is a path, and there is no base: give one by url or --url"
            )
        url = defaults.url + url
    if "://" not in url:
        raise ValueError(f"{shown(url)!r} is neither a URL nor a path that begins with /")
    if problem := _url_problem(url, schemes):
        raise ValueError(f"{shown(url)!r} {problem}")
    return url


def _url_problem(url: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with it, and what would be right; empty if nothing is."""
    problem = kinds.url_problem(url, schemes)
    if schemes == WEBSOCKET and not problem and "#" in url:
        return f"has a fragment, which a WebSocket has not (RFC 6455, 3): write {shown(url)}"
    if schemes == WEBSOCKET and problem and (right := _of_websocket(url)) != url:
        return f"{problem}: write {shown(right)}"
    if schemes == HTTP and problem and url[:2].lower() == "ws":
        return f"{problem}: a websocket step asks that"
    return problem


def _of_websocket(url: str) -> str:
    """What a URL of HTTP is for a WebSocket (RFC 6455, 3)."""
    return re.sub(
        "^http(s?)(?=://)", lambda found: f"ws{found[1].lower()}", url, flags=re.IGNORECASE
    )
