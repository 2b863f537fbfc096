"""`grpc.health.v1.Health/Watch` has no end by itself: it ends with its connection's goodbye."""

from drainproxy.drain.latecomers import TOLD_AFTER
from drainproxy.relay.http2.stream import UNAVAILABLE
from tests.relay.aged import ages, change
from tests.relay.conversation import Conversation
from tests.relay.frames import CALL, GRPC_OK, Fields, data
from tests.relay.proxy import Proxy
from tests.relay.streams import ASKED, OUR_PING_ACK, begun

OTHERS: Fields = tuple(field for field in CALL if field[0] != b":path")
WATCH: Fields = (*OTHERS[:1], (b":path", b"/grpc.health.v1.Health/Watch"), *OTHERS[1:])
SERVING = b"\x00\x00\x00\x00\x02\x08\x01"


def watching(proxy: Proxy | None = None, stream: int = 1, fields: Fields = WATCH) -> Conversation:
    talk = begun(proxy)
    watch(talk, stream, fields)
    return talk


def watch(talk: Conversation, stream: int, fields: Fields = WATCH) -> None:
    talk.client_asks(stream, fields)
    talk.app_sends(talk.answers.headers(stream, GRPC_OK) + data(stream, SERVING))
    assert talk.client_hears()[-1] == ("data", stream, SERVING)


def status(talk: Conversation, stream: int = 1) -> bytes | None:
    """That of gRPC in the trailers that the client has just heard."""
    for what, number, *rest in talk.client_hears():
        if (what, number) == ("headers", stream):
            return dict(rest[0]).get(b"grpc-status")
    return None


def test_it_ends_at_leaving_as_a_server_ends_it_that_shuts_down() -> None:
    talk = watching()
    talk.proxy.leaves()
    assert talk.client_hears() == ASKED
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.wait(0.25)
    assert status(talk) == UNAVAILABLE
    assert talk.endings == [("grpc", "goodbye")]
    assert talk.client.state != "open", "nothing else holds the connection"


def test_its_last_word_passes_before() -> None:
    talk = watching()
    talk.proxy.leaves()
    talk.app_sends(data(1, SERVING))
    talk.proxy.wait(0.25)
    assert ("data", 1, SERVING) in talk.client_hears()
    assert talk.endings == [("grpc", "goodbye")]


def test_one_that_the_app_has_not_answered_ends_too() -> None:
    talk = begun()
    talk.client_asks(1, WATCH)
    talk.proxy.leaves()
    talk.proxy.wait(5.5)
    assert status(talk) == UNAVAILABLE


def test_other_calls_are_waited_for() -> None:
    for path in (b"/grpc.health.v1.Health/Check", b"/shop.Health/Watch", b"/grpc.health.v1.Health"):
        talk = watching(fields=(*OTHERS[:1], (b":path", path), *OTHERS[1:]))
        talk.proxy.leaves()
        talk.proxy.wait(10)
        assert talk.in_flight == {"grpc": 1}


def test_a_path_of_that_name_that_is_no_grpc_is_waited_for() -> None:
    plain = tuple(field for field in WATCH if field[0] not in (b"content-type", b"te"))
    talk = watching(fields=plain)
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert talk.in_flight == {"http2": 1}


def test_one_that_was_on_its_way_when_goaway_was_said_ends_too() -> None:
    talk = watching()
    talk.proxy.leaves()
    watch(talk, 3)
    talk.proxy.wait(0.25)
    assert talk.endings == [("grpc", "goodbye")] * 2


def test_on_a_connection_that_came_late_it_ends_with_that() -> None:
    """Ended before, it would begin again at once."""
    proxy = Proxy()
    proxy.leaves()
    proxy.wait(0.5)
    talk = watching(proxy)
    proxy.wait(1.5 * TOLD_AFTER - 0.5)
    assert talk.client_hears() == []
    proxy.wait(0.75)
    assert talk.endings == [("grpc", "goodbye")]
    assert talk.client_hears()[:2] == ASKED


def test_on_a_connection_that_came_late_it_ends_when_the_listener_closes() -> None:
    proxy = Proxy()
    proxy.leaves()
    proxy.wait(0.5)
    talk = watching(proxy)
    proxy.closes()
    proxy.wait(0.25)
    assert talk.endings == [("grpc", "goodbye")]


def test_it_ends_with_a_connection_that_is_old() -> None:
    talk = watching()
    change(talk.proxy, ages(http2=1e-3))
    talk.proxy.wait(0.75)
    assert talk.endings == [("grpc", "goodbye")]


def test_it_goes_on_when_the_drain_is_taken_back() -> None:
    talk = watching()
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(1)
    assert talk.in_flight == {"grpc": 1}
