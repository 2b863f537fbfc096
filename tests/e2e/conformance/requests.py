"""RFC 9113, 8: requests that are malformed, though their frames are right."""

from tests.e2e.conformance.cases import MALFORMED, Cases
from tests.e2e.conformance.client import GET, POST, Client, Fields
from tests.e2e.conformance.frames import END_HEADERS, END_STREAM, data
from tests.e2e.conformance.verdicts import Outcome

METHOD, SCHEME, PATH, AUTHORITY = GET

cases = Cases()


def malformed(section: str, requests: dict[str, Fields]) -> None:
    for name, fields in requests.items():
        _malformed(section, name, fields)


def _malformed(section: str, name: str, fields: Fields) -> None:
    @cases.illegal(f"RFC 9113, {section}", MALFORMED, name)
    def play(client: Client) -> Outcome:
        client.request(fields=fields)
        return client.fate(1)


malformed(
    "8.2.1",
    {
        "a name in upper case": [*GET, ("X-Test", "ok")],
        "a name with a space": [*GET, ("x test", "ok")],
        "a name with a colon": [*GET, ("x:test", "ok")],
        "a name with a control character": [*GET, ("x\x01test", "ok")],
        "a name outside of ASCII": [*GET, ("x-tést", "ok")],
        "a name of nothing": [*GET, ("", "ok")],
        "a value with NUL": [*GET, ("x-test", "a\0b")],
        "a value with CR": [*GET, ("x-test", "a\rb")],
        "a value with LF": [*GET, ("x-test", "a\nb: c")],
        "a value with a space before it": [*GET, ("x-test", " ok")],
        "a value with a tab after it": [*GET, ("x-test", "ok\t")],
        "a path with LF": [METHOD, SCHEME, (":path", "/\nhost: x"), AUTHORITY],
    },
)
malformed(
    "8.2.2",
    {
        "a connection field": [*GET, ("connection", "keep-alive")],
        "a keep-alive field": [*GET, ("keep-alive", "timeout=5")],
        "a proxy-connection field": [*GET, ("proxy-connection", "keep-alive")],
        "a transfer-encoding field": [*GET, ("transfer-encoding", "chunked")],
        "an upgrade field": [*GET, ("upgrade", "websocket")],
        "a te field that is not trailers": [*GET, ("te", "trailers, deflate;q=0.5")],
    },
)
malformed(
    "8.3",
    {
        "a pseudo-header that nobody knows": [*GET, (":test", "ok")],
        "a pseudo-header of responses": [*GET, (":status", "200")],
        "a pseudo-header after another field": [METHOD, SCHEME, PATH, ("x-test", "ok"), AUTHORITY],
        "no method": [SCHEME, PATH, AUTHORITY],
        "no scheme": [METHOD, PATH, AUTHORITY],
        "no path": [METHOD, SCHEME, AUTHORITY],
        "two methods": [METHOD, *GET],
        "two schemes": [SCHEME, *GET],
        "two paths": [PATH, *GET],
        "two authorities": [AUTHORITY, *GET],
        "a path of nothing": [METHOD, SCHEME, (":path", ""), AUTHORITY],
        "a path without a slash": [METHOD, SCHEME, (":path", "index.html"), AUTHORITY],
        "no field at all": [("x-test", "ok")],
    },
)
malformed(
    "8.5",
    {
        "CONNECT with a scheme and a path": [(":method", "CONNECT"), SCHEME, PATH, AUTHORITY],
        "CONNECT without an authority": [(":method", "CONNECT")],
    },
)


# Lengths that are wrong


@cases.illegal("RFC 9113, 8.1.1", MALFORMED)
def a_content_length_that_is_too_large(client: Client) -> Outcome:
    client.request(fields=[*POST, ("content-length", "4")], flags=END_HEADERS)
    client.send(data(1, b"one"))
    return client.fate(1)


@cases.illegal("RFC 9113, 8.1.1", MALFORMED)
def a_content_length_that_is_too_small(client: Client) -> Outcome:
    client.request(fields=[*POST, ("content-length", "4")], flags=END_HEADERS)
    client.send(data(1, b"one", 0), data(1, b"two"))
    return client.fate(1)


@cases.illegal("RFC 9113, 8.1.1", MALFORMED)
def a_content_length_of_a_request_without_a_body(client: Client) -> Outcome:
    client.request(fields=[*POST, ("content-length", "4")])
    return client.fate(1)


@cases.illegal("RFC 9113, 8.1.1", MALFORMED)
def a_content_length_that_is_no_number(client: Client) -> Outcome:
    client.request(fields=[*POST, ("content-length", "+3")], flags=END_HEADERS)
    client.send(data(1, b"one"))
    return client.fate(1)


# Trailers


def bad_trailers(name: str, fields: Fields, flags: int) -> None:
    @cases.illegal("RFC 9113, 8.1", MALFORMED, name)
    def play(client: Client) -> Outcome:
        client.request(fields=POST, flags=END_HEADERS)
        client.send(data(1, b"one", 0))
        client.request(fields=fields, flags=flags | END_HEADERS)
        return client.fate(1)


bad_trailers("trailers that are not the end", [("x-after", "all")], 0)
bad_trailers("trailers with a pseudo-header", [METHOD], END_STREAM)
bad_trailers("trailers with a name in upper case", [("X-After", "all")], END_STREAM)
bad_trailers("trailers with a connection field", [("connection", "close")], END_STREAM)
