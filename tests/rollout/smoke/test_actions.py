"""What each kind of step can say."""

import pytest
from msgspec import UNSET

from drainproxy.rollout.smoke.model import (
    ExecAction,
    ExecExpect,
    Grpc,
    GrpcExpect,
    Http,
    HttpExpect,
    Sse,
    SseExpect,
    StatusRange,
    Text,
    WebSocketAction,
    WebSocketExpect,
)
from drainproxy.rollout.smoke.reading import SmokeOptions
from tests.rollout.smoke.files import BASE, action, mistakes, read


def test_a_request_says_everything_about_itself_and_its_answer() -> None:
    assert action(
        """
- http: {url: /a, method: put, headers: {X-One: [1, "2"]}, body: text, follow-redirects: off}
  expect:
    status: [201, 3xx, 400-404]
    headers: {content-type: json}
    contains: a
    not-contains: [b, c]
    matches: ^d
    json: {a: [1, 2.5, true, null, "x", 0x10]}
    within: 500ms
"""
    ) == Http(
        f"{BASE}/a",
        "PUT",
        (("X-One", "1"), ("X-One", "2")),
        b"text",
        False,
        expect=HttpExpect(
            (StatusRange(201, 201), StatusRange(300, 399), StatusRange(400, 404)),
            (("content-type", "json"),),
            Text(("a",), ("b", "c"), ("^d",)),
            {"a": [1, 2.5, True, None, "x", 16]},
            0.5,
        ),
    )


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ("json: {a: [1]}", b'{"a": [1]}', "application/json"),
        ("json: null", b"null", "application/json"),
        ("form: {a: 'b c', d: [e, f]}", b"a=b+c&d=e&d=f", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_has_a_type_is_posted_with_it(body: str, sent: bytes, kind: str) -> None:
    asked = action(f"[{{http: {{url: /a, {body}}}}}]")
    assert asked == Http(f"{BASE}/a", "POST", (("Content-Type", kind),), sent)


def test_a_type_and_a_method_of_ones_own_stay() -> None:
    asked = action("[{http: {url: /a, method: PUT, json: 1, headers: {content-type: x/y}}}]")
    assert asked == Http(f"{BASE}/a", "PUT", (("content-type", "x/y"),), b"1")


def test_bytes_are_written_in_base64() -> None:
    asked = action("[{http: {url: /a, method: POST, body: !!binary AP8=}}]")
    assert isinstance(asked, Http)
    assert asked.body == b"\x00\xff"


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("{http: /a}", True),
        ("{http: /a, expect: {status: 302}}", False),
        ("{http: /a, expect: {status: [301, 307]}}", False),
        ("{http: /a, expect: {status: [301, 200]}}", True),
        ("{http: {url: /a, follow-redirects: on}, expect: {status: 302}}", True),
        ("{http: {url: /a, follow-redirects: off}}", False),
    ],
)
def test_redirects_are_followed_unless_one_is_expected(text: str, follows: bool) -> None:
    asked = action(f"[{text}]")
    assert isinstance(asked, Http)
    assert asked.follows is follows


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("/ws", "ws://app:8080/ws"),
        ("ws://other/x", "ws://other/x"),
        ("wss://other/x", "wss://other/x"),
        ("WSS://other/x", "WSS://other/x"),
    ],
)
def test_a_websocket_says_what_is_sent_and_what_comes(url: str, asked: str) -> None:
    assert action(
        f"""
- websocket: {{url: "{url}", subprotocols: [a, b], send: [hello, !!binary AA==], close: 3000}}
  expect: {{messages: [x, y], subprotocol: b, close-code: 1005, within: 1s}}
"""
    ) == WebSocketAction(
        asked,
        (),
        ("a", "b"),
        ("hello", b"\0"),
        3000,
        expect=WebSocketExpect(("x", "y"), "b", 1005, 1.0),
    )


