"""Frames of HTTP/2 at the edge of what is right, and those beyond it, with the error of each."""

from collections.abc import Iterator

import pytest

from drainproxy.wire.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HAS_PRIORITY,
    HEADERS,
    LEAST_MAX_FRAME,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from tests.wire.http2_streams import MOST_BLOCK, MOST_CONTINUATIONS, RESERVED, Told, Wire

UNKNOWN = 0xBE
PROMISED = b"\0\0\0\x02"

# Frames that pass, and how they are told.
FINE = [
    pytest.param(Wire(DATA), ("data", 0, 0, 0), id="DATA of no stream, which is for others"),
    pytest.param(Wire(DATA, PADDED, 1, b"\0"), ("data", 1, PADDED, 1), id="no padding"),
    pytest.param(Wire(DATA, PADDED, 1, b"\3\0\0\0"), ("data", 1, PADDED, 4), id="only padding"),
    pytest.param(
        Wire(DATA, END_STREAM, RESERVED | 5, b"x" * LEAST_MAX_FRAME),
        ("data", 5, END_STREAM, LEAST_MAX_FRAME),
        id="the largest",
    ),
    pytest.param(Wire(UNKNOWN, 0xFF, 7, b"x" * LEAST_MAX_FRAME), ("unknown", 7), id="unknown"),
    pytest.param(
        Wire(HEADERS, END_HEADERS, 1), ("headers", 1, END_HEADERS, b"", b""), id="an empty block"
    ),
    pytest.param(
        Wire(HEADERS, END_HEADERS | PADDED, 1, b"\2\0\0"),
        ("headers", 1, END_HEADERS | PADDED, b"", b""),
        id="an empty block and padding",
    ),
    pytest.param(
        Wire(HEADERS, END_HEADERS | PADDED | HAS_PRIORITY, 1, b"\1" + b"prior" + b"block" + b"\0"),
        ("headers", 1, END_HEADERS | PADDED | HAS_PRIORITY, b"prior", b"block"),
        id="all that HEADERS may have",
    ),
    pytest.param(
        Wire(PUSH_PROMISE, END_HEADERS | PADDED, 1, b"\1\x80" + PROMISED[1:] + b"block" + b"\0"),
        ("push", 1, 2, b"block"),
        id="all that PUSH_PROMISE may have",
    ),
    pytest.param(
        Wire(HEADERS, END_HEADERS, 1, b"x" * MOST_BLOCK),
        ("headers", 1, END_HEADERS, b"", b"x" * MOST_BLOCK),
        id="the largest block",
    ),
    pytest.param(
        Wire(HEADERS, END_HEADERS | PADDED | HAS_PRIORITY, 1, b"\xff" + b"x" * (205 + 255)),
        ("headers", 1, END_HEADERS | PADDED | HAS_PRIORITY, b"x" * 5, b"x" * MOST_BLOCK),
        id="the largest block and all that may stand beside it",
    ),
    pytest.param(
        Wire(SETTINGS, 0, 0, b"\0" * 16380), ("settings", b"\0" * 16380), id="many SETTINGS"
    ),
    pytest.param(
        Wire(RST_STREAM, 0, 1, b"\xff\xff\xff\xff"), ("reset", 1, 2**32 - 1), id="any code"
    ),
    pytest.param(
        Wire(WINDOW_UPDATE, 0, 0, b"\x80\0\0\0"), ("window_update", 0, 0), id="for others, too"
    ),
    pytest.param(Wire(SETTINGS, ACK), ("settings_acknowledged",), id="an acknowledgement"),
    pytest.param(Wire(PING, ACK, 0, b"x" * 8), ("ping", b"x" * 8, True), id="PING, answered"),
    pytest.param(Wire(PRIORITY, 0, 1, b"x" * 5), ("priority", 1), id="PRIORITY"),
    pytest.param(Wire(GOAWAY, 0, 0, b"x" * 8), ("goaway", b"x" * 8), id="the least GOAWAY"),
    pytest.param(
        Wire(GOAWAY, 0, 0, b"x" * LEAST_MAX_FRAME),
        ("goaway", b"x" * LEAST_MAX_FRAME),
        id="a GOAWAY with much to say",
    ),
]

# Frames after which a header block goes on, and how it is told.
BEGINNINGS: list[tuple[Wire, Told]] = [
    (Wire(HEADERS, END_STREAM, 1, b"one "), ("headers", 1, END_STREAM, b"")),
    (Wire(HEADERS, PADDED, 1, b"\2one \0\0"), ("headers", 1, PADDED, b"")),
    (Wire(HEADERS, HAS_PRIORITY, 1, b"priorone "), ("headers", 1, HAS_PRIORITY, b"prior")),
    (Wire(PUSH_PROMISE, 0, 1, PROMISED + b"one "), ("push", 1, 2)),
]
_MORE, _LAST = Wire(CONTINUATION, 0, 1), Wire(CONTINUATION, END_HEADERS, 1)


def _sizes(kind: int, sizes: tuple[int, ...], stream: int = 0, flags: int = 0) -> Iterator[Wire]:
    return (Wire(kind, flags, stream, b"\0" * size) for size in sizes)


