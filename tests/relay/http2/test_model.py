"""Two engines that know HTTP/2 talk through the session: neither ever finds it at fault.

Whatever they say, and wherever the proxy interferes: what arrives is what was sent, or the
beginning of it; what is in flight is what is open; all windows add up; and all of it ends.
"""

from collections.abc import Callable
from typing import Any

from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import dear
from tests.relay.frames import CALL, GET, GRPC_OK, MOST_STREAM, OK, POST, TRAILERS, Fields
from tests.relay.model import Model
from tests.relay.peers import Peer

Move = Callable[[Model, int], None]

TABLE_SIZES = [0, 64, 1000, 4096, 100_000]


def secret(number: int) -> Fields:
    return ((b"authorization", b"Bearer %d" % (number % 5)), (b"x-%d" % (number % 7), b"y"))


def may_open(model: Model) -> bool:
    h2 = model.client.h2
    most = h2.remote_settings.max_concurrent_streams
    return not model.client.goaways and h2.open_outbound_streams < min(most, 100)


def chosen(streams: list[int], number: int) -> list[int]:
    return [streams[number % len(streams)]] if streams else []


# The client


def asks(model: Model, number: int) -> None:
    if may_open(model):
        stream = model.client.h2.get_next_available_stream_id()
        fields = (*(GET, CALL)[number % 2], *secret(number))
        model.client.says_head(stream, fields, end=True)


def uploads(model: Model, number: int) -> None:
    if may_open(model):
        stream = model.client.h2.get_next_available_stream_id()
        model.client.says_head(stream, (*(POST, CALL)[number % 2], *secret(number)))
        model.client.speaking.append(stream)


