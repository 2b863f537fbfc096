"""Who is connected, who is one too many, and who is overdue."""

import pytest

from drainproxy.drain.goodbye import MAX_AGE
from drainproxy.relay.transport import CLOSED, ClosedTransport, Transport
from tests.relay.conversation import Conversation, request, response
from tests.relay.proxy import Proxy

# A client that is gone


def test_what_is_said_to_nobody_falls_away() -> None:
    gone: Transport = CLOSED
    gone.write(b"x")
    for act in (gone.write_eof, gone.close, gone.abort, gone.pause_reading, gone.resume_reading):
        act()
    gone.set_write_buffer_limits(high=0)
    gone.set_protocol(object())
    assert gone.is_closing()
    assert gone.get_write_buffer_size() == 0
    assert gone.get_extra_info("socket") is None


def test_who_is_gone_is_still_known() -> None:
    talk = Conversation(peername=("192.0.2.7", 7))
    talk.client_ends()
    assert isinstance(talk.session.client, ClosedTransport)
    assert talk.session.peer == "192.0.2.7:7"


# Connections


def test_the_newest_connection_is_remembered_for_the_quiet_rule() -> None:
    proxy = Proxy(max_connections=1)
    assert proxy.context.registry.newest == 0.0
    proxy.time = 5.0
    Conversation(proxy=proxy)
    assert proxy.context.registry.newest == 5.0
    proxy.time = 7.0
    Conversation(proxy=proxy)
    assert proxy.context.registry.newest == 7.0, "one that is refused has come as well"


def test_who_leaves_makes_room() -> None:
    first = Conversation(max_connections=1)
    first.client_ends()
    second = Conversation(proxy=first.proxy)
    second.client_sends(request())
    assert second.app_got() == request()


def test_those_who_linger_over_their_503_take_nobodys_place() -> None:
    proxy = Proxy(max_connections=2)
    guests = [Conversation(proxy=proxy) for _ in range(2)]
    refused = [Conversation("auto", proxy=proxy) for _ in range(5)]
    for talk in refused:
        talk.client_sends(request())
        assert talk.client_got().startswith(b"HTTP/1.1 503 ")
    guests[0].client_ends()

    served, too_many = Conversation(proxy=proxy), Conversation(proxy=proxy)
    served.client_sends(request())
    assert served.app_got() == request()
    assert too_many.client_got().startswith(b"HTTP/1.1 503 ")
    assert proxy.context.counters.rejected == {"max-connections": 6}

    proxy.wait(6)
    assert proxy.context.registry.refused == set()
    assert proxy.context.registry.sessions == {guests[1].session, served.session}


def test_a_flood_over_the_limit_is_closed_without_a_word() -> None:
    proxy = Proxy(max_connections=1)
    talks = [Conversation(proxy=proxy) for _ in range(1002)]
    assert [talk.client.state for talk in talks[-2:]] == ["half-closed", "aborted"]
    assert talks[-1].client_got() == b""
    assert len(proxy.context.registry.sessions) == 1001
    assert proxy.context.counters.rejected == {"max-connections": 1001}


@pytest.mark.parametrize("most", [0, 1, 10])
def test_so_many_hear_that_they_are_refused(most: int) -> None:
    proxy = Proxy(max_connections=1, max_refused=most)
    talks = [Conversation(proxy=proxy) for _ in range(20)]
    states = [talk.client.state for talk in talks]
    assert states == ["open", *["half-closed"] * most, *["aborted"] * (19 - most)]
    assert proxy.context.counters.rejected == {"max-connections": 19}


def test_who_is_refused_is_said_with_the_peer_and_how_many_there_are() -> None:
    proxy = Proxy(max_connections=2)
    said: list[tuple[str, str, int, str]] = []
    proxy.context.notice = lambda *what: said.append(what)
    for port in range(5):
        Conversation(proxy=proxy, peername=("192.0.2.7", port))
    assert said == [
        ("max-connections", f"192.0.2.7:{port}", 2, "it is refused") for port in (2, 3, 4)
    ]


def test_nobody_has_to_listen_to_what_is_said() -> None:
    Proxy().context.notice("max-resets", "192.0.2.7:50000", 501, "its connection is ended")


def test_the_age_is_counted_when_a_connection_ends() -> None:
    talk = Conversation("auto")
    talk.client_sends(request())
    talk.proxy.wait(4)
    ages = talk.proxy.context.counters.ages
    assert sum(ages.counts) == 0
    talk.client_resets()
    assert ages.total == 4.0
    assert sum(ages.counts) == 1


# What the end of a drain still waits for


def test_a_request_is_awaited_where_one_came_lately() -> None:
    talk = Conversation("auto")
    context = talk.proxy.context
    talk.proxy.wait(4)
    assert context.registry.expects_request(5), "whoever has just come wants something"
    talk.proxy.wait(4)
    assert not context.registry.expects_request(5)
    talk.client_sends(b"G")
    assert context.registry.expects_request(5), "it has begun to ask"
    talk.client_sends(request()[1:])
    assert not context.registry.expects_request(5), "the ledger holds what is in flight"
    talk.app_sends(response())
    assert context.registry.expects_request(5)
    talk.proxy.wait(4)
    assert context.registry.expects_request(5)
    talk.proxy.wait(2)
    assert not context.registry.expects_request(5)


