"""What clients have done to HTTP/2 servers, each FRAMES long, and what must come of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from tests.e2e.conformance.frames import (
    ACK,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    LARGEST_WINDOW,
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
    literal,
    ping,
    preference,
    priority,
    rst_stream,
    settings,
    window_update,
)
from tests.e2e.http2_raw_client import ClientEnd

FRAMES = 25_000
# What the README promises.
MAX_STREAMS, MAX_RESETS, CONTROL_FRAMES, EMPTY_FRAMES = 256, 500, 1000, 100
# An entry of almost the whole table, as often as a list of 64 KB takes it, and in one frame.
LARGE_ENTRY, MANY, TOO_MANY = 3900, 15, 16000
# Streams that are opened before it is waited for what becomes of them.
_AT_ONCE = 50

Do = Callable[[ClientEnd], Awaitable[None]]


class Attack(NamedTuple):
    """`reason` is the one in `drainproxy_rejected_total`, `code` the one in GOAWAY; of the types of
    frames in `reached` the app gets so many at most, of all others none. `acknowledges` tells
    whether the client has said that it knows the app's settings."""

    do: Do
    reason: str
    reached: Mapping[int, int] = {}
    code: Code = Code.ENHANCE_YOUR_CALM
    acknowledges: bool = True


# Ways to attack


def flood(piece: bytes, times: int = FRAMES) -> Do:
    """The same again and again."""

    async def do(client: ClientEnd) -> None:
        await client.flood(piece * times)

    return do


def on_a_request(piece: Callable[[int], bytes], flags: int = END_HEADERS) -> Do:
    """The same again and again, for a request that is open."""

    async def do(client: ClientEnd) -> None:
        stream = client.ask("/hold", "POST", flags=flags)
        await client.flood(piece(stream) * FRAMES)

    return do


def requests(after: Callable[[int], bytes], flags: int = WHOLE) -> Do:
    """Requests without end, with something `after` each."""

    async def do(client: ClientEnd) -> None:
        client.ask("/hold")
        block = client.block("/hold")
        streams = [client.stream() for _ in range(FRAMES)]
        await client.flood(b"".join(headers(each, block, flags) + after(each) for each in streams))

    return do


