"""Two engines that know HTTP/2 hear every goodbye, at any moment, and never find it at fault.

Whatever streams there are, wherever their bytes are cut and whyever they have to go: what a client
has got of a stream is what the app had said up to a boundary and the goodbye of its kind; the
windows of both sides add up; what was counted is what was heard; and all of it ends.
"""

from collections.abc import Callable

from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.aging import STREAM, Aging
from tests.cases import dear
from tests.relay.aged import ages
from tests.relay.kinds import ASKS
from tests.relay.model import Model

Move = Callable[[Model, int], None]
KINDS = sorted(ASKS)
# What is said to a stream, and not to its connection.
SAID_IN = ("grpc", "sse", "websocket")


def chosen(streams: list[int], number: int) -> list[int]:
    return [streams[number % len(streams)]] if streams else []


def opens(model: Model, number: int) -> None:
    most = min(model.client.h2.remote_settings.max_concurrent_streams, 100)
    if not model.client.goaways and model.client.h2.open_outbound_streams < most:
        model.opens(KINDS[number % len(KINDS)])


def client_sends(model: Model, number: int) -> None:
    for stream in chosen(model.client.speaking, number):
        if stream not in model.closing:
            body = b"\x89\x80\0\0\0\0" if model.kinds[stream] == "websocket" else b"z" * number
            if len(body) <= model.client.h2.local_flow_control_window(stream):
                model.client.says_data(stream, body, end=False, pad=None)


def client_ends(model: Model, number: int) -> None:
    talking = [s for s in model.client.speaking if model.kinds[s] != "websocket"]
    for stream in chosen(talking, number):
        model.client.says_data(stream, b"", end=True, pad=None)


def client_gives_up(model: Model, number: int) -> None:
    streams = [s for s, each in model.client.h2.streams.items() if not each.closed]
    for stream in chosen(streams, number):
        model.client.says_reset(stream, number % 14)


def client_widens(model: Model, number: int) -> None:
    # Never narrower while streams run: h2 takes a DATA without a byte for too much then.
    window = model.client.h2.local_settings.initial_window_size + 10 * number
    model.client.says_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})


def client_echoes(model: Model, number: int) -> None:
    for stream in chosen(model.closes_heard(), number):
        model.client_echoes(stream)


def app_begins(model: Model, number: int) -> None:
    for stream in chosen([s for s in model.app.speaking if s not in model.unsent], number):
        model.app_begins(stream)


def app_adds(model: Model, number: int) -> None:
    for stream in chosen(model.answering(), number):
        model.app_adds(stream, number)


