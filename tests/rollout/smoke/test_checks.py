"""An answer is compared with what is expected of it."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.smoke.answers import (
    Answer,
    Event,
    ExecAnswer,
    GrpcAnswer,
    HttpAnswer,
    SseAnswer,
    WebSocketAnswer,
)
from drainproxy.rollout.smoke.checks import Wanted, differences, problems, readable, searched
from drainproxy.rollout.smoke.model import Sse
from tests.rollout.smoke.files import action

OK = HttpAnswer(200, (("Content-Type", "text/plain"),), b"hello world", 11)
CALLED = "{target: 'a:1', method: a.B/C}"


def told(step: str, answer: Answer, seconds: float = 0.1) -> tuple[str, ...]:
    asked = action(f"[{{{step}}}]")
    patterns, text = searched(asked, answer)
    unmatched = [each for each in patterns if not re.search(each, text)]
    return problems(asked, answer, seconds, unmatched)


@pytest.mark.parametrize(
    "expect",
    [
        "{}",
        "{status: 200}",
        "{status: [404, 2xx]}",
        "{headers: {content-type: TEXT}}",
        "{contains: [hello, world], not-contains: bye, matches: '^h.*d$'}",
        "{within: 100ms}",
    ],
)
def test_an_answer_that_is_right_has_no_problems(expect: str) -> None:
    assert told(f"http: /a, expect: {expect}", OK) == ()


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ("{status: [201, 3xx]}", "status is 200, not 201 or 3xx: hello world"),
        ("{headers: {content-type: json}}", "header content-type is text/plain, which does not"),
        ("{headers: {etag: ''}}", "the answer has no header etag"),
        ("{contains: bye}", "the body does not hold 'bye': hello world"),
        ("{not-contains: world}", "the body holds 'world'"),
        ("{matches: ^w}", "the body does not match '^w': hello world"),
        ("{json: {}}", "the body is not JSON: hello world"),
        ("{within: 99ms}", "took 0.1 s, more than 0.099 s"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(expect: str, problem: str) -> None:
    (only,) = told(f"http: /a, expect: {expect}", OK)
    assert only.startswith(problem)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    expect = "{status: 201, contains: bye, headers: {a: b}, within: 1ms}"
    assert len(told(f"http: /a, expect: {expect}", OK)) == 4


def test_where_a_redirect_leads_is_said_without_its_query() -> None:
    answer = HttpAnswer(302, (("location", "/login?token=secret"),))
    (problem,) = told("http: {url: /a, follow-redirects: off}", answer)
    assert problem == "status is 302 (to /login), not 2xx"


def test_a_body_of_which_the_end_was_not_kept_is_said_to_be_so() -> None:
    (problem,) = told("http: /a, expect: {contains: x}", HttpAnswer(200, (), b"abc", 1000))
    assert problem.startswith("the body, of which the first 3 characters were looked at, does not")


PART_OF_BODY = HttpAnswer(200, (), b'{"a":1}', 1000)
PART_OF_OUTPUT = ExecAnswer(0, "a", cut=True)


@pytest.mark.parametrize(
    ("step", "part"),
    [
        ("http: /a, expect: {not-contains: ERROR}", PART_OF_BODY),
        ("http: /a, expect: {matches: a}", PART_OF_BODY),
        ("http: /a, expect: {json: {a: 1}}", PART_OF_BODY),
        ("exec: a, expect: {not-contains: ERROR}", PART_OF_OUTPUT),
        ("exec: a, expect: {matches: a}", PART_OF_OUTPUT),
    ],
)
def test_a_part_of_a_text_does_not_prove_what_the_whole_is_not(step: str, part: Answer) -> None:
    (problem,) = told(step, part)
    assert "is longer than" in problem
    assert "was not looked at whole" in problem


@pytest.mark.parametrize("expect", ["{contains: a}", "{}", "{within: 1s}"])
def test_what_a_part_of_a_text_proves_holds(expect: str) -> None:
    assert told(f"http: /a, expect: {expect}", HttpAnswer(200, (), b"abc", 1000)) == ()
    assert told(f"exec: a, expect: {expect}", ExecAnswer(0, "abc", cut=True)) == ()


def test_output_of_which_the_beginning_was_not_kept_is_said_to_be_so() -> None:
    (problem,) = told("exec: a, expect: {contains: x}", ExecAnswer(0, "abc", cut=True))
    assert problem.startswith("its output, of which the last 3 characters were looked at, does not")


def test_what_a_service_says_cannot_write_to_the_terminal() -> None:
    (problem,) = told("http: /a", HttpAnswer(500, (), b"\x1b[2J\r\n\x07" + b"x" * 1000, 1007))
    assert problem.isprintable()
    assert len(problem) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(JSON)
def test_every_value_is_a_part_of_itself(value: Any) -> None:
    assert [*differences("it", value, value)] == []


@given(JSON, JSON)
def test_a_value_with_more_keys_holds_the_one_with_fewer(value: Any, other: Any) -> None:
    assert [*differences("it", {"a": value}, {"a": value, "b": other})] == []
    assert [*differences("it", {"a": value, "b": other}, {"a": value})] == ["it has no key 'b'"]


@pytest.mark.parametrize(
    ("expected", "value", "problem"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "it.a.b is 2, not 1"),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "it.a[1].b is 3, not 2"),
        ([1, 2], [1], "it has 1 item, not 2"),
        ([], {}, "it is {}, not []"),
        (1, True, "it is true, not 1"),
        (False, 0, "it is 0, not false"),
        (None, 0, "it is 0, not null"),
        ("1", 1, 'it is 1, not "1"'),
    ],
)
def test_where_a_value_differs_is_said(expected: Any, value: Any, problem: str) -> None:
    assert [*map(readable, differences("it", expected, value))] == [problem]
    body = msgspec.json.encode({"it": value})
    spelled = msgspec.json.encode({"it": expected}).decode()
    assert told(f"http: /a, expect: {{json: {spelled}}}", HttpAnswer(200, (), body, len(body)))


@pytest.mark.parametrize(
    ("expect", "answer", "problem"),
    [
        ("{close-code: 1001}", WebSocketAnswer(close_code=1001), ""),
        ("{close-code: 1001}", WebSocketAnswer(close_code=1000), "ended with Close 1000, not"),
        ("{close-code: 1001}", WebSocketAnswer(), "ended with a lost connection, not Close 1001"),
        ("{subprotocol: a}", WebSocketAnswer(""), "the server chose the subprotocol none, not a"),
        ("{close-code: 1013}", WebSocketAnswer("", 1013, True), ""),
        ("{}", WebSocketAnswer(), ""),
        ("{}", WebSocketAnswer("", 1000), ""),
        ("{}", WebSocketAnswer("", 1005), ""),
        ("{}", WebSocketAnswer("", 1000, True), ""),
        ("{}", WebSocketAnswer("", 1001, True), ""),
        *(
            (
                "{}",
                WebSocketAnswer("", code, True),
                f"it opened, and the server ended it with Close {code}",
            )
            for code in (1002, 1003, 1005, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4401)
        ),
        ("{}", WebSocketAnswer("", None, True), "it opened, and the server ended it with a lost"),
        ("{}", WebSocketAnswer("", 1011), "our Close ended it with Close 1011: if that is right"),
    ],
)
def test_a_websocket_is_checked(expect: str, answer: WebSocketAnswer, problem: str) -> None:
    found = told(f"websocket: {{url: /ws, subprotocols: a}}, expect: {expect}", answer)
    assert "".join(found).startswith(problem)
    assert bool(found) is bool(problem)


def test_a_server_may_repeat_the_code_of_our_close() -> None:
    step = "websocket: {url: /ws, close: 3001}"
    assert told(step, WebSocketAnswer("", 3001)) == ()
    assert told(step, WebSocketAnswer("", 3001, True)) != ()


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ("{events: 2, first-event-within: 2s, contains: [one, two], event: end}", ""),
        ("{events: 3}", "the stream ended after 2 events of 3"),
        ("{first-event-within: 900ms}", "the first event took 1 s, more than 0.9 s"),
        ("{contains: three}", "no event of 2 holds 'three'"),
        ("{event: begin}", "no event of 2 is called begin"),
        ("{headers: {cache-control: no-store}}", "the answer has no header cache-control"),
    ],
)
def test_a_stream_is_checked(expect: str, problem: str) -> None:
    asked = action(f"[{{sse: /events, expect: {expect}}}]")
    assert isinstance(asked, Sse)
    wanted = Wanted(asked.expect)
    wanted.take(Event("message", "one"))
    wanted.take(Event("end", "two"))
    found = problems(asked, SseAnswer((), 2, wanted.missing, 1.0), 0.1)
    assert found == ((problem,) if problem else ())


@pytest.mark.parametrize(
    ("step", "answer", "problem"),
    [
        ("grpc: 'a:1'", GrpcAnswer("OK", health="SERVING"), ""),
        ("grpc: 'a:1'", GrpcAnswer("OK", health="NOT_SERVING"), "health is NOT_SERVING, not"),
        ("grpc: 'a:1', expect: {health: unknown}", GrpcAnswer("OK", health="UNKNOWN"), ""),
        ("grpc: 'a:1'", GrpcAnswer("NOT_FOUND", "who?"), "status is NOT_FOUND, not OK: who?"),
        ("grpc: 'a:1', expect: {status: NOT_FOUND}", GrpcAnswer("NOT_FOUND"), ""),
        (f"grpc: {CALLED}, expect: {{contains: x}}", GrpcAnswer("OK", message=b"axb"), ""),
        (f"grpc: {CALLED}, expect: {{contains: x}}", GrpcAnswer("OK", message=b"a"), "the message"),
        (f"grpc: {CALLED}, expect: {{json: {{a: 1}}}}", GrpcAnswer("OK", json={"a": 1}), ""),
        (f"grpc: {CALLED}, expect: {{json: {{a: 1}}}}", GrpcAnswer("OK", json={}), "the message"),
        (f"grpc: {CALLED}, expect: {{json: {{a: 1}}}}", GrpcAnswer("OK", message=b'{"a":1}'), ""),
        (f"grpc: {CALLED}, expect: {{contains: b}}", GrpcAnswer("OK", json={"a": "b"}), ""),
    ],
)
def test_a_call_is_checked(step: str, answer: GrpcAnswer, problem: str) -> None:
    found = told(step, answer)
    assert "".join(found).startswith(problem)
    assert bool(found) is bool(problem)


@pytest.mark.parametrize(
    ("expect", "answer", "problem"),
    [
        ("{}", ExecAnswer(0), ""),
        ("{exit-code: 2, contains: out}", ExecAnswer(2, "out"), ""),
        ("{}", ExecAnswer(1, "out", "no such queue\n"), "exit code is 1, not 0: no such queue"),
        ("{}", ExecAnswer(1, "out"), "exit code is 1, not 0: out"),
        ("{}", ExecAnswer(-9), "exit code is 137 (signal 9), not 0"),
        ("{contains: x}", ExecAnswer(0, "out"), "its output does not hold 'x': out"),
    ],
)
def test_a_command_is_checked(expect: str, answer: ExecAnswer, problem: str) -> None:
    assert told(f"exec: [a], expect: {expect}", answer) == ((problem,) if problem else ())


def test_an_answer_of_another_kind_is_our_own_mistake() -> None:
    with pytest.raises(TypeError, match="ExecAnswer answers no Http"):
        told("http: /a", ExecAnswer(0))