def made_resets(after: Callable[[int], bytes]) -> Do:
    """The same at such a pace that the app can reset each of them."""

    async def do(client: ClientEnd) -> None:
        for _ in range(FRAMES // _AT_ONCE):
            streams = [client.stream() for _ in range(_AT_ONCE)]
            block = client.block("/hold")
            client.send(b"".join(headers(each, block) + after(each) for each in streams))
            await client.until(lambda last=streams[-1]: client.ended or last in client.resets)  # type: ignore[misc]
            if client.ended:
                return

    return do


def continuations(part: bytes, times: int) -> Do:
    """A header block without an end."""

    async def do(client: ClientEnd) -> None:
        stream = client.stream()
        first = headers(stream, client.block("/hold"), END_STREAM)
        await client.flood(first + continuation(stream, part, 0) * times)

    return do


def heads(part: bytes, flags: int, after: Callable[[int], bytes] = lambda _: b"") -> Do:
    """HEADERS with nothing but this."""

    async def do(client: ClientEnd) -> None:
        streams = [client.stream() for _ in range(FRAMES)]
        await client.flood(b"".join(headers(each, part, flags) + after(each) for each in streams))

    return do


def hpack_bombs(references: int, times: int) -> Do:
    """Requests that name one large entry of the table again and again."""

    async def do(client: ClientEnd) -> None:
        client.ask("/hold", fields=[("x-large", "a" * LARGE_ENTRY)])
        block = client.block("/hold", fields=[("x-large", "a" * LARGE_ENTRY)])
        # The encoder knows the entry, which is the newest, by now.
        assert block[-1:] == b"\xbe"
        bomb = block + block[-1:] * (references - 1)
        await client.flood(b"".join(headers(client.stream(), bomb) for _ in range(times)))

    return do


async def huge_table(client: ClientEnd) -> None:
    """The client's own table grows beyond what the app has allowed (RFC 7541, 6.3)."""
    update = b"\x3f" + (LARGEST_WINDOW & 0x7F | 0x80).to_bytes() + b"\xff\xff\xff\x07"
    block = update + client.block("/hold")
    await client.flood(b"".join(headers(client.stream(), block) for _ in range(FRAMES)))


async def resets_of_what_is_over(client: ClientEnd) -> None:
    """RST_STREAM for a stream that has been answered."""
    stream = client.ask("/hello")
    await client.answered(stream)
    await client.flood(rst_stream(stream) * FRAMES)


async def malformed(client: ClientEnd) -> None:
    """A request that the app must not see: the blocks of all others are written anew."""
    client.send(headers(client.stream(), b""))


async def made_reset(client: ClientEnd) -> int:
    """A request that the app has reset before its end."""
    stream = client.ask("/hold", "POST", flags=END_HEADERS)
    client.send(window_update(stream, LARGEST_WINDOW))
    await client.until(lambda: stream in client.resets)
    return stream


def after_its_reset(piece: Callable[[int], bytes]) -> Do:
    """The same again and again, for a request that the app has reset."""

    async def do(client: ClientEnd) -> None:
        await client.flood(piece(await made_reset(client)) * FRAMES)

    return do


async def trailers_written_anew(client: ClientEnd) -> None:
    """Trailers of 60 KB in 15 bytes, for a request that the app has reset."""
    await malformed(client)
    large = [("x-large", "a" * LARGE_ENTRY)]
    client.ask("/hold", fields=large)
    stream = await made_reset(client)
    await client.flood(headers(stream, client.encoder.encode(large) * MANY) * FRAMES)


async def tunnels(client: ClientEnd) -> None:
    """CONNECT, which is not supported."""
    block = literal(b":method", b"CONNECT") + literal(b":authority", b"a.example")
    await client.flood(b"".join(headers(client.stream(), block) for _ in range(FRAMES)))


async def after_the_last(client: ClientEnd) -> None:
    """Requests after the app has said which one is the last."""
    client.ask("/goodbye")
    await client.until(lambda: client.goaway is not None)
    await requests(lambda _: b"")(client)


CONTROL = "control-frames"
RESETS = "max-resets"
LARGEST_SETTINGS = settings(*[(Setting.UNKNOWN, 0)] * (DEFAULT_FRAME_SIZE // 6))
HUGE = (Setting.HEADER_TABLE_SIZE, 2**32 - 1)
UNKNOWN = 0xEE

ATTACKS = {
    "rapid reset": Attack(
        requests(rst_stream), RESETS, {Kind.HEADERS: MAX_RESETS + 2, Kind.RST_STREAM: MAX_RESETS}
    ),
    "made resets: WINDOW_UPDATE of 0": Attack(
        requests(lambda stream: window_update(stream, 0)),
        "malformed",
        {Kind.HEADERS: 2},
        Code.PROTOCOL_ERROR,
    ),
    "made resets: a PRIORITY of 4 bytes": Attack(
        requests(lambda stream: frame(Kind.PRIORITY, 0, stream, bytes(4))),
        "malformed",
        {Kind.HEADERS: 2},
        Code.FRAME_SIZE_ERROR,
    ),
    "made resets: a stream that depends on itself": Attack(
        made_resets(lambda stream: priority(stream, stream)),
        RESETS,
        dict.fromkeys((Kind.HEADERS, Kind.PRIORITY), MAX_RESETS + _AT_ONCE),
    ),
    "made resets: DATA after END_STREAM": Attack(
        requests(lambda stream: data(stream, b"more", 0)),
        "malformed",
        {Kind.HEADERS: 2},
        Code.STREAM_CLOSED,
    ),
    "made resets: a window that flows over": Attack(
        made_resets(lambda stream: window_update(stream, LARGEST_WINDOW)),
        RESETS,
        dict.fromkeys((Kind.HEADERS, Kind.WINDOW_UPDATE), MAX_RESETS + _AT_ONCE),
    ),
    "empty CONTINUATIONs": Attack(continuations(b"", FRAMES), "continuations"),
    "large CONTINUATIONs": Attack(continuations(bytes(DEFAULT_FRAME_SIZE), 400), "malformed"),
    "an entry named 16,000 times": Attack(
        hpack_bombs(TOO_MANY, 400), "malformed", {Kind.HEADERS: 1}
    ),
    "an entry named 15 times by each request": Attack(
        hpack_bombs(MANY, FRAMES), RESETS, {Kind.HEADERS: MAX_STREAMS}
    ),
    "SETTINGS with a huge table": Attack(
        flood(settings(HUGE)), CONTROL, {Kind.SETTINGS: CONTROL_FRAMES}
    ),
    "a huge table": Attack(huge_table, "malformed", code=Code.COMPRESSION_ERROR),
    "PING": Attack(flood(ping()), CONTROL, {Kind.PING: CONTROL_FRAMES}),
    "answers to PING": Attack(flood(ping(flags=ACK)), CONTROL, {Kind.PING: CONTROL_FRAMES}),
    "SETTINGS": Attack(flood(settings()), CONTROL, {Kind.SETTINGS: CONTROL_FRAMES}),
    "large SETTINGS": Attack(
        flood(LARGEST_SETTINGS, 1500), CONTROL, {Kind.SETTINGS: CONTROL_FRAMES}
    ),
    "acknowledgements of SETTINGS": Attack(
        flood(settings(flags=ACK)), CONTROL, {Kind.SETTINGS: CONTROL_FRAMES}
    ),
    "PRIORITY": Attack(flood(priority(5, 3)), CONTROL, {Kind.PRIORITY: CONTROL_FRAMES}),
    "WINDOW_UPDATE": Attack(
        flood(window_update(0, 1)), CONTROL, {Kind.WINDOW_UPDATE: CONTROL_FRAMES}
    ),
    "WINDOW_UPDATE of a stream": Attack(
        on_a_request(lambda stream: window_update(stream, 1)),
        CONTROL,
        {Kind.HEADERS: 1, Kind.WINDOW_UPDATE: CONTROL_FRAMES},
    ),
    "RST_STREAM of a stream that is over": Attack(
        resets_of_what_is_over, CONTROL, {Kind.HEADERS: 1, Kind.RST_STREAM: CONTROL_FRAMES}
    ),
    "HEADERS of a stream that was reset": Attack(
        after_its_reset(lambda stream: headers(stream, literal(b"x-name", b"value"))),
        CONTROL,
        {Kind.HEADERS: 1 + CONTROL_FRAMES, Kind.WINDOW_UPDATE: 1},
    ),
    "trailers that grow on a stream that was reset": Attack(
        trailers_written_anew, CONTROL, {Kind.HEADERS: 2, Kind.WINDOW_UPDATE: 1}
    ),
    "empty DATA of a stream that was reset": Attack(
        after_its_reset(lambda stream: data(stream, b"", 0)),
        CONTROL,
        {Kind.HEADERS: 1, Kind.WINDOW_UPDATE: 1, Kind.DATA: CONTROL_FRAMES},
    ),
    "CONNECT": Attack(tunnels, CONTROL),
    "requests after the last one": Attack(after_the_last, CONTROL, {Kind.HEADERS: 1}),
    "malformed trailers": Attack(
        requests(lambda stream: headers(stream, literal(b":path", b"/")), END_HEADERS),
        RESETS,
        {Kind.HEADERS: MAX_RESETS + 2, Kind.RST_STREAM: MAX_RESETS},
    ),
    "GOAWAY": Attack(flood(goaway()), CONTROL, {Kind.GOAWAY: CONTROL_FRAMES}),
    "an unknown type": Attack(flood(frame(UNKNOWN)), CONTROL, {UNKNOWN: CONTROL_FRAMES}),
    "empty DATA": Attack(
        on_a_request(lambda stream: data(stream, b"", 0)),
        "empty-frames",
        {Kind.HEADERS: 1, Kind.DATA: EMPTY_FRAMES},
    ),
    "empty HEADERS": Attack(heads(b"", WHOLE), RESETS),
    "empty HEADERS and CONTINUATION": Attack(
        heads(b"", END_STREAM, lambda stream: continuation(stream, b"")), RESETS
    ),
    "HEADERS that are all priority": Attack(heads(preference(), WHOLE | PRIORITIZED), RESETS),
    "streams beyond the limit": Attack(
        requests(lambda _: b""), RESETS, {Kind.HEADERS: MAX_STREAMS}
    ),
    "streams beyond a limit that it may not know": Attack(
        requests(lambda _: b""), CONTROL, {Kind.HEADERS: MAX_STREAMS}, acknowledges=False
    ),
}
