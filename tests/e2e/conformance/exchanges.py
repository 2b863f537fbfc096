"""RFC 9113, 3, 4 and 8.1: what works, as long as nobody does anything wrong."""

from tests.e2e.conformance.cases import Cases
from tests.e2e.conformance.client import GET, HEAD_REQUEST, POST, Client
from tests.e2e.conformance.frames import (
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITIZED,
    WHOLE,
    Setting,
    continuation,
    data,
    goaway,
    headers,
    padded,
    ping,
    preference,
    priority,
    rst_stream,
    settings,
    window_update,
)
from tests.e2e.conformance.verdicts import Outcome

cases = Cases()


@cases.legal("RFC 9113, 3.4", greets=False)
def the_server_says_settings_first(client: Client) -> Outcome:
    client.send(PREFACE, settings())
    client.until(lambda: bool(client.order))
    announced = {key: value for key, value in client.announced.items() if key != 3}
    return client.fate()._replace(detail=f"{client.order[:1]} {announced}")


@cases.legal("RFC 9113, 3.4", greets=False)
def a_request_that_does_not_wait_for_the_servers_settings(client: Client) -> Outcome:
    block = client.block(GET)
    client.send(PREFACE, settings(), headers(1, block))
    return client.served()


@cases.legal("RFC 9113, 8.1")
def get(client: Client) -> Outcome:
    client.request()
    return client.served()


@cases.legal("RFC 9113, 8.1")
def head(client: Client) -> Outcome:
    client.request(fields=HEAD_REQUEST)
    return client.served()


@cases.legal("RFC 9113, 8.1")
def what_is_not_there(client: Client) -> Outcome:
    client.request(fields=[*GET[:2], (":path", "/nowhere"), GET[3]])
    return client.served()


@cases.legal("RFC 9113, 8.1")
def post_in_one_frame(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(data(1, b"one"))
    return client.served()


@cases.legal("RFC 9113, 8.1")
def post_in_many_frames_with_an_empty_one_at_the_end(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(*(data(1, b"piece", 0) for _ in range(10)), data(1))
    return client.served()


@cases.legal("RFC 9113, 8.1.1")
def post_with_the_length_that_it_says(client: Client) -> Outcome:
    client.request(fields=[*POST, ("content-length", "6")], flags=END_HEADERS)
    client.send(data(1, b"one", 0), data(1, b"two"))
    return client.served()


@cases.legal("RFC 9113, 8.1")
def post_with_trailers(client: Client) -> Outcome:
    client.request(fields=[*POST, ("trailer", "x-after")], flags=END_HEADERS)
    client.send(data(1, b"one", 0))
    client.request(fields=[("x-after", "all")])
    return client.served()


@cases.legal("RFC 9113, 8.2.3")
def cookies_in_crumbs(client: Client) -> Outcome:
    client.request(fields=[*GET, ("cookie", "a=1"), ("cookie", "b=2")])
    return client.served()


@cases.legal("RFC 9113, 8.2.2")
def te_trailers(client: Client) -> Outcome:
    client.request(fields=[*GET, ("te", "trailers")])
    return client.served()


@cases.legal("RFC 9113, 5.1.1")
def streams_that_leave_numbers_out(client: Client) -> Outcome:
    client.request(stream=5)
    client.answer(5)
    client.request(stream=41)
    return client.served(41)


@cases.legal("RFC 9113, 5")
def requests_at_once(client: Client) -> Outcome:
    blocks = [(stream, client.block(GET)) for stream in range(1, 21, 2)]
    client.send(*(headers(stream, block) for stream, block in blocks))
    client.until(lambda: all(client.streams[stream].over for stream, _ in blocks))
    bodies = {client.streams[stream].body for stream, _ in blocks}
    outcome = client.served(19)
    return outcome._replace(detail=f"{outcome.detail}, {len(bodies)} different")


@cases.legal("RFC 9113, 6.1")
def data_with_padding(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(data(1, padded(b"one", 200), PADDED), data(1, padded(b"", 0), PADDED | END_STREAM))
    return client.served()


@cases.legal("RFC 9113, 4.2")
def a_data_frame_of_the_largest_size(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(data(1, b"x" * DEFAULT_FRAME_SIZE))
    return client.served()


@cases.legal("RFC 9113, 6.2")
def headers_with_padding(client: Client) -> Outcome:
    client.send(headers(1, padded(client.block(GET), 100), WHOLE | PADDED))
    return client.served()


@cases.legal("RFC 9113, 6.2")
def headers_with_padding_and_priority(client: Client) -> Outcome:
    block = padded(preference(weight=256) + client.block(GET), 7)
    client.send(headers(1, block, WHOLE | PADDED | PRIORITIZED))
    return client.served()


@cases.legal("RFC 9113, 6.10")
def a_field_block_in_many_frames(client: Client) -> Outcome:
    block = client.block([*GET, ("x-said", "so")])
    pieces = [block[at : at + 5] for at in range(0, len(block), 5)]
    middle = (continuation(1, piece, 0) for piece in pieces[1:])
    client.send(headers(1, pieces[0], END_STREAM), *middle, continuation(1, b""))
    return client.served()


@cases.legal("RFC 9113, 5.3")
def priority_frames_before_during_and_after_a_request(client: Client) -> Outcome:
    client.send(priority(1), priority(3, 1 << 31 | 1, 256))
    client.request()
    client.send(priority(1, 3))
    outcome = client.served()
    client.send(priority(1, 3, 1))
    return client.fate()._replace(detail=str(outcome))


@cases.legal("RFC 9113, 6.4")
def a_request_that_is_cancelled_leaves_the_next_one_alone(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(rst_stream(1))
    client.request(stream=3)
    return client.served(3)


@cases.legal("RFC 9113, 7")
def rst_stream_with_an_unknown_code(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(rst_stream(1, 0xEE))
    return client.fate()


@cases.legal("RFC 9113, 6.7")
def a_ping_comes_back_as_it_was(client: Client) -> Outcome:
    client.send(ping(b"\x00one\xff two"[:8]))
    outcome = client.fate()
    return outcome._replace(detail=f"{sorted(client.pongs)}")


@cases.legal("RFC 9113, 6.7")
def the_ack_of_a_ping_that_nobody_sent(client: Client) -> Outcome:
    client.send(ping(b"nonsense", flags=1))
    outcome = client.fate()
    return outcome._replace(detail=f"{sorted(client.pongs)}")


@cases.legal("RFC 9113, 6.8")
def goaway_after_a_request(client: Client) -> Outcome:
    client.request()
    client.answer()
    client.send(goaway())
    return client.parted()


@cases.legal("RFC 9113, 7")
def goaway_with_an_unknown_code(client: Client) -> Outcome:
    client.send(goaway(0xEE))
    return client.parted()


@cases.legal("RFC 9113, 6.9")
def window_updates_for_the_connection_and_for_a_stream(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(window_update(0, 1), window_update(1, 1), data(1, b"one"))
    return client.served()


@cases.legal("RFC 9113, 6.5.3")
def every_settings_frame_is_acknowledged(client: Client) -> Outcome:
    before = client.acks
    client.send(*(settings((Setting.INITIAL_WINDOW_SIZE, 70000 + n)) for n in range(5)))
    outcome = client.fate()
    return outcome._replace(detail=f"{client.acks - before} times")


@cases.legal("RFC 9113, 6.5.2")
def a_setting_that_nobody_knows(client: Client) -> Outcome:
    client.set((Setting.UNKNOWN, 1))
    return client.fate()
