"""Parsers of single values of a test. Each raises ValueError with a predicate."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from drainproxy.config import parse_duration
from drainproxy.config.kinds import parse_close_code, parse_count, parse_switch

from .model import StatusRange
from .nodes import FieldReader, Node, Reader, merged

# grpc-status, by number (gRPC over HTTP/2).
GRPC_STATUSES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
# grpc.health.v1.HealthCheckResponse.ServingStatus, by number.
HEALTH_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")

MOST_RETRIES = 1000

_STATUS = re.compile(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FIELD_VALUE = re.compile(r"[^\x00\r\n]*")  # 5.5
# gRPC over HTTP/2, Custom-Metadata
_METADATA_NAME = re.compile(r"[0-9a-z_.-]+")
_METADATA_VALUE = re.compile(r"[\x20-\x7e]*")
_GRPC_METHOD = re.compile(r"/?([\w.]+)[/.](\w+)")


def parsed(parse: Callable[[str], Any], shown: Callable[[str], str] = str) -> FieldReader:
    """The reader of one text that `parse` makes a value of; what is wrong is shown."""

    def read(reader: Reader, node: Node) -> Any:
        text = reader.text(node)
        try:
            return parse(text)
        except ValueError as error:
            raise ValueError(f"{shown(text)!r} {error}") from None

    return read


def parse_positive(text: str) -> float:
    """A duration that is not 0, in seconds."""
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError("must be more than 0")
    return seconds


def parse_retries(text: str) -> int:
    """How many more attempts."""
    count = parse_count(text)
    if count > MOST_RETRIES:
        raise ValueError(f"is more than {MOST_RETRIES}")
    return count


def parse_events(text: str) -> int:
    """How many events."""
    count = parse_count(text)
    if not 1 <= count <= 100_000:
        raise ValueError("is not a count from 1 to 100000")
    return count


def parse_exit_code(text: str) -> int:
    """An exit code as the shell has it: 128 and its number for a signal."""
    code = parse_count(text)
    if code > 255:
        raise ValueError("is not an exit code, from 0 to 255")
    return code


def parse_status(text: str) -> StatusRange:
    """`200`, `2xx` or `200-299`."""
    match = _STATUS.fullmatch(text)
    if not match:
        raise ValueError("is not a status such as 200, 2xx or 200-299")
    if match[1]:
        return StatusRange(int(match[1]) * 100, int(match[1]) * 100 + 99)
    first, last = int(match[2]), int(match[3] or match[2])
    if last < first:
        raise ValueError("ends before it begins")
    return StatusRange(first, last)


def parse_token(text: str) -> str:
    """A method, the name of a field, a subprotocol."""
    if not _TOKEN.fullmatch(text):
        raise ValueError("is not a token (RFC 9110, 5.6.2)")
    return text


def parse_expression(text: str) -> str:
    """A regular expression of Python."""
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


def word_of(words: tuple[str, ...]) -> Callable[[str], str]:
    """One of these words, in either case."""

    def parse(text: str) -> str:
        if text.upper() not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return text.upper()

    return parse


def parse_grpc_method(text: str) -> str:
    """`/package.Service/Method`, or as reflection tools have it `package.Service/Method`."""
    match = _GRPC_METHOD.fullmatch(text)
    if not match:
        raise ValueError("is not a method such as /package.Service/Method")
    return f"/{match[1]}/{match[2]}"


def parse_close(text: str) -> int:
    """A code that we may send."""
    return parse_close_code(text)


def parse_expected_close(text: str) -> int:
    """A code that may come: 1005 is a Close without one."""
    code = parse_count(text)
    if not (1000 <= code <= 1015 or 3000 <= code <= 4999) or code in (1004, 1006, 1015):
        raise ValueError("is not a code that a Close may carry (RFC 6455, 7.4); 1005 is none")
    return code


def statuses(reader: Reader, node: Node) -> tuple[StatusRange, ...]:
    """One status, or several of which any will do."""
    nodes = node.value if node.id == "sequence" else [node]
    if not nodes:
        raise ValueError("holds none: name one, such as 200 or 2xx")
    return tuple(parsed(parse_status)(reader, each) for each in nodes)


def expressions(reader: Reader, node: Node) -> tuple[str, ...]:
    """One regular expression, or several."""
    nodes = node.value if node.id == "sequence" else [node]
    return tuple(parsed(parse_expression)(reader, each) for each in nodes)


def headers(reader: Reader, node: Node) -> tuple[tuple[str, str], ...]:
    """Names of fields with their values."""
    found = reader.pairs(node)
    for name, value in found:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"holds {name!r}, which is no name of a field (RFC 9110, 5.1)")
        if not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"{name} holds the end of a line, which no field may (RFC 9110, 5.5)")
    return found


def metadata(reader: Reader, node: Node) -> tuple[tuple[str, str | bytes], ...]:
    """Names of gRPC metadata with their values: bytes where a name ends with -bin (gRPC over
    HTTP/2, Custom-Metadata)."""
    if node.id != "mapping":
        raise ValueError("must be a mapping of names and texts")
    return tuple(
        (name, _metadata_value(name, reader.message(each)))
        for key, value in merged(node)
        for name in [_metadata_name(str(key.value))]
        for each in (value.value if value.id == "sequence" else [value])
    )


def _metadata_name(text: str) -> str:
    if not _METADATA_NAME.fullmatch(text.lower()):
        raise ValueError(f"holds {text!r}, which is no name: it may have 0-9, a-z, _, . and -")
    return text.lower()


def _metadata_value(name: str, value: str | bytes) -> str | bytes:
    if name.endswith("-bin") != isinstance(value, bytes):
        raise ValueError(
            f"{name}: a name that ends with -bin takes bytes (!!binary), no other does"
        )
    if isinstance(value, str) and not _METADATA_VALUE.fullmatch(value):
        raise ValueError(f"{name} holds what is not printable ASCII: name it …-bin, with !!binary")
    return value


def base_url(text: str) -> str:
    """What paths are appended to: `http(s)://HOST[:PORT][/PATH]`."""
    problem = url_problem(text, ("http", "https"))
    if problem:
        raise ValueError(problem)
    if urlsplit(text).query or urlsplit(text).fragment:
        raise ValueError("has a query: nothing can be appended to it")
    return text.rstrip("/")


def url_problem(text: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with an absolute URL; empty if nothing is."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:  # whose words hold parts of it, which may be those of a password
        return "is not a URL: its host or port cannot be read"
    if parts.scheme not in schemes:
        return f"is not a URL that begins with {' or '.join(f'{each}://' for each in schemes)}"
    if not host or re.search(r"[\s\x00-\x1f\x7f]", text):
        return "is not a URL: it has no host" if not host else "is not a URL: it holds a blank"
    return "" if _is_host(host) else "is not a URL: its host is no name (RFC 1123, 2.1)"


def _is_host(host: str) -> bool:
    """Whether it can be asked of DNS: no empty label, none of more than 63 characters."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


DURATION = parsed(parse_positive)
DELAY = parsed(parse_duration)
RETRIES = parsed(parse_retries)
SWITCH = parsed(parse_switch)
EVENTS = parsed(parse_events)
EXIT_CODE = parsed(parse_exit_code)
CLOSE = parsed(parse_close)
CLOSE_CODE = parsed(parse_expected_close)
METHOD = parsed(lambda text: parse_token(text).upper())
GRPC_METHOD = parsed(parse_grpc_method)
GRPC_STATUS = parsed(word_of(GRPC_STATUSES))
HEALTH = parsed(word_of(HEALTH_STATUSES))