def test_nothing_is_awaited_of_a_client_that_knows_better() -> None:
    talk = Conversation()
    talk.proxy.leaves()
    talk.client_sends(request())
    talk.app_sends(response())
    assert not talk.proxy.context.registry.expects_request(5)
    assert not Conversation("tcp").proxy.context.registry.expects_request(5)


# The sweep


def test_traffic_in_either_direction_puts_off_the_idle_timeout() -> None:
    talk = Conversation("tcp", idle_timeout=10)
    for _ in range(5):
        talk.proxy.wait(7)
        talk.client_sends(b"?")
        talk.proxy.wait(7)
        talk.app_sends(b"!")
    assert talk.client.state == "open"
    talk.proxy.wait(11)
    assert talk.client.state == "reset"


def test_idle_close_ends_unused_connections_only_while_leaving() -> None:
    proxy = Proxy(idle_close=5)
    idle, busy = Conversation(proxy=proxy), Conversation(proxy=proxy)
    for talk in (idle, busy):
        talk.client_sends(request())
        talk.app_sends(response())
    busy.client_sends(request())
    proxy.wait(60)
    assert idle.client.state == "open"
    proxy.leaves()
    # However long it was idle before: a request may be on its way now.
    proxy.wait(4.5)
    assert idle.client.state == "open"
    proxy.wait(1)
    assert idle.client.state == "closed"
    assert busy.client.state == "open"


def test_idle_close_counts_from_the_last_byte() -> None:
    talk = Conversation(idle_close=5)
    talk.proxy.leaves()
    talk.proxy.wait(4)
    talk.client_sends(b"\r\n")
    talk.proxy.wait(4.5)
    assert talk.client.state == "open"
    talk.proxy.wait(1)
    assert talk.client.state == "closed"


def slow_to_reset(proxy: Proxy) -> None:
    """Each reset takes a millisecond, so that not all have their turn in one slice."""
    reset = proxy.context.reset

    def slow(transport: Transport) -> None:
        proxy.time += 0.001
        reset(transport)

    proxy.context.reset = slow


def test_a_sweep_ends_many_in_slices_and_nobody_who_has_spoken_meanwhile() -> None:
    proxy = Proxy(idle_timeout=10)
    talks = [Conversation("tcp", proxy=proxy) for _ in range(8)]
    slow_to_reset(proxy)
    proxy.time += 11
    proxy.context.registry.sweep()
    left = [talk for talk in talks if talk.client.state == "open"]
    assert 2 < len(left) < len(talks), "others have their turn"
    left[0].session.data_received(b"?")
    left[1].client_resets()
    proxy.settle()
    assert {talk.client.state for talk in left[2:]} == {"reset"}
    assert left[0].client.state == "open"
    proxy.wait(11)
    assert left[0].client.state == "reset", "sweeps go on"


def test_nothing_more_is_done_with_one_that_has_left_between_two_slices() -> None:
    proxy = Proxy(idle_timeout=10)
    talk = Conversation("tcp", proxy=proxy)
    talk.session.age.expires_at = proxy.time + 11

    def later() -> float:
        proxy.time += 0.005
        return proxy.time

    proxy.time += 11
    proxy.context.now = later
    proxy.context.registry.sweep()
    assert talk.session.age.goodbye_why == MAX_AGE
    talk.client.resets()
    # The loop tells of it first.
    proxy.soon.rotate()
    proxy.settle()
    assert proxy.context.registry.left_undelivered == {}, "nothing is remembered of it"


def test_a_sweep_that_fails_for_one_ends_the_others_and_sweeps_go_on() -> None:
    proxy = Proxy(idle_timeout=10)
    talks = [Conversation("tcp", proxy=proxy) for _ in range(3)]
    failed: list[Transport] = []
    reset = proxy.context.reset

    def fail_once(transport: Transport) -> None:
        if not failed:
            failed.append(transport)
            raise OSError("broken")
        reset(transport)

    proxy.context.reset = fail_once
    proxy.time += 11
    proxy.context.registry.sweep()
    with pytest.raises(OSError, match="broken"):
        proxy.settle()
    assert sorted(talk.client.state for talk in talks) == ["open", "reset", "reset"]
    proxy.wait(1)
    assert {talk.client.state for talk in talks} == {"reset"}


def test_who_comes_while_all_are_gone_through_has_a_turn_only_where_that_is_asked_for() -> None:
    proxy = Proxy()
    registry = proxy.context.registry
    first, leaving = [Conversation("tcp", proxy=proxy) for _ in range(2)]
    present, everybody = registry.connected(), registry.all_connected()
    assert next(everybody) in (first.session, leaving.session)
    leaving.client_resets()
    newest = Conversation("tcp", proxy=proxy)
    assert [*present] == [first.session]
    assert newest.session in [*everybody]


def test_a_sweep_over_nobody_is_quiet() -> None:
    proxy = Proxy()
    proxy.wait(1)
    assert proxy.context.registry.sessions == set()
