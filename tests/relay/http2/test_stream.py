"""What is counted and logged of a stream of HTTP/2: its kind, its code, how gRPC sees its end."""

from typing import Any

import pytest

from drainproxy.relay.context import Access
from drainproxy.relay.methods import OTHER_METHODS
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    CANCEL,
    GET,
    GRPC_OK,
    OK,
    POST,
    TRAILERS,
    WEBSOCKET,
    Fields,
    data,
    goaway,
    reset,
)
from tests.relay.proxy import Proxy
from tests.relay.streams import asked, begun

METHOD = b"/a.Service/Do"


def call(method: bytes, content_type: bytes = b"application/grpc") -> Fields:
    return (*CALL[:2], (b":path", method), *CALL[3:5], (b"content-type", content_type))


def says(status: bytes) -> Fields:
    return (b"grpc-status", status), (b"grpc-message", b"words")


def called(talk: Conversation) -> dict[bytes, dict[bytes, int]]:
    return {method: dict(counts) for method, counts in talk.proxy.context.counters.grpc.items()}


def known() -> Conversation:
    """The app has answered a call of the method, which has a name from now on."""
    talk = asked(fields=CALL)
    talk.app_answers(fields=(*GRPC_OK, *says(b"0")))
    talk.client_hears()
    return talk


# Kinds


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (GET, "http2"),
        (CALL, "grpc"),
        (call(METHOD, b"application/grpc+proto"), "grpc"),
        (call(METHOD, b"application/grpc;x=y"), "grpc"),
        (call(METHOD, b"application/grpc-web"), "http2"),
        (WEBSOCKET, "websocket"),
        ((WEBSOCKET[0], (b":protocol", b"connect-udp"), *WEBSOCKET[2:]), "http2"),
    ],
)
def test_the_head_of_a_request_tells_its_kind(fields: Fields, kind: str) -> None:
    talk = asked(fields=fields)
    assert talk.in_flight == {kind: 1}
    (held,) = talk.proxy.books.holds
    assert (held.path, held.peer) == (dict(fields)[b":path"].decode(), "192.0.2.7:50000")
    talk.client_resets()
    assert talk.endings == [(kind, "client_left")]


# gRPC


@pytest.mark.parametrize("status", [b"0", b"5", b"14", b"16"])
@pytest.mark.parametrize("alone", [True, False])
def test_the_status_of_a_call_stands_in_its_trailers(status: bytes, alone: bool) -> None:
    talk = asked(fields=CALL)
    if not alone:
        talk.app_sends(talk.answers.headers(1, GRPC_OK) + data(1, b"\0\0\0\0\0"))
    fields = (*GRPC_OK, *says(status)) if alone else says(status)
    talk.app_answers(fields=fields)
    assert talk.client_hears()[-1] == ("headers", 1, fields, "end")
    assert called(talk) == {METHOD: {status: 1}}
    assert talk.endings == [("grpc", "finished")]
    assert talk.proxy.context.counters.codes["grpc"] == {200: 1}


@pytest.mark.parametrize("status", [b"17", b"-1", b"", b"00", b"99999999999", b"OK", b"\xff"])
def test_a_status_that_grpc_does_not_know_is_unknown(status: bytes) -> None:
    talk = asked(fields=CALL)
    talk.app_answers(fields=(*GRPC_OK, *says(status)))
    assert called(talk) == {METHOD: {b"2": 1}}


def test_a_call_that_ends_without_a_status_is_unknown() -> None:
    talk = asked(1, 3, fields=CALL)
    talk.app_answers(1, b"x", fields=GRPC_OK)
    talk.app_answers(3, fields=((b":status", b"404"),))
    assert called(talk) == {METHOD: {b"2": 2}}
    assert talk.proxy.context.counters.codes["grpc"] == {200: 1, 404: 1}


def test_a_status_that_stands_where_none_counts_is_none() -> None:
    talk = asked(fields=CALL)
    talk.app_sends(talk.answers.headers(1, (*GRPC_OK, *says(b"5"))) + data(1, end=True))
    assert called(talk) == {METHOD: {b"2": 1}}


RESETS: list[Any] = [
    *((code, b"13") for code in (0, 1, 2, 3, 4, 5, 6, 9, 10, 13, 99, 2**32 - 1)),
    *((8, b"1"), (11, b"8"), (12, b"7"), (7, b"14")),
]