_OF_A_STREAM = [
    (HEADERS, 0, b""),
    (HEADERS, END_HEADERS, b""),
    (HEADERS, END_HEADERS, b"x" * (MOST_BLOCK // 2)),
    (HEADERS, PADDED, b"\0"),
    (PUSH_PROMISE, END_HEADERS, PROMISED),
    (PRIORITY, 0, b"x" * 5),
    (RST_STREAM, 0, b"x" * 4),
]
_TEARING = [
    Wire(CONTINUATION, END_HEADERS, 3),
    Wire(CONTINUATION, END_HEADERS, 0),
    Wire(HEADERS, END_HEADERS, 1),
    Wire(DATA, 0, 1, b"x"),
    Wire(PING, 0, 0, b"x" * 8),
    Wire(SETTINGS),
    Wire(UNKNOWN),
]

_WRONG: dict[tuple[int, str], list[tuple[Wire, ...]]] = {
    (FRAME_SIZE_ERROR, ""): [
        *((Wire(kind, 0, 1, b"x" * (LEAST_MAX_FRAME + 1)),) for kind in (*range(10), UNKNOWN)),
        *zip(_sizes(PRIORITY, (0, 4, 6), 1)),
        *zip(_sizes(RST_STREAM, (0, 3, 5), 1)),
        *zip(_sizes(PING, (0, 7, 9))),
        *zip(_sizes(WINDOW_UPDATE, (0, 3, 5))),
        *zip(_sizes(GOAWAY, (0, 7))),
        *zip(_sizes(SETTINGS, (1, 5, 7))),
        *zip(_sizes(SETTINGS, (6,), 0, ACK)),
        *zip(_sizes(PUSH_PROMISE, (0, 3), 1)),
        *zip(_sizes(PUSH_PROMISE, (0, 1, 4), 1, PADDED)),
        *zip(_sizes(HEADERS, (0, 4), 1, HAS_PRIORITY)),
        *zip(_sizes(HEADERS, (0,), 1, PADDED)),
        *zip(_sizes(HEADERS, (1, 5), 1, PADDED | HAS_PRIORITY)),
        *zip(_sizes(DATA, (0,), 1, PADDED)),
    ],
    (PROTOCOL_ERROR, ""): [
        (Wire(DATA, PADDED, 1, b"\1"),),
        (Wire(DATA, PADDED, 1, b"\5xxxx"),),
        (Wire(HEADERS, END_HEADERS | PADDED, 1, b"\1"),),
        (Wire(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + b"x" * 254),),
        (Wire(HEADERS, END_HEADERS | PADDED | HAS_PRIORITY, 1, b"\1prior"),),
        (Wire(PUSH_PROMISE, END_HEADERS | PADDED, 1, b"\1" + PROMISED),),
        *(
            (Wire(kind, flags, stream, payload),)
            for kind, flags, payload in _OF_A_STREAM
            for stream in (0, RESERVED)
        ),
        *((Wire(SETTINGS, flags, 1),) for flags in (0, ACK)),
        (Wire(PING, 0, 1, b"x" * 8),),
        (Wire(GOAWAY, 0, 1, b"x" * 8),),
        (_MORE,),
        (_LAST,),
        (Wire(CONTINUATION, END_HEADERS, 0, b"block"),),
        *((first, torn_by) for first, _ in BEGINNINGS for torn_by in _TEARING),
        *((first, _MORE, torn_by) for first, _ in BEGINNINGS for torn_by in _TEARING),
    ],
    (ENHANCE_YOUR_CALM, ""): [
        *((Wire(HEADERS, flags, 1, b"x" * 201),) for flags in (0, END_HEADERS)),
        *((Wire(HEADERS, flags, 1, b"x" * 500),) for flags in (0, END_HEADERS, PADDED)),
        *((Wire(HEADERS, flags, 0, b"x" * 500),) for flags in (0, END_HEADERS, PADDED)),
        *((Wire(PUSH_PROMISE, END_HEADERS, 1, PROMISED + b"x" * size),) for size in (201, 500)),
        *((first, Wire(CONTINUATION, 0, 1, b"x" * 197)) for first, _ in BEGINNINGS),
        *((first, Wire(CONTINUATION, END_HEADERS, 1, b"x" * 197)) for first, _ in BEGINNINGS),
    ],
    (ENHANCE_YOUR_CALM, "continuations"): [
        (first, *(_MORE,) * MOST_CONTINUATIONS, _LAST) for first, _ in BEGINNINGS
    ],
}


def _name(frames: tuple[Wire, ...]) -> str:
    return "+".join(f"{f.kind}-{f.flags}-{f.stream}-{len(f.payload)}" for f in frames)


# Code, budget, and the bytes.
WRONG = [
    pytest.param(code, budget, b"".join(f.encode() for f in frames), id=f"{code} {_name(frames)}")
    for (code, budget), cases in _WRONG.items()
    for frames in cases
]

# How many right frames stand before a wrong one.
BEFORE = [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.amount)]