def test_a_stream_says_which_events_come() -> None:
    text = """
- sse: {url: /events, headers: {Last-Event-ID: 7}}
  expect: {events: 3, first-event-within: 2s, contains: a, event: end, ends: true}
"""
    expect = SseExpect(3, (), 2.0, ("a",), "end", True)
    assert action(text) == Sse(f"{BASE}/events", (("Last-Event-ID", "7"),), expect=expect)


@pytest.mark.parametrize(
    ("target", "dialled", "secure"),
    [
        ("app:50051", "app:50051", False),
        ("grpc://app:50051", "app:50051", False),
        ("grpcs://app:443", "app:443", True),
        ("https://app", "app:443", True),
        ("http://[::1]:80", "[::1]:80", False),
    ],
)
def test_a_call_has_a_target(target: str, dialled: str, secure: bool) -> None:
    assert action(f"[{{grpc: '{target}'}}]") == Grpc(dialled, secure)


def test_a_call_without_a_target_goes_to_the_base() -> None:
    assert action("[{grpc: {service: shop}}]") == Grpc("app:8080", service="shop")
    (step,) = read("[{grpc: {service: shop}}]", SmokeOptions(url="https://app/base")).steps
    assert step.action == Grpc("app:443", True, service="shop")


def test_a_call_says_what_is_sent_and_what_comes() -> None:
    assert action(
        """
- grpc: {target: a:1, method: shop.v1.Cart/Add, json: {sku: x}, metadata: {k: v}}
  expect: {status: not_found, contains: x, json: {a: 1}}
"""
    ) == Grpc(
        "a:1",
        method="/shop.v1.Cart/Add",
        json={"sku": "x"},
        metadata=(("k", "v"),),
        expect=GrpcExpect("NOT_FOUND", text=Text(("x",)), json={"a": 1}),
    )
    given = "metadata: {T-Bin: [!!binary AA==, !!binary AQ==]}"
    asked = action(f"[{{grpc: {{target: 'a:1', method: a.B/C, {given}}}}}]")
    assert asked == Grpc("a:1", method="/a.B/C", metadata=(("t-bin", b"\0"), ("t-bin", b"\1")))
    asked = action("[{grpc: {target: 'a:1', method: /a.B/C, message: !!binary AA==}}]")
    assert asked == Grpc("a:1", method="/a.B/C", message=b"\0", json=UNSET)