@pytest.mark.parametrize(("code", "status"), RESETS)
def test_a_reset_of_the_app_is_counted_as_what_clients_make_of_it(code: int, status: bytes) -> None:
    talk = known()
    talk.client_asks(3, CALL)
    talk.app_sends(reset(3, code))
    assert talk.client_hears() == [("reset", 3, code)]
    assert called(talk) == {METHOD: {b"0": 1, status: 1}}
    assert talk.endings[1:] == [("grpc", "app_left")]


def test_the_status_counts_and_not_the_reset_after_it() -> None:
    talk = asked(fields=CALL, end=False)
    talk.app_sends(talk.answers.headers(1, (*GRPC_OK, *says(b"7")), end=True) + reset(1, 0))
    assert called(talk) == {METHOD: {b"7": 1}}
    assert talk.endings == [("grpc", "finished")]


def test_whoever_goes_gives_calls_a_status() -> None:
    talk = known()
    for stream in (3, 5, 7, 9, 11):
        talk.client_asks(stream, CALL)
    talk.client_sends(reset(3, CANCEL))
    assert called(talk) == {METHOD: {b"0": 1, b"1": 1}}
    talk.app_sends(goaway(9))
    assert called(talk) == {METHOD: {b"0": 1, b"1": 1, b"14": 1}}
    talk.session.table.fail(talk.session.table.streams[5], 504, "late")
    assert called(talk) == {METHOD: {b"0": 1, b"1": 1, b"14": 2}}
    talk.client_resets()
    assert called(talk) == {METHOD: {b"0": 1, b"1": 3, b"14": 2}}


def test_a_call_that_is_cut_is_unavailable() -> None:
    talk = known()
    talk.client_asks(3, CALL)
    talk.proxy.says_last_goodbyes()
    assert called(talk) == {METHOD: {b"0": 1, b"14": 1}}


def test_a_client_that_goes_when_the_status_is_said_has_it() -> None:
    talk = asked(fields=CALL, end=False)
    talk.app_answers(fields=(*GRPC_OK, *says(b"9")))
    assert talk.in_flight == {"grpc": 1}
    talk.client_sends(reset(1, CANCEL))
    assert called(talk) == {METHOD: {b"9": 1}}


def test_other_requests_are_no_calls() -> None:
    talk = asked(fields=POST)
    talk.app_answers(fields=(*OK, *says(b"5")))
    assert called(talk) == {}


# The names of methods


def finish(talk: Conversation, number: int, method: bytes, status: bytes = b"0") -> None:
    stream = 1 + 2 * number
    talk.client_asks(stream, call(method))
    talk.app_answers(stream, fields=(*GRPC_OK, *says(status)))


def test_methods_are_counted_by_name_up_to_a_bound() -> None:
    talk = begun()
    for number in range(400):
        finish(talk, number, b"/s/%d" % (number % 300))
    counts = called(talk)
    assert len(counts) <= 201
    # Those that are called least have given their places to others.
    assert counts[b"/s/299"] == {b"0": 1}
    assert sum(sum(each.values()) for each in counts.values()) == 400
    assert counts[OTHER_METHODS] == {b"0": 200}


def test_methods_that_the_app_does_not_know_have_no_name() -> None:
    talk = begun()
    for number in range(50):
        finish(talk, number, b"/made/up/%d" % number, b"12")
    assert called(talk) == {OTHER_METHODS: {b"12": 50}}
    finish(talk, 50, METHOD)
    finish(talk, 51, METHOD, b"12")
    assert called(talk)[METHOD] == {b"0": 1, b"12": 1}


def test_methods_that_no_app_has_answered_have_no_name() -> None:
    talk = begun()
    for number in range(0, 50, 2):
        talk.client_asks(1 + 2 * number, call(b"/made/up/%d" % number))
        talk.client_sends(reset(1 + 2 * number))
        talk.client_asks(3 + 2 * number, call(b"/made/up/%d" % number))
        talk.session.table.fail(talk.session.table.streams[3 + 2 * number], 504, "late")
    assert called(talk) == {OTHER_METHODS: {b"1": 25, b"14": 25}}


def test_a_method_with_too_long_a_name_has_none() -> None:
    talk = begun()
    finish(talk, 0, b"/" + b"x" * 199)
    finish(talk, 1, b"/" + b"x" * 200)
    assert called(talk) == {b"/" + b"x" * 199: {b"0": 1}, OTHER_METHODS: {b"0": 1}}