def app_says(model: Model, number: int) -> None:
    for stream in chosen(model.answering(), number):
        model.app_says(stream, 1 + number * number // 2, number if number % 3 == 0 else None)


def app_ends(model: Model, number: int) -> None:
    for stream in chosen([s for s in model.answering() if not model.unsent[s]], number):
        model.app_ends(stream, trailers=bool(number % 2))


def app_gives_up(model: Model, number: int) -> None:
    streams = [s for s, each in model.app.h2.streams.items() if not each.closed]
    for stream in chosen(streams, number):
        model.app.says_reset(stream, number % 14)


def app_echoes(model: Model, number: int) -> None:
    for stream in chosen(model.echoes_heard(), number):
        model.app_echoes(stream)


def reads(model: Model, number: int) -> None:
    (model.client, model.app)[number % 2].reads()


def client_delivers(model: Model, number: int) -> None:
    model.client_delivers(number * 3 if number % 3 else None)


def app_delivers(model: Model, number: int) -> None:
    model.app_delivers(number * 3 if number % 3 else None)


def waits(model: Model, number: int) -> None:
    model.talk.proxy.wait(number / 16)
    model.passes()


def happens(what: str) -> Move:
    def move(model: Model, number: int) -> None:
        getattr(model.talk.proxy, what)()
        model.passes()

    move.__name__ = what
    return move


def connection_ages(model: Model, number: int) -> None:
    """Its age has come, or a rebalance has chosen it."""
    if model.goes_on:
        model.talk.session.expire(("max-connection-age", "rebalance")[number % 2])
        model.talk.proxy.settle()
        model.passes()


def streams_age(model: Model, number: int) -> None:
    """Those that have an age of their own have reached it, and the connection stays."""
    for hold in list(model.talk.proxy.books.holds):
        hold.say_goodbye("max-stream-age")
    model.talk.proxy.settle()
    model.passes()


ASKING: list[Move] = [opens, opens, client_delivers, app_begins, app_adds, app_delivers]
TALKING: list[Move] = [
    *(opens, client_sends, client_sends, client_ends, client_gives_up, client_echoes),
    *[app_begins, app_adds, app_says, app_says] * 3,
    *(app_ends, app_gives_up, app_echoes, reads, waits, client_widens),
    *[client_delivers, app_delivers] * 4,
]
GOODBYES: list[Move] = [
    *(
        happens("leaves"),
        happens("closes"),
        happens("says_last_goodbyes"),
        connection_ages,
        streams_age,
    )
]
PARTING = TALKING * 2 + [*GOODBYES * 2, happens("stays"), waits, waits]


def moves(of: list[Move], least: int, most: int) -> st.SearchStrategy[list[tuple[Move, int]]]:
    of_them = st.tuples(st.sampled_from(of), st.integers(0, 100))
    return st.lists(of_them, min_size=least, max_size=most)


stories = st.tuples(
    moves(ASKING, 15, 30), moves(TALKING, 10, 50), moves(GOODBYES, 1, 1), moves(PARTING, 10, 60)
).map(lambda parts: [move for part in parts for move in part])
# What a client takes of each stream before it gives anything back.
windows = st.sampled_from([65535, 3000, 20])
agings = st.sampled_from([ages(), ages(**{STREAM: 3.0}), ages(http2=5.0), ages(2.0, http2=3.0)])


def finish(model: Model) -> None:
    """Both sides come to an end with everything, and hear each other out."""
    for number in range(300):
        if model.client.h2.local_settings.initial_window_size < 50_000:
            client_widens(model, 6000)
        model.client_delivers()
        model.app_delivers()
        model.client.reads()
        model.app.reads()
        for stream in model.closes_heard():
            model.client_echoes(stream)
        for stream in model.echoes_heard():
            model.app_echoes(stream)
        for stream in [s for s in model.client.speaking if s not in model.closing]:
            model.client.says_data(stream, b"", end=True, pad=None)
        for stream in [*model.app.speaking]:
            if stream not in model.unsent:
                model.app_begins(stream)
            elif model.unsent[stream]:
                model.app_says(stream, 16000, None)
            else:
                model.app_ends(stream, trailers=bool(number % 2))
        quiet = not (model.client.out or model.app.out)
        if not model.goes_on or (quiet and not (model.client.speaking or model.app.speaking)):
            return
        model.talk.proxy.wait(0.25)
        model.passes()
    raise AssertionError("it does not end")


def heard(model: Model) -> dict[str, int]:
    """Of how many streams the client heard the session's goodbye or last word, by kind."""
    streams = dict.fromkeys(SAID_IN, 0)
    for stream, message in model.client.got.items():
        kind = model.kinds[stream]
        reason = dict(message.heads[-1] if message.heads else ()).get(b"grpc-message", b"")
        if stream in model.parted or (kind == "grpc" and reason.startswith(b"drainproxy")):
            streams[kind] += 1
    return streams


def told(model: Model) -> dict[str, int]:
    """Of how many the session has counted that it said goodbye, or cut them, by kind."""
    endings = [kind for kind, how in model.talk.proxy.endings if how in ("goodbye", "cut")]
    return {kind: endings.count(kind) for kind in SAID_IN}


@dear
@given(stories, st.sets(st.sampled_from(SAID_IN)), agings, st.booleans(), windows)
def test_whenever_a_goodbye_comes_each_stream_hears_its_own_and_loses_nothing_before_it(
    story: list[tuple[Move, int]], ending: set[str], aging: Aging, forwarded: bool, window: int
) -> None:
    model = Model(kinds_ended_by_drain=frozenset(ending), aging=aging, forwarded=forwarded)
    model.client_delivers()
    model.app_delivers()
    model.client.says_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
    for move, number in story:
        move(model, number)
    finish(model)
    proxy = model.talk.proxy
    proxy.wait(30)
    model.passes()
    assert proxy.in_flight == {}
    assert proxy.context.counters.rejected.keys() <= {"max-streams", "leaving"}
    if model.client.rest:
        # Only in the middle of a frame of the app's there is nothing that could be said.
        assert not model.talk.session.outbound.between_frames, "a frame is torn"
    elif model.talk.client.state != "reset":
        asked = {stream for stream in model.client.sent if stream <= model.edge.highest}
        for stream in asked - model.client.broken - model.app.broken:
            assert model.client.got[stream].ended, stream
        seen, counted = heard(model), told(model)
        for kind in SAID_IN:
            # Who has given up may not hear it any more, or has heard it and another end first; and
            # an end of ours without a word looks like that of the app.
            broken = model.client.broken | model.app.broken
            unsure = len(model.of_kind(kind, [*(broken | model.ended_alike)]))
            assert abs(seen[kind] - counted[kind]) <= unsure, (kind, seen, counted)
    said = proxy.context.counters.goodbyes
    for kind in ("grpc", "sse"):
        # A WebSocket may be told and then cut, since it does not answer.
        assert proxy.endings.count((kind, "goodbye")) == sum(
            count for (of, _), count in said.items() if of == kind
        )
    if model.goes_on:
        windows_add_up(model)


def windows_add_up(model: Model) -> None:
    """The app does not know of what the session has said with the client's window."""
    client, app = model.client.h2, model.app.h2
    debt = model.talk.session.table.window.debt
    assert client.inbound_flow_control_window == app.outbound_flow_control_window - debt
    assert app.inbound_flow_control_window == client.outbound_flow_control_window
