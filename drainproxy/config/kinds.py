"""How each kind of value is written, in both directions: text to value and value to text.

`parse` raises `ValueError` with a predicate ("is not a duration ..."); its reader says of what.
"""

import re
from collections.abc import Callable
from typing import Any, get_args

from msgspec import Struct

from .addresses import (
    parse_app_host,
    parse_app_source,
    parse_forwards,
    parse_listen,
    parse_ready_ports,
)
from .streams import format_streams, parse_streams
from .values import AppHealth, Forward, Secret


class Kind(Struct, frozen=True):
    """A way to write values: its two directions and how help texts and docs describe it."""

    metavar: str
    values: str
    parse: Callable[[str], object]
    format: Callable[[Any], str] = str
    repeatable: bool = False


_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_DURATION = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?")
_MICROSECONDS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000}
_YEAR = 8760 * 3600
_SIZE = re.compile(r"([0-9]{1,12}) ?(?:B|([KMG])iB?)?")
_BYTES = {"G": 1 << 30, "M": 1 << 20, "K": 1 << 10}
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_COUNT = re.compile(r"[0-9]{1,15}")
# A path and a query (RFC 9112 3.2.1); a fragment is never sent (RFC 9110 4.2.5).
_TARGET = re.compile(r"/[!-\"$-~]*")
_PORT_AT_END = re.compile(r":[0-9]+$")
# Names of services are free, but for what can only be meant as an address.
_SERVICE = re.compile(r"[!-.0-~][!-~]*")
_VISIBLE = re.compile(r"[!-~]+")

# RFC 6455, section 7.4.1: 1004 is reserved; 1005, 1006 and 1015 must not be sent in a frame.
_CLOSE_CODES = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))

# RFC 6455, section 5.5: a control frame carries 125 bytes, two of them are the code.
_LONGEST_REASON = 123


def parse_duration(text: str) -> float:
    """`500ms`, `30s`, `1h30m` or `0`, in seconds."""
    match = _DURATION.fullmatch(text)
    if text == "0":
        return 0.0
    if not text or not match:
        raise ValueError("is not a duration, such as 500ms, 30s, 5m or 1h30m")
    parts = zip(match.groups(default="0"), _MICROSECONDS.values(), strict=True)
    seconds = sum(float(number) * unit for number, unit in parts) / 1_000_000
    if seconds > _YEAR:
        raise ValueError("is longer than a year (8760h)")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest way to write it, exact to the microsecond."""
    rest, text = round(seconds * 1_000_000), ""
    for unit, size in _MICROSECONDS.items():
        count, rest = (rest / size, 0) if unit == "ms" else divmod(rest, size)
        text += f"{count:g}{unit}" if count else ""
    return text or "0"


def parse_size(text: str) -> int:
    """`64KiB`, `64 KiB`, `64Ki` or a plain number, in bytes."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError("is not a size, such as 65536, 64KiB or 1MiB")
    return int(match[1]) * _BYTES.get(match[2], 1)


def format_size(size: int) -> str:
    """The largest unit that divides it."""
    for letter, unit in _BYTES.items():
        if size and size % unit == 0:
            return f"{size // unit}{letter}iB"
    return str(size)


def parse_percent(text: str) -> float:
    """`10%` as the fraction 0.1."""
    match = _PERCENT.fullmatch(text)
    if not match:
        raise ValueError("is not a percentage, such as 10%")
    return float(match[1]) / 100


def parse_count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError("is not a whole number")
    return int(text)


def parse_close_code(text: str) -> int:
    code = parse_count(text)
    if code not in _CLOSE_CODES:
        raise ValueError(
            "is not a code that may be sent: 1000-1003, 1007-1014 or 3000-4999 (RFC 6455)"
        )
    return code


def parse_close_reason(text: str) -> str:
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("is not valid UTF-8") from None
    if length > _LONGEST_REASON:
        raise ValueError(f"has {length} bytes: a Close frame has room for {_LONGEST_REASON}")
    return text


def parse_switch(text: str) -> bool:
    """`on` or `off`; `true` and `false` as YAML writes them."""
    try:
        return {"on": True, "true": True, "off": False, "false": False}[text.lower()]
    except KeyError:
        raise ValueError("is neither on nor off") from None


def parse_path(text: str) -> str:
    if not text or "\0" in text:
        raise ValueError("is not the path of a file")
    return text


def parse_secret(text: str) -> Secret:
    if not _VISIBLE.fullmatch(text):
        raise ValueError("must be visible ASCII characters without blanks")
    return Secret(text)


def parse_app_health(text: str) -> AppHealth:
    kind, _, detail = text.partition(":")
    if text == "tcp":
        return AppHealth("tcp")
    if kind == "http":
        url = detail.startswith("//")
        host, _, path = detail[2:].partition("/") if url else ("", "", detail[1:])
        right = _is_host(host) if url else detail.startswith("/")
        if right and _TARGET.fullmatch("/" + path):
            return AppHealth("http", path="/" + path, host=host)
    if text == "grpc" or (kind == "grpc" and _SERVICE.fullmatch(detail)):
        return AppHealth("grpc", service=detail)
    raise ValueError(
        "is not tcp, http:PATH (such as http:/healthz), http://HOST/PATH or grpc[:SERVICE]"
    )


def _is_host(text: str) -> bool:
    """What a Host field may say (RFC 9110 7.2), without a user."""
    try:
        return bool(parse_listen(text if _PORT_AT_END.search(text) else f"{text}:80").host)
    except ValueError:
        return False


def choice(literal: Any) -> Kind:
    """One of the words of a `Literal`."""
    words: tuple[str, ...] = get_args(literal)

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return text.lower()

    return Kind("|".join(words), ", ".join(words), parse)


def _format_forwards(forwards: tuple[Forward, ...]) -> str:
    return " ".join(map(str, forwards))


FORWARDS = Kind(
    "LISTEN=APP[/PROTOCOL]",
    "LISTEN=APP[/PROTOCOL], repeatable",
    parse_forwards,
    _format_forwards,
    repeatable=True,
)
LISTEN = Kind("HOST:PORT", "PORT or HOST:PORT", parse_listen)
DURATION = Kind("DURATION", "duration", parse_duration, format_duration)
SIZE = Kind("SIZE", "size", parse_size, format_size)
PERCENT = Kind("PERCENT", "percentage", parse_percent, lambda share: f"{share * 100:g}%")
COUNT = Kind("COUNT", "whole number", parse_count)
SWITCH = Kind("on|off", "on, off", parse_switch, lambda on: "on" if on else "off")
PATH = Kind("FILE", "path", parse_path)
SECRET = Kind("TOKEN", "visible ASCII", parse_secret, lambda _: "***")
CLOSE_CODE = Kind("CODE", "1000-1003, 1007-1014, 3000-4999", parse_close_code)
CLOSE_REASON = Kind("TEXT", f"at most {_LONGEST_REASON} bytes", parse_close_reason)
APP_HEALTH = Kind("CHECK", "tcp, http:PATH, http://HOST/PATH, grpc[:SERVICE]", parse_app_health)
APP_HOST = Kind("HOST", "localhost, pod-ip or an IP address", parse_app_host)
APP_SOURCE = Kind("IP", "IP address, off", parse_app_source)
STREAM_DRAIN = Kind(
    "CONTENT-TYPE=end",
    "CONTENT-TYPE=end or /PATH-PREFIX=end, repeatable",
    parse_streams,
    format_streams,
    repeatable=True,
)
READY_PORTS = Kind("PORT[,PORT]", "ports of the app, all, none", parse_ready_ports)