def test_a_query_is_no_part_of_a_method() -> None:
    talk = begun()
    for number in range(300):
        finish(talk, number, METHOD + b"?%d" % number)
    assert called(talk) == {METHOD: {b"0": 300}}


# Codes, durations, the log


def test_codes_and_durations_are_counted_by_kind() -> None:
    talk = asked(1, 3, 5)
    talk.client_asks(7, CALL)
    talk.proxy.wait(2)
    talk.app_answers(1, fields=((b":status", b"204"),))
    talk.app_answers(3, fields=((b":status", b"503"),))
    talk.app_answers(7, fields=(*GRPC_OK, *says(b"0")))
    talk.client_sends(reset(5))
    counters = talk.proxy.context.counters
    assert (counters.codes["http2"], counters.codes["grpc"]) == ({204: 1, 503: 1}, {200: 1})
    durations = {kind: each for kind, each in counters.durations.items() if sum(each.counts)}
    assert {kind: each.total for kind, each in durations.items()} == {"http2": 4, "grpc": 2}


def test_each_stream_is_one_line_in_the_log() -> None:
    lines: list[Access] = []
    proxy = Proxy()
    proxy.context.access_log = lines.append
    talk = asked(1, 3, 5, proxy=proxy)
    talk.client_asks(7, CALL)
    talk.client_asks(9, WEBSOCKET, end=False)
    talk.client_asks(11, (*POST[:2], (b":path", b"/up?x=1"), POST[3]), end=False)
    talk.client_asks(13, GET[1:])
    proxy.wait(1)
    talk.app_answers(7, fields=(*GRPC_OK, *says(b"5")))
    talk.app_answers(1, b"x")
    talk.app_sends(reset(3))
    talk.app_sends(talk.answers.headers(9, OK))
    talk.app_sends(talk.answers.headers(11, TRAILERS))
    proxy.wait(1)
    talk.client_resets()
    peer = "192.0.2.7:50000"
    assert [line[:6] for line in lines] == [
        ("grpc", peer, "POST", "/a.Service/Do", 200, 1.0),
        ("http2", peer, "GET", "/", 200, 1.0),
        ("http2", peer, "GET", "/", 0, 1.0),
        ("http2", peer, "POST", "/up?x=1", 502, 1.0),
        ("http2", peer, "GET", "/", 0, 2.0),
        ("websocket", peer, "CONNECT", "/", 200, 2.0),
    ]
    # DATA alone counts.
    assert [line.received for line in lines] == [0, 1, 0, 0, 0, 0]
    assert {line.facts[b"host"] for line in lines if b"host" in line.facts} == {b"a.example"}


def test_a_line_tells_what_the_fields_of_its_own_request_say() -> None:
    lines: list[Access] = []
    proxy = Proxy()
    proxy.context.access_log = lines.append
    talk = begun(proxy)
    for stream in (1, 3, 5):
        number = b"%d" % (stream // 3)
        talk.client_asks(stream, (*GET, (b"x-request-id", number), (b"user-agent", b"a b")))
        talk.app_answers(stream, b"x" * stream)

    assert [(line.facts[b"x-request-id"], line.received) for line in lines] == [
        *((b"0", 1), (b"1", 3), (b"1", 5))
    ]
    assert {line.facts[b"user-agent"] for line in lines} == {b"a b"}


def test_a_log_that_is_switched_on_later_learns_to_read_with_the_next_request() -> None:
    lines: list[Access] = []
    talk = begun()
    talk.client_asks(1, (*GET, (b"user-agent", b"one")))
    talk.proxy.context.access_log = lines.append
    talk.client_asks(3, (*GET, (b"user-agent", b"two")))
    talk.client_asks(5, (*GET, (b"user-agent", b"two")))
    for stream in (1, 3, 5):
        talk.app_answers(stream, b"x")

    assert [line.facts.get(b"user-agent") for line in lines] == [None, None, b"two"]


def test_the_connection_counts_once_and_has_an_age() -> None:
    talk = asked(1, 3)
    talk.proxy.wait(7)
    talk.client_resets()
    counters = talk.proxy.context.counters
    assert dict(counters.connections) == {"http2": 1}
    assert sum(counters.ages.counts) == 1
    assert counters.ages.total == 7
    assert counters.bytes_from_app == sum(map(len, [talk.client.received])) - 6