def sends_more(peer: Peer, streams: list[int], number: int) -> None:
    for stream in chosen(streams, number):
        pad = number % 250 if number % 3 == 0 else None
        peer.says_data(stream, b"%d," % number * (number // 2), end=number % 5 == 0, pad=pad)


def ends(peer: Peer, streams: list[int], number: int) -> None:
    for stream in chosen(streams, number):
        if number % 2:
            peer.says_head(stream, (*TRAILERS, *secret(number)[1:]), end=True)
        else:
            peer.says_data(stream, b"", end=True, pad=None)


def client_sends(model: Model, number: int) -> None:
    sends_more(model.client, model.client.speaking, number)


def client_ends(model: Model, number: int) -> None:
    ends(model.client, model.client.speaking, number)


def client_gives_up(model: Model, number: int) -> None:
    streams = [
        stream
        for stream, each in model.client.h2.streams.items()
        if not each.closed and stream not in model.delicate
    ]
    for stream in chosen(streams, number):
        model.client.says_reset(stream, number % 14)


def client_prioritizes(model: Model, number: int) -> None:
    # Also before the stream, and after it.
    model.client.h2.prioritize(1 + 2 * number, weight=1 + number % 256)
    model.client.flush()


# The app


def begun(model: Model) -> list[int]:
    """Streams on which its answer has begun and has not ended."""
    return [
        stream
        for stream in model.app.speaking
        if any(dict(head).get(b":status", b"1") >= b"2" for head in model.app.sent[stream].heads)
    ]


def app_hints(model: Model, number: int) -> None:
    waiting = [stream for stream in model.app.speaking if stream not in begun(model)]
    for stream in chosen(waiting, number):
        if stream & 1 and stream not in model.client.broken:
            model.delicate.add(stream)
            model.app.says_head(stream, ((b":status", b"103"), *secret(number)))


def app_answers(model: Model, number: int) -> None:
    waiting = [stream for stream in model.app.speaking if stream not in begun(model)]
    for stream in chosen(waiting, number):
        fields = (*(OK, GRPC_OK)[number % 2], *secret(number))
        model.app.says_head(stream, fields, end=number % 4 == 0)


def app_sends(model: Model, number: int) -> None:
    sends_more(model.app, begun(model), number)


def app_ends(model: Model, number: int) -> None:
    ends(model.app, begun(model), number)


def app_gives_up(model: Model, number: int) -> None:
    streams = [stream for stream, each in model.app.h2.streams.items() if not each.closed]
    for stream in chosen(streams, number):
        model.app.says_reset(stream, number % 14)


def app_pushes(model: Model, number: int) -> None:
    h2 = model.app.h2
    streams = [
        stream
        for stream in model.app.speaking
        if stream & 1 and stream not in model.client.broken | model.failed
    ]
    room = h2.open_outbound_streams < h2.remote_settings.max_concurrent_streams
    for stream in chosen(streams, number) if h2.remote_settings.enable_push and room else []:
        model.delicate.add(stream)
        pushed = h2.get_next_available_stream_id()
        fields = (*GET, *secret(number))
        h2.push_stream(stream, pushed, fields)
        model.app.sent[pushed].heads.append(fields)
        model.app.speaking.append(pushed)
        model.app.flush()


def app_goes(model: Model, number: int) -> None:
    last = MOST_STREAM if number % 2 else model.app.h2.highest_inbound_stream_id
    model.app.says_goaway(last)


# Either of them


def either(model: Model, number: int) -> Peer:
    return (model.client, model.app)[number % 2]


def pings(model: Model, number: int) -> None:
    peer = either(model, number)
    peer.h2.ping(b"%08d" % number)
    peer.flush()


def changes_settings(model: Model, number: int) -> None:
    peer = either(model, number)
    key, value = [
        (SettingCodes.HEADER_TABLE_SIZE, TABLE_SIZES[number % 5]),
        (SettingCodes.INITIAL_WINDOW_SIZE, number * 700),
        (SettingCodes.MAX_FRAME_SIZE, 16384 + number),
        (SettingCodes.MAX_HEADER_LIST_SIZE, 60000 + number),
        (SettingCodes.HEADER_TABLE_SIZE, TABLE_SIZES[number // 2 % 5]),
        (SettingCodes.ENABLE_PUSH, 0)
        if peer is model.client
        else (SettingCodes.MAX_CONCURRENT_STREAMS, number),
    ][number // 2 % 6]
    if peer.h2.local_settings.get(key) != value:
        peer.says_settings({key: value})


def reads(model: Model, number: int) -> None:
    either(model, number).reads()


# What happens to them


def client_delivers(model: Model, number: int) -> None:
    model.client_delivers(number * 3 if number % 3 else None)


def app_delivers(model: Model, number: int) -> None:
    model.app_delivers(number * 3 if number % 3 else None)


def fails(model: Model, number: int) -> None:
    """The answer to a request that has come as a whole is not to be had."""
    if model.is_http2 and model.goes_on:
        session = model.talk.session
        waiting = [
            each for each in session.table.streams.values() if each.client_done or number % 2
        ]
        for stream in waiting[: number % 3]:
            model.failed.add(stream.id)
            session.table.fail(stream, 504, "the app did not answer in time")
        session.follow_up()
        model.talk.proxy.settle()
        model.passes()


def happens(what: str) -> Move:
    def move(model: Model, number: int) -> None:
        if what == "waits":
            model.talk.proxy.wait(number / 8)
        else:
            getattr(model.talk.proxy, what)()
        model.passes()

    move.__name__ = what
    return move


CONVERSATION: list[Move] = [
    *(asks, uploads, asks, uploads, client_sends, client_sends, client_ends, client_ends),
    *(client_gives_up, client_prioritizes, app_hints, app_answers, app_answers, app_answers),
    *(app_sends, app_sends, app_sends, app_ends, app_ends, app_gives_up, app_pushes),
    *(pings, changes_settings, reads, reads),
    *[client_delivers, app_delivers] * 6,
]
INTERFERENCE: list[Move] = [
    *(happens("leaves"), happens("stays"), happens("waits"), happens("waits"), fails, fails),
    app_goes,
]


def finish(model: Model) -> None:
    """Both sides come to an end with everything, and hear each other out."""
    for number in range(200):
        model.client_delivers()
        model.app_delivers()
        model.client.reads()
        model.app.reads()
        for stream in [*model.client.speaking]:
            ends(model.client, [stream], number)
        for stream in [*model.app.speaking]:
            if stream in begun(model):
                ends(model.app, [stream], number)
            else:
                model.app.says_head(stream, OK)
        quiet = not (model.client.out or model.app.out) or not model.goes_on
        if quiet and not (model.client.speaking or model.app.speaking):
            return
        if not model.goes_on:
            return
    raise AssertionError("it does not end")


def moves(of: list[Move]) -> Any:
    return st.lists(st.tuples(st.sampled_from(of), st.integers(0, 100)), min_size=70, max_size=120)


def nothing_was_lost(model: Model) -> None:
    """What nobody has given up, and we have not failed, has come as a whole; no frame is torn."""
    assert not model.client.rest
    for sender, receiver in ((model.client, model.app), (model.app, model.client)):
        for stream in {*receiver.got} - model.client.broken - model.app.broken - model.failed:
            assert receiver.got[stream] == model.as_sent(sender, stream, receiver.got[stream])


def windows_add_up(model: Model) -> None:
    for sender, receiver in ((model.client, model.app), (model.app, model.client)):
        left = sender.h2.outbound_flow_control_window
        assert receiver.h2.inbound_flow_control_window == left


Chosen = list[tuple[Move, int]]


@dear
@given(moves(CONVERSATION), st.booleans())
def test_a_conversation_arrives_as_it_was_meant(story: Chosen, forwarded: bool) -> None:
    model = Model(forwarded=forwarded)
    for move, number in story:
        move(model, number)
    finish(model)
    assert model.goes_on
    assert model.talk.proxy.in_flight == {}
    assert model.edge.open == {}
    assert not model.failed
    assert {*model.client.sent} - model.client.broken <= {*model.app.got}
    assert model.talk.proxy.context.counters.rejected.keys() <= {"max-streams"}
    nothing_was_lost(model)
    windows_add_up(model)


@dear
@given(
    moves(CONVERSATION * 4 + INTERFERENCE),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 3, 100]),
    st.sampled_from([0.0, 4.0]),
)
def test_whatever_the_proxy_does_neither_side_finds_a_fault(
    story: Chosen, forwarded: bool, greedy: bool, max_streams: int, request_timeout: float
) -> None:
    model = Model(
        greedy=greedy,
        forwarded=forwarded,
        max_streams=max_streams,
        request_timeout=request_timeout,
    )
    for move, number in story:
        move(model, number)
    finish(model)
    assert model.talk.proxy.in_flight == {}
    assert model.talk.proxy.context.counters.rejected.keys() <= {"max-streams"}
    nothing_was_lost(model)
    if model.goes_on:
        assert model.edge.open == {}
        windows_add_up(model)