def test_a_command_is_a_list_of_words_or_a_text_for_the_shell() -> None:
    words = action("[{exec: [a, 'b c'], expect: {exit-code: 3, contains: x}}]")
    shell = action("[{exec: 'a | b'}]")
    assert isinstance(words, ExecAction)
    assert isinstance(shell, ExecAction)
    assert (words.command, words.expect) == (("a", "b c"), ExecExpect(3, Text(("x",))))
    assert shell.command == ("sh", "-c", "a | b")


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{http: a b c}", "'a b c' is not [METHOD] URL"),
        ("{http: b}", "'b' is neither a URL nor a path that begins with /"),
        ("{http: 'ws://a'}", "begins with http:// or https://: a websocket step asks that"),
        ("{sse: 'ftp://a'}", "'ftp://a' is not a URL that begins with http:// or https://"),
        ("{websocket: 'http://a/b?c=d'}", "begins with ws:// or wss://: write ws://a/b?c=..."),
        ("{websocket: 'HTTPS://a'}", "begins with ws:// or wss://: write wss://a"),
        ("{websocket: 'ftp://a'}", "'ftp://a' is not a URL that begins with ws:// or wss://"),
        ("{websocket: 'wss://a/b#c'}", "'wss://a/b' has a fragment, which a WebSocket has not"),
        ("{websocket: '/b#c'}", "(RFC 6455, 3): write ws://app:8080/b"),
        ("{http: {}}", "http needs a url"),
        ("{http: {url: /a, method: 'a b'}}", "method 'a b' is not a token"),
        ("{http: {url: /a, headers: {'a b': c}}}", "holds 'a b', which is no name of a field"),
        ('{http: {url: /a, headers: {a: "b\\nc"}}}', "a holds the end of a line"),
        ("{http: {url: /a, headers: [a]}}", "headers must be a mapping of names and texts"),
        ("{http: {url: /a, body: [a]}}", "body must be a text"),
        ("{http: {url: /a, body: !!binary '?'}}", "body is not base64"),
        ("{http: /a, expect: {status: []}}", "status holds none"),
        ("{http: /a, expect: {status: 404-400}}", "ends before it begins"),
        ("{http: /a, expect: {matches: '('}}", "matches '(' is not a regular expression"),
        ("{http: /a, expect: {close-code: 1000}}", "close-code is not a key of expect of http"),
        ("{websocket: {url: /a, subprotocols: a}, expect: {subprotocol: b}}", "does not offer"),
        ("{websocket: /a, expect: {close-code: 1006}}", "close-code '1006' is not a code"),
        ("{sse: /a, expect: {events: 0}}", "events '0' is not a count from 1"),
        ("{sse: /a, expect: {status: 404}}", "status is not a key of expect of sse"),
        ("{grpc: a}", "'a' is not a target: it has no port"),
        ("{grpc: 'grpc://a:1/b'}", "is not a target: it has a path"),
        ("{grpc: {target: 'a:1', message: b}}", "grpc has message without method"),
        ("{grpc: {target: 'a:1', method: a.B/C, service: d}}", "grpc has service and method"),
        ("{grpc: {target: 'a:1', method: a.B/C, message: d, json: 1}}", "a call has one message"),
        ("{grpc: 'a:1', expect: {contains: a}}", "expects contains, which a health check has not"),
        ("{grpc: 'a:1', expect: {status: GOOD}}", "status 'GOOD' is not one of OK, CANCELLED"),
        ("{grpc: {target: 'grpcs://a:1', tls: {insecure: true}}}", "cannot be insecure"),
        ("{grpc: {target: 'a:1', method: a.B/C, metadata: {'x!y': a}}}", "'x!y', which is no name"),
        ("{grpc: {target: 'a:1', method: a.B/C, metadata: {t-bin: abc}}}", "t-bin: a name that"),
        ("{grpc: {target: 'a:1', method: a.B/C, metadata: {t: !!binary AA==}}}", "t: a name that"),
        (
            "{grpc: {target: 'a:1', method: a.B/C, metadata: {x: →}}}",
            "x holds what is not printable",
        ),
        ("{grpc: {target: 'a:1', method: a.B/C, metadata: [a]}}", "metadata must be a mapping"),
        ("{websocket: 'ws://.example.com/ws'}", "its host is no name"),
        ("{http: 'http://é..x/'}", "its host is no name"),
        ("{exec: {a: b}}", "exec must be a list of words, or a text for sh"),
        ("{exec: []}", "exec has no command"),
        ('{exec: ["a\\0"]}', "a character with the number 0"),
        ("{exec: [a], expect: {exit-code: 256}}", "exit-code '256' is not an exit code"),
    ],
)
def test_what_a_step_cannot_say_is_told(step: str, problem: str) -> None:
    (told,) = mistakes(f"[{step}]")
    assert problem in told


@pytest.mark.parametrize("step", ["http", "websocket", "sse", "grpc"])
def test_whom_to_ask_is_not_missed_where_it_is_wrong(step: str) -> None:
    key = "target" if step == "grpc" else "url"
    (mistake,) = mistakes(f"- {step}: {{{key}: '${{NAME}}:80'}}", SmokeOptions())
    assert "needs the variable NAME" in mistake
    (mistake,) = mistakes(f"- {step}: {{{key}: ''}}", SmokeOptions())
    assert f"{step} needs a {key}" in mistake
    (mistake,) = mistakes(f"- {step}: {{}}", SmokeOptions())
    assert f"{step} needs a {key}" in mistake
