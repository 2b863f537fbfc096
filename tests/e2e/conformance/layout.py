"""RFC 9113, 3.4, 4, 5.5 and 6: what every single frame must look like."""

from tests.e2e.conformance.cases import MALFORMED, PROTOCOL, SIZE, Cases, connection_error
from tests.e2e.conformance.client import GET, POST, Client
from tests.e2e.conformance.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITIZED,
    WHOLE,
    Code,
    Kind,
    Setting,
    continuation,
    data,
    frame,
    goaway,
    headers,
    padded,
    ping,
    priority,
    push_promise,
    rst_stream,
    settings,
    window_update,
)
from tests.e2e.conformance.verdicts import Outcome

RESERVED = 1 << 31
SIZE_OR_PROTOCOL = connection_error(Code.FRAME_SIZE_ERROR, Code.PROTOCOL_ERROR)

cases = Cases()


# The preface


@cases.illegal("RFC 9113, 3.4", PROTOCOL, greets=False)
def a_preface_of_another_protocol(client: Client) -> Outcome:
    client.send(b"INVALID CONNECTION PREFACE\r\n\r\n")
    return client.fate()


@cases.illegal("RFC 9113, 3.4", PROTOCOL, greets=False)
def a_preface_that_goes_wrong_at_its_end(client: Client) -> Outcome:
    client.send(PREFACE[:-4], b"\r\nX\n")
    return client.fate()


@cases.illegal("RFC 9113, 3.4", PROTOCOL, greets=False)
def a_preface_without_settings(client: Client) -> Outcome:
    client.send(PREFACE, ping())
    return client.fate()


# What must not be understood


@cases.legal("RFC 9113, 4.1")
def a_ping_with_flags_that_nobody_knows(client: Client) -> Outcome:
    client.send(ping(flags=0xFE))
    outcome = client.fate()
    return outcome._replace(detail=f"{sorted(client.pongs)}")


@cases.legal("RFC 9113, 4.1")
def the_reserved_bit_before_the_stream(client: Client) -> Outcome:
    client.send(headers(RESERVED | 1, client.block(POST), END_HEADERS))
    client.send(data(RESERVED | 1, b"one"), ping(stream=RESERVED))
    return client.served()


@cases.legal("RFC 9113, 6.9")
def the_reserved_bit_before_an_increment(client: Client) -> Outcome:
    client.send(window_update(0, RESERVED | 1))
    return client.fate()


@cases.legal("RFC 9113, 5.5")
def frames_of_an_unknown_type(client: Client) -> Outcome:
    client.send(*(frame(Kind.UNKNOWN, 0xFF, stream, b"anything") for stream in (0, 1, 8)))
    client.request()
    return client.served()


@cases.illegal("RFC 9113, 5.5", PROTOCOL)
def a_frame_of_an_unknown_type_inside_a_field_block(client: Client) -> Outcome:
    block = client.block(GET)
    client.send(headers(1, block[:4], END_STREAM), frame(Kind.UNKNOWN), continuation(1, block[4:]))
    return client.fate(1)


# Frames that are on the wrong stream

ON_STREAM_0 = {
    "DATA": data(0, b"one"),
    "HEADERS": headers(0, b"\x82\x84\x86"),
    "PRIORITY": priority(0),
    "RST_STREAM": rst_stream(0),
    "CONTINUATION": continuation(0, b"\x82"),
}
ON_STREAM_1 = {
    "SETTINGS": settings(stream=1),
    "PING": ping(stream=1),
    "GOAWAY": goaway(stream=1),
}
MISPLACED = {f"{name} on stream 0": sent for name, sent in ON_STREAM_0.items()} | {
    f"{name} on stream 1": sent for name, sent in ON_STREAM_1.items()
}


def sent_alone(name: str, sent: bytes) -> None:
    @cases.illegal("RFC 9113, 6", PROTOCOL, name)
    def play(client: Client) -> Outcome:
        client.send(sent)
        return client.fate()


for name, sent in MISPLACED.items():
    sent_alone(name, sent)


# Frames that are too long or too short

OF_A_WRONG_SIZE = {
    "PRIORITY of 4 bytes": frame(Kind.PRIORITY, 0, 1, bytes(4)),
    "PRIORITY of 6 bytes": frame(Kind.PRIORITY, 0, 1, bytes(6)),
    "RST_STREAM of 3 bytes": frame(Kind.RST_STREAM, 0, 1, bytes(3)),
    "RST_STREAM of 5 bytes": frame(Kind.RST_STREAM, 0, 1, bytes(5)),
    "SETTINGS of 3 bytes": frame(Kind.SETTINGS, 0, 0, bytes(3)),
    "SETTINGS with ACK and a value": settings((Setting.INITIAL_WINDOW_SIZE, 1), flags=ACK),
    "PING of 6 bytes": ping(b"tooshort"[:6]),
    "PING of 9 bytes": ping(b"too long."),
    "GOAWAY of 7 bytes": frame(Kind.GOAWAY, 0, 0, bytes(7)),
    "WINDOW_UPDATE of 3 bytes": frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3)),
    "WINDOW_UPDATE of 5 bytes": frame(Kind.WINDOW_UPDATE, 0, 0, b"\0\0\0\1\0"),
}


