"""Who comes in `leaving` is served, and told later: over every transport."""

import pytest

from drainproxy.drain.latecomers import TOLD_AFTER as PATIENCE
from drainproxy.drain.stream_drain import StreamDrain
from tests.relay.aged import CHUNKED_EVENTS, LAST_EVENTS, goodbyes, one_request
from tests.relay.carried import EVENT_STREAMS, WEBSOCKETS, Carried, Events, WebSocket
from tests.relay.conversation import Conversation, chunk, request, response
from tests.relay.frames import CALL, GET, GRPC_OK, OK, data
from tests.relay.http1.test_events import EVENT
from tests.relay.http1.test_exchange import GOODBYE
from tests.relay.proxy import Proxy
from tests.relay.streams import ASKED, OUR_PING_ACK, begun
from tests.relay.upgraded import GOING_AWAY, TEXT, UPGRADE, websocket

# In these tests chance has the middle.
TOLD_AFTER = 1.5 * PATIENCE


@pytest.fixture
def late() -> Proxy:
    """Half a second after its clients were told to go."""
    proxy = Proxy()
    proxy.leaves()
    proxy.wait(0.5)
    return proxy


def grpc_call(proxy: Proxy) -> Conversation:
    talk = begun(proxy)
    talk.client_asks(1, CALL, end=False)
    talk.app_sends(talk.answers.headers(1, GRPC_OK))
    talk.client_got()
    return talk


# What may last, over every transport.
each_lasting = pytest.mark.parametrize(
    "opens", [*WEBSOCKETS, *EVENT_STREAMS], ids=lambda each: each.__name__
)
Opens = type[WebSocket] | type[Events]
SAYS = {"websocket": TEXT, "sse": EVENT}


def come(opens: Opens, proxy: Proxy) -> Carried:
    """One that begins, and has said something."""
    talk = opens(proxy=proxy)
    talk.app_sends(SAYS[talk.kind])
    assert talk.client_got() == SAYS[talk.kind]
    return talk


# Plain requests


def test_http1_keeps_its_connection_for_some_seconds(late: Proxy) -> None:
    talk = Conversation(proxy=late)
    for _ in range(int(TOLD_AFTER) - 1):
        assert one_request(talk) == response()
        late.wait(1)
    late.wait(1.5)
    assert one_request(talk) == GOODBYE
    assert goodbyes(talk) == {("http1", "drain"): 1}


def test_http1_hears_it_with_the_first_answer_after_the_close(late: Proxy) -> None:
    talk = Conversation(proxy=late)
    assert one_request(talk) == response()
    late.closes()
    assert one_request(talk) == GOODBYE


def test_http1_that_is_idle_is_kept_until_it_could_have_been_told(late: Proxy) -> None:
    talk = Conversation(proxy=late)
    one_request(talk)
    late.wait(TOLD_AFTER)
    assert talk.client.state == "open", "its next request would need another connection"
    late.wait(late.context.limits.idle_close + 0.5)
    assert talk.client.state == "closed"


def test_http1_of_a_client_that_was_there_is_told_as_before() -> None:
    talk = Conversation()
    one_request(talk)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    assert one_request(talk) == GOODBYE


def test_http2_hears_goaway_after_some_seconds(late: Proxy) -> None:
    talk = grpc_call(late)
    late.wait(TOLD_AFTER - 0.5)
    assert talk.client_hears() == []
    late.wait(0.5)
    assert talk.client_hears() == ASKED
    assert goodbyes(talk) == {("http2", "drain"): 1}
    assert late.in_flight == {"grpc": 1}, "what is in flight goes on"


def test_http2_hears_goaway_when_the_listener_closes(late: Proxy) -> None:
    talk = grpc_call(late)
    late.closes()
    assert talk.client_hears() == ASKED


def test_http2_that_has_nothing_to_ask_is_not_told_any_sooner(late: Proxy) -> None:
    talk = begun(late)
    late.wait(TOLD_AFTER - 0.5)
    assert talk.client_hears() == []
    assert talk.client.state == "open"
    late.wait(0.5)
    assert talk.client_hears() == ASKED


def test_who_comes_later_is_told_when_the_listener_closes(late: Proxy) -> None:
    """It may be one that was told before."""
    late.wait(PATIENCE)
    talk, other = grpc_call(late), Conversation(proxy=late)
    for _ in range(12):
        assert one_request(other) == response()
        late.wait(5)
    assert talk.client_hears() == []
    late.closes()
    assert talk.client_hears() == ASKED
    assert one_request(other) == GOODBYE


def test_who_was_waiting_when_the_listener_closed_is_told_at_once(late: Proxy) -> None:
    late.closes()
    late.wait(0.25)
    assert one_request(Conversation(proxy=late)) == GOODBYE
    assert grpc_call(late).proxy.context.counters.goodbyes["http2", "drain"] == 1


# What may last


@each_lasting
def test_it_is_let_in_and_told_after_some_seconds(opens: Opens, late: Proxy) -> None:
    talk = come(opens, late)
    late.wait(TOLD_AFTER - 0.5)
    assert talk.client_got() == b""
    assert late.in_flight == {talk.kind: 1}
    late.wait(1)
    assert talk.goodbyes == {(talk.kind, "drain"): 1}
    assert late.context.counters.rejected == {}


@each_lasting
def test_it_is_told_when_the_listener_closes(opens: Opens, late: Proxy) -> None:
    talk = come(opens, late)
    late.wait(0.25)
    late.closes()
    assert len(late.context.latecomers) == 0
    late.wait(0.25)
    assert talk.goodbyes == {(talk.kind, "drain"): 1}


