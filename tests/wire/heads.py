"""Heads made of field lines, parsed."""

from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import Request, Response, parse_request, parse_response

MOST_FIELDS = 100


def request_of(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bool = True) -> Request:
    """The parsed head of `line`, a Host and these fields."""
    lines = [line, *([b"Host: a.example"] if host else []), *fields]
    return parse_request(b"\r\n".join(lines) + b"\r\n\r\n", MOST_FIELDS)


def response_of(
    *fields: bytes, line: bytes = b"HTTP/1.1 200 OK", method: bytes = b"GET"
) -> Response:
    """The parsed head of an answer to `method`."""
    return parse_response(b"\r\n".join([line, *fields]) + b"\r\n\r\n", method, MOST_FIELDS)


def status_of(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bool = True) -> int:
    """The status that the client is told; 0 if the request is taken."""
    # Twice, because lines are remembered.
    try:
        request_of(*fields, line=line, host=host)
        request_of(*fields, line=line, host=host)
    except Refused as refused:
        return refused.status
    return 0