def sent_on_an_open_stream(name: str, sent: bytes) -> None:
    @cases.illegal("RFC 9113, 4.2", SIZE, name)
    def play(client: Client) -> Outcome:
        client.request(fields=POST, flags=END_HEADERS)
        client.send(sent)
        return client.fate()


for name, sent in OF_A_WRONG_SIZE.items():
    sent_on_an_open_stream(name, sent)


@cases.illegal("RFC 9113, 4.2", SIZE)
def data_that_is_too_long(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(data(1, bytes(client.largest_frame + 1)))
    return client.fate()


@cases.illegal("RFC 9113, 4.2", SIZE)
def headers_that_are_too_long(client: Client) -> Outcome:
    client.send(headers(1, client.block(GET).ljust(client.largest_frame + 1, b"\x84")))
    return client.fate()


@cases.illegal("RFC 9113, 4.2", SIZE)
def a_frame_of_an_unknown_type_that_is_too_long(client: Client) -> Outcome:
    client.send(frame(Kind.UNKNOWN, payload=bytes(client.largest_frame + 1)))
    return client.fate()


# Padding and priority inside of frames


@cases.illegal("RFC 9113, 6.1", PROTOCOL)
def data_of_nothing_but_padding_that_is_too_long(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(data(1, b"\x05four", PADDED | END_STREAM))
    return client.fate()


@cases.illegal("RFC 9113, 6.1", SIZE_OR_PROTOCOL)
def data_that_is_too_short_to_say_how_it_is_padded(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(data(1, b"", PADDED | END_STREAM))
    return client.fate()


@cases.illegal("RFC 9113, 6.2", PROTOCOL)
def headers_with_more_padding_than_there_is(client: Client) -> Outcome:
    block = client.block(GET)
    client.send(headers(1, bytes([len(block) + 1]) + block, WHOLE | PADDED))
    return client.fate()


@cases.illegal("RFC 9113, 6.2", PROTOCOL)
def headers_whose_padding_leaves_no_room_for_their_priority(client: Client) -> Outcome:
    client.send(headers(1, padded(b"\x82", 40)[:42], WHOLE | PADDED | PRIORITIZED))
    return client.fate()


@cases.illegal("RFC 9113, 6.2", SIZE_OR_PROTOCOL)
def headers_that_are_too_short_for_their_priority(client: Client) -> Outcome:
    client.send(headers(1, b"\0\0\0", WHOLE | PRIORITIZED))
    return client.fate()


@cases.illegal("RFC 7540, 5.3.1", MALFORMED)
def headers_that_depend_on_their_own_stream(client: Client) -> Outcome:
    client.send(headers(1, b"\0\0\0\1\x0f" + client.block(GET), WHOLE | PRIORITIZED))
    return client.fate(1)


@cases.illegal("RFC 7540, 5.3.1", MALFORMED)
def a_priority_frame_that_depends_on_its_own_stream(client: Client) -> Outcome:
    client.send(priority(1, 1))
    return client.fate()


# What only servers may send


@cases.illegal("RFC 9113, 8.4", PROTOCOL)
def push_promise_of_a_client(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(push_promise(1, 2, client.block(GET)))
    return client.fate()


# Field blocks are in one piece


def inside_a_block(name: str, sent: bytes) -> None:
    @cases.illegal("RFC 9113, 4.3", PROTOCOL, f"{name} inside a field block")
    def play(client: Client) -> Outcome:
        block = client.block(GET)
        client.send(headers(1, block[:4], END_STREAM), sent, continuation(1, block[4:]))
        return client.fate(1)


INSIDE = {
    "DATA": data(1, b"one"),
    "PRIORITY": priority(1),
    "PING": ping(),
    "SETTINGS": settings(),
    "HEADERS of another stream": headers(3, b"\x82\x84\x86"),
    "CONTINUATION of another stream": continuation(3, b"\x82"),
}
for name, sent in INSIDE.items():
    inside_a_block(name, sent)


@cases.illegal("RFC 9113, 6.10", PROTOCOL)
def continuation_after_headers_that_are_whole(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(continuation(1, client.block([("x-more", "1")])))
    return client.fate()


@cases.illegal("RFC 9113, 6.10", PROTOCOL)
def continuation_after_the_last_one(client: Client) -> Outcome:
    block = client.block(POST)
    client.send(headers(1, block[:4], 0), continuation(1, block[4:]), continuation(1, b"\x82"))
    return client.fate()


@cases.illegal("RFC 9113, 6.10", PROTOCOL)
def continuation_after_data(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(data(1, b"one", 0), continuation(1, b"\x82"))
    return client.fate()