@each_lasting
def test_it_is_waited_for_where_its_kind_is(opens: Opens) -> None:
    proxy = Proxy(kinds_ended_by_drain=frozenset())
    proxy.leaves()
    proxy.wait(0.5)
    talk = come(opens, proxy)
    proxy.wait(TOLD_AFTER)
    proxy.closes()
    proxy.wait(3)
    assert talk.client_got() == b""
    assert proxy.in_flight == {talk.kind: 1}


def test_a_call_that_begins_on_a_told_connection_is_waited_for_where_calls_are() -> None:
    proxy = Proxy(kinds_ended_by_drain=frozenset())
    talk = begun(proxy)
    proxy.leaves()
    proxy.wait(0.5)
    talk.client_asks(1, CALL, end=False)
    talk.app_sends(talk.answers.headers(1, GRPC_OK))
    proxy.wait(10)
    assert proxy.in_flight == {"grpc": 1}


@each_lasting
def test_it_goes_on_when_the_drain_is_taken_back(opens: Opens, late: Proxy) -> None:
    talk = come(opens, late)
    late.stays()
    late.wait(2 * TOLD_AFTER)
    assert talk.client_got() == b""
    assert late.in_flight == {talk.kind: 1}


@each_lasting
def test_whoever_has_gone_is_forgotten(opens: Opens, late: Proxy) -> None:
    come(opens, late).talk.client_resets()
    late.wait(0.25)
    assert len(late.context.latecomers) == 0


@pytest.mark.parametrize(("before", "elsewhere"), [(0.0625, True), (0.03125, False)])
def test_who_has_just_come_when_the_listener_closes_has_come_for_something(
    before: float, elsewhere: bool, late: Proxy
) -> None:
    late.closes()
    assert late.context.latecomers.refuses(late.time - before) is elsewhere


def test_nobody_is_late_before_a_drain() -> None:
    proxy = Proxy()
    assert [Conversation(proxy=proxy).client.state, begun(proxy).client.state] == ["open"] * 2
    assert len(proxy.context.latecomers) == 0


def test_it_is_let_in_on_a_connection_that_was_there_before() -> None:
    talk = Conversation()
    one_request(talk)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    talk.client_sends(UPGRADE)
    talk.app_sends(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + TEXT)
    assert talk.client_got().endswith(TEXT)
    talk.proxy.wait(TOLD_AFTER + 0.5)
    assert talk.client_got() == GOING_AWAY


def test_events_on_a_connection_that_was_there_before_are_not_ended_at_once() -> None:
    talk = Conversation()
    one_request(talk)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    talk.client_sends(request("/events"))
    talk.app_sends(CHUNKED_EVENTS + chunk(EVENT))
    talk.proxy.wait(TOLD_AFTER - 0.5)
    assert LAST_EVENTS not in talk.client_got()
    talk.proxy.wait(1)
    assert talk.client_got() == LAST_EVENTS


@pytest.mark.parametrize(("target", "told"), [("/watch/pods", True), ("/watcher", False)])
def test_a_stream_that_stream_drain_names_by_its_path_is_told_in_its_time(
    target: str, told: bool
) -> None:
    """Over HTTP/2 it is known by its request; over HTTP/1 with its answer."""
    proxy = Proxy(stream_drain=StreamDrain(prefixes=("/watch",)))
    talk = begun(proxy)
    proxy.leaves()
    proxy.wait(0.5)
    talk.client_asks(1, tuple((dict(GET) | {b":path": target.encode()}).items()))
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"{}\n"))
    proxy.wait(TOLD_AFTER - 0.25)
    assert talk.in_flight == {"http2": 1}
    proxy.wait(0.75)
    assert talk.in_flight == ({} if told else {"http2": 1})


def test_an_upgrade_of_who_was_waiting_when_the_listener_closed_is_let_in(late: Proxy) -> None:
    """It cannot be had elsewhere yet, and Close tells more than a 503."""
    late.closes()
    late.wait(0.25)
    talk = websocket(late)
    late.wait(0.25)
    assert talk.client_got() == GOING_AWAY


def test_streams_of_a_late_connection_end_well_behind_goaway(late: Proxy) -> None:
    talk = grpc_call(late)
    late.wait(TOLD_AFTER)
    talk.client_sends(OUR_PING_ACK)
    talk.client_hears()
    talk.app_sends(talk.answers.headers(1, ((b"grpc-status", b"0"),), end=True))
    talk.client_sends(data(1, b"", end=True))
    assert late.endings == [("grpc", "finished")]


# Many at once


class Slow:
    """A latecomer that takes five milliseconds to tell."""

    def __init__(self, proxy: Proxy) -> None:
        self.kind, self.opened, self.peer, self.path = "sse", 0.0, "", ""
        self.proxy, self.told = proxy, 0
        proxy.context.ledger.holds.add(self)

    def say_goodbye(self, why: str) -> None:
        self.told += 1
        self.proxy.time += 0.005


def test_of_many_all_are_told_once_in_slices(late: Proxy) -> None:
    latecomers = late.context.latecomers
    many = [Slow(late) for _ in range(6)]
    for one in many[:3]:
        latecomers.add(one, late.time, 0.5)
    for one in many[3:]:
        latecomers.tell_again(one)
    late.time += TOLD_AFTER + 1
    late.context.registry.sweep()
    assert sum(one.told for one in many) < len(many), "the loop has its turn"
    late.settle()
    late.wait(1)
    assert [one.told for one in many] == [1] * len(many)


def test_nobody_is_told_any_more_of_a_drain_that_was_taken_back_between_two_slices(
    late: Proxy,
) -> None:
    many = [Slow(late) for _ in range(3)]
    late.context.slices.each(many, late.context.latecomers.tell)
    late.context.cancel_leaving()
    late.settle()
    assert [one.told for one in many] == [1, 0, 0]
