"""Whoever is turned away by us can be read about: each refusal is told with its reason."""

from collections.abc import Callable
from typing import Any

import pytest

from drainproxy.relay.context import Access
from drainproxy.wire.logged import NO_FACTS, Facts
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.frames import (
    CONNECT,
    GET,
    NO_ERROR,
    OK,
    PREFACE,
    WEBSOCKET,
    Fields,
    data,
    priority,
    settings,
)
from tests.relay.http1.test_connection import POST
from tests.relay.proxy import Proxy
from tests.relay.streams import asked, begun
from tests.relay.upgraded import UPGRADE

Said = list[tuple[str, str]]


def listened(talk: Conversation) -> Said:
    """What is told from now on: the reason as it is counted, and the words."""
    said: Said = []

    def refused(reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None:
        said.append((reason, words))

    talk.proxy.context.refusal = refused
    return said


def test_a_request_that_is_turned_away_is_told_with_its_trace() -> None:
    heard: list[Facts] = []

    def refused(reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None:
        heard.append(facts)

    talk = Conversation()
    talk.proxy.context.refusal = refused
    talk.client_sends(request("/", "Traceparent: 00-1-2-01"))
    talk.app_resets()

    assert [facts[b"traceparent"] for facts in heard] == [b"00-1-2-01"]


def http1(*sent: bytes, **about: Any) -> tuple[Conversation, Said]:
    talk = Conversation(**about)
    said = listened(talk)
    talk.client_sends(*sent)
    return talk, said


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        # RFC 9112 2.2, 6.3 and 3.2; RFC 6585 5.
        (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400 "),
        (request("/", "Content-Length: 1", "Transfer-Encoding: chunked", method="POST"), "400 "),
        (b"GET / HTTP/1.1\r\n\r\n", "400 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + bytes(range(97, 123)) * 3000 + b"\r\n", "431 "),
        (request(method="CONNECT"), "501 "),
    ],
)
def test_a_malformed_request_is_told(sent: bytes, words: str) -> None:
    talk, said = http1(sent)
    answer = talk.client_got()
    ((reason, told),) = said
    assert (reason, told[:4]) == ("malformed", words)
    assert told[4:].encode() in answer


@pytest.mark.parametrize("answered", [response(), response()[:-1]], ids=["whole", "in part"])
def test_a_body_that_breaks_when_its_answer_has_begun_is_told(answered: bytes) -> None:
    """Though there is no way left to answer 400."""
    talk, said = http1(request("/", "Transfer-Encoding: chunked", method="POST"))
    talk.app_sends(answered)
    talk.client_sends(b"oops\r\n")
    assert talk.client_got() == answered
    assert said == [("malformed", "ended: a chunk size is not plain hex")]


def test_what_turns_out_as_a_request_when_nobody_can_answer_it_is_told() -> None:
    talk, said = http1(b"\x01GET / HTTP/1.1", protocol="auto")
    talk.app_ends()
    talk.client_ends()
    assert talk.client.state == "reset"
    assert said == [("malformed", "reset: a request line that no client writes")]


MINE = "Traceparent: 00-1-2-01"


@pytest.mark.parametrize(
    "sent",
    [
        request("/", MINE, "Bad Name: 1"),
        b"\r\n" + request("/", MINE, method="CONNECT"),
        request("/", MINE, "X: " + "y" * 80_000),
        request("/", "Traceparent: 00-3-4-01") + request("/", MINE, "X : 1"),
        request("/", MINE, "Content-Length: x") + request("/", "Host: b"),
    ],
)
def test_a_head_that_is_turned_away_is_told_with_its_trace(sent: bytes) -> None:
    """That of another request, before it or behind it, is none of its own."""
    talk = Conversation()
    told = traced(talk)
    lines: list[Access] = []
    talk.proxy.context.access_log = lines.append
    talk.client_sends(sent)
    if any(talk.in_flight.values()):
        talk.app_sends(response())

    assert told == [b"00-1-2-01"]
    assert lines[-1].facts[b"host"] == b"a.example"


@pytest.mark.parametrize(("more", "trace"), [(b"", None), (b"\r\nX", b"00-1-2-01")])
def test_a_head_that_does_not_end_is_told_with_its_trace(more: bytes, trace: bytes | None) -> None:
    """If as much has come."""
    talk = Conversation(header_timeout=2)
    told = traced(talk)
    talk.client_sends(request("/", MINE)[:-4] + more)
    talk.proxy.wait(3)
    assert told == [trace]


def test_a_head_that_does_not_end_is_told() -> None:
    talk, said = http1(b"GET / HT", header_timeout=2)
    talk.proxy.wait(3)
    assert said == [("header-timeout", "408 the request's head did not end in time")]


def test_a_client_that_does_not_say_what_it_speaks_is_told() -> None:
    talk, said = http1(b"PR", header_timeout=2)
    talk.proxy.wait(3)
    assert [reason for reason, _ in said] == ["header-timeout"]


def test_an_app_that_cannot_be_had_is_told() -> None:
    talk, said = http1(request(), app_listens=False)
    talk.app_refuses()
    assert said == [("app", "503 the app does not accept connections")]


def test_an_app_that_closes_or_breaks_off_is_told() -> None:
    talk, said = http1(POST)
    talk.app_ends()
    assert said == [("app", "502 the app closed the connection before the end of its answer")]
    talk, said = http1(request())
    talk.app_sends(head("HTTP/1.1 200 OK", "Content-Length: 9") + b"half")
    talk.app_ends()
    ((reason, words),) = said
    assert (reason, words.partition(":")[0]) == ("app", "its answer breaks off")


def test_an_app_that_is_late_is_told() -> None:
    talk, said = http1(request(), request_timeout=2)
    talk.proxy.wait(3)
    assert said == [("app", "504 the app did not answer in time")]


def test_what_the_deadline_ends_is_told() -> None:
    talk, said = http1(request())
    talk.proxy.aborts()
    assert said == [("deadline", "503 the time to drain is over")]


def test_of_who_is_over_the_limit_one_line_is_enough() -> None:
    first = Conversation(max_connections=1)
    noticed: list[str] = []
    first.proxy.context.notice = lambda budget, *_: noticed.append(budget)
    said = listened(first)
    talk = Conversation(proxy=first.proxy)
    talk.client_sends(request())
    assert talk.client_got().startswith(b"HTTP/1.1 503 ")
    assert (noticed, said) == (["max-connections"], [])


# HTTP/2

TRACE = (b"traceparent", b"00-1-2-01")


def with_log(**limits: Any) -> Proxy:
    """One with an access log, which keeps the fields of requests."""
    proxy = Proxy(**limits)
    proxy.context.access_log = lambda _: None
    return proxy


def traced(talk: Conversation) -> list[bytes | None]:
    """The trace in each line from now on."""
    told: list[bytes | None] = []

    def refused(reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None:
        told.append(facts.get(b"traceparent"))

    talk.proxy.context.refusal = refused
    return told


@pytest.mark.parametrize(
    "fields",
    [
        (*GET, (b"connection", b"close")),
        CONNECT,
        (*GET, *((b"x", b"%d" % number) for number in range(100))),
    ],
)
def test_a_stream_that_is_turned_away_is_told_with_its_trace(fields: Fields) -> None:
    talk = begun(with_log())
    told = traced(talk)
    talk.client_asks(1, (*fields, TRACE))
    assert told == [TRACE[1]]


def test_a_stream_over_the_limit_is_told_with_its_own_trace() -> None:
    talk = begun(with_log(max_streams=1))
    told = traced(talk)
    talk.client_asks(1, (*GET, (b"traceparent", b"00-3-4-01")))
    talk.client_asks(3, (*GET, TRACE))
    assert told == [TRACE[1]]


@pytest.mark.parametrize("proxy", [Proxy, with_log])
@pytest.mark.parametrize(("streams", "trace"), [((1,), TRACE[1]), ((1, 3), None)])
def test_of_streams_that_end_together_a_single_one_is_told_with_its_trace(
    streams: tuple[int, ...], trace: bytes | None, proxy: Callable[[], Proxy]
) -> None:
    """With an access log or without, in which case a block is read at a glance."""
    lost = asked(*streams, fields=(*GET, TRACE), proxy=proxy())
    late = asked(*streams, fields=(*GET, TRACE), proxy=proxy())
    of_lost, of_late = traced(lost), traced(late)
    lost.app_ends()
    late.proxy.says_last_goodbyes()
    assert (of_lost, of_late) == ([trace], [trace])


def test_a_trace_that_comes_again_is_told_again() -> None:
    """Then it is an index into the table, and so is all that stands in its block."""
    talk = asked(1, 3, fields=(*GET, TRACE), request_timeout=2)
    talk.app_sends(talk.answers.headers(1, OK, end=True))
    talk.client_asks(5, GET)
    talk.app_sends(talk.answers.headers(5, OK, end=True))
    told = traced(talk)
    talk.proxy.wait(3)
    assert told == [TRACE[1]]


def test_trailers_that_are_none_are_told_with_the_trace_of_their_request() -> None:
    talk = asked(fields=(*GET, TRACE), end=False, proxy=with_log())
    told = traced(talk)
    talk.client_asks(1, GET)
    assert told == [TRACE[1]]


def test_without_an_access_log_too_all_that_are_turned_away_are_told_with_their_trace() -> None:
    """The block of the first was read at a glance. From then on blocks are encoded anew, for which
    they are read whole."""
    talk = begun(Proxy(max_header_bytes=4000))
    told = traced(talk)
    traces = [b"00-%d-2-01" % stream for stream in (1, 3, 5)]
    talk.client_asks(1, (*CONNECT, (b"traceparent", traces[0])))
    talk.client_asks(3, (*CONNECT, (b"traceparent", traces[1])))
    talk.client_asks(5, (*GET, (b"traceparent", traces[2]), (b"x", b"y" * 5000)))
    assert told == traces


def test_whoever_is_answered_instead_of_the_app_stands_in_the_access_log() -> None:
    """As over HTTP/1: who asked in which trace, and what the answer was."""
    lines: list[Access] = []
    talk = begun(Proxy(max_header_bytes=4000))
    talk.proxy.context.access_log = lines.append
    talk.client_asks(1, (*CONNECT, TRACE))
    talk.client_asks(3, (*GET, TRACE, (b"x", b"y" * 5000)))
    talk.proxy.leaves()
    talk.proxy.closes()
    talk.client_asks(5, (*WEBSOCKET, TRACE))

    told = [(line.kind, line.target, line.status) for line in lines]
    assert told == [("http2", "-", 501), ("http2", "-", 431), ("http2", "/", 503)]
    assert [line.facts[b"traceparent"] for line in lines] == [TRACE[1]] * len(lines)


def test_a_malformed_stream_is_told() -> None:
    talk = begun()
    said = listened(talk)
    talk.client_asks(1, (*GET, (b"connection", b"close")))
    assert [reason for reason, _ in said] == ["malformed"]
    talk.client_asks(3, ((b":method", b"CONNECT"), (b":authority", b"a.example:1")))
    assert said[1] == ("malformed", "501 CONNECT is not supported")
    assert talk.rejected == {"malformed": 2}


def test_a_connection_that_breaks_the_rules_is_told_with_the_reason() -> None:
    talk = begun()
    said = listened(talk)
    talk.client_sends(data(7, b"x"))
    ((reason, words),) = said
    assert reason == "malformed"
    assert "stream 7" in words


def test_one_that_has_passed_a_budget_is_told_once() -> None:
    talk = begun()
    noticed: list[str] = []
    talk.proxy.context.notice = lambda budget, *_: noticed.append(budget)
    said = listened(talk)
    talk.client_sends(priority(1) * 1100)
    assert (noticed, said) == (["control-frames"], [])


def test_over_http2_an_app_that_cannot_be_had_is_told() -> None:
    talk = Conversation(app_listens=False)
    said = listened(talk)
    talk.client_sends(PREFACE + settings())
    talk.app_refuses()
    # Nobody has asked for anything yet.
    assert said == []
    idle = begun()
    said = listened(idle)
    idle.app_ends()
    assert (said, idle.client_hears()[0][:3]) == ([], ("goaway", 0, NO_ERROR))
    talk2 = asked(1, 3)
    said = listened(talk2)
    talk2.app_ends()
    assert said == [
        ("app", "502 the app closed the connection before the end of its answer (2 streams)")
    ]


def test_over_http2_what_the_deadline_ends_is_told_once() -> None:
    talk = asked(1, 3)
    said = listened(talk)
    talk.app_sends(talk.answers.headers(3, OK))
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert said == [("deadline", "503 the time to drain is over (1 streams)")]


def test_a_stream_whose_app_answers_nonsense_is_told() -> None:
    talk = asked(1)
    said = listened(talk)
    talk.app_sends(data(1, b"x"))
    assert said == [("app", "502 the app's answer is broken: it has no head")]


# TCP


def test_over_tcp_an_app_that_cannot_be_had_is_told() -> None:
    talk = Conversation("tcp", app_listens=False)
    said = listened(talk)
    talk.client_sends(b"x")
    talk.app_refuses()
    assert said == [("app", "reset: the app does not accept connections")]


def test_an_upgrade_that_the_app_does_not_switch_is_no_refusal_of_ours() -> None:
    talk, said = http1(UPGRADE)
    talk.app_sends(head("HTTP/1.1 403 Forbidden", "Content-Length: 0"))
    assert said == []
