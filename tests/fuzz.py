"""The pure parsers under a fuzzer that looks where its input leads: what Hypothesis cannot reach.

    python -m tests.fuzz [TARGET ...] -max_total_time=60

A target takes bytes that somebody hostile may send. It may refuse them in the parser's own way;
any other exception is a find, which atheris writes into the folder, and so is an answer that
depends on where the stream was cut. Needs the group `fuzz` of pyproject.toml.
"""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from drainproxy.config import ConfigError, ConfigFile, load
from drainproxy.wire import hpack, http1, mend, sniff
from drainproxy.wire.chunked import ChunkedBody
from drainproxy.wire.chunked_answer import AnswerBody
from drainproxy.wire.fields import Refused
from drainproxy.wire.frames import FrameScanner
from drainproxy.wire.hpack import HpackReader
from drainproxy.wire.sse import EventTracker
from drainproxy.wire.websocket import FrameTracker

Target = Callable[[bytes], None]

# What the relay allows a head.
FIELDS, LIST_SIZE = 100, 64 * 1024


def request_head(data: bytes) -> None:
    with suppress(Refused):
        http1.parse_request(data + b"\r\n\r\n", FIELDS)


def response_head(data: bytes) -> None:
    with suppress(Refused):
        head, _ = mend.mended(data + b"\r\n\r\n")
        http1.parse_response(head, b"GET", FIELDS)


def header_blocks(data: bytes) -> None:
    """Many blocks of one direction: the first byte of each says how long it is."""
    reader = HpackReader(LIST_SIZE, list)
    with suppress(hpack.HpackError):
        while data:
            end = 1 + data[0]
            reader.read(data[1:end])
            data = data[end:]


def chunked_body(data: bytes) -> None:
    whole, cut = ChunkedBody(), ChunkedBody()
    assert _feed(whole, [data]) == _feed(cut, [data[at : at + 1] for at in range(len(data))])


def _feed(body: ChunkedBody, parts: list[bytes]) -> int | None:
    """How much of the stream is of the body when it ends; None if it does not end, or is wrong."""
    passed = 0
    for part in parts:
        start = 0
        while True:
            try:
                end = body.feed(part, start)
            except Refused:
                return None
            if end >= 0:
                return passed + end
            if not body.stopped:
                break
            start = body.stopped
        passed += len(part)
    return None


def websocket_frames(data: bytes) -> None:
    """Where a frame of ours may stand does not depend on how the stream was cut."""
    whole, cut = FrameTracker(), FrameTracker()
    whole.feed_all(data)
    for at in range(len(data)):
        cut.feed_all(data[at : at + 1])
    assert whole.between_messages == cut.between_messages
    assert whole.between_frames == cut.between_frames


class Passing(FrameScanner[int]):
    """Lets everything pass."""

    def data(self, stream: int, flags: int, length: int) -> bool:
        return True

    def unknown(self, stream: int) -> bool:
        return True

    def _passes(self, *_: object, **__: object) -> None:
        return None

    headers = push = reset = window_update = priority = settings = ping = goaway = _passes
    settings_acknowledged = forget_block = _passes

    def pass_on(self, data: bytes) -> bytes:
        passed = b""
        while self.error is None and data:
            passed += self.feed(data)
            data = self.take_rest()
        return passed


def http2_frames(data: bytes) -> None:
    """What passes, and what is wrong with it, does not depend on how the stream was cut."""
    whole, cut = Passing(LIST_SIZE), Passing(LIST_SIZE)
    passed = whole.pass_on(data)
    in_cuts = b"".join(cut.pass_on(data[at : at + 1]) for at in range(len(data)))
    assert (whole.error is None) == (cut.error is None)
    assert passed == in_cuts


def chunked_answer(data: bytes) -> None:
    body = AnswerBody()
    start = 0
    with suppress(Refused):
        while body.feed(data, start) < 0 and body.stopped:
            start = body.stopped
        body.mended(data, -1)


def events(data: bytes) -> None:
    whole, cut = EventTracker(), EventTracker()
    whole.feed(data, 0, len(data))
    for at in range(len(data)):
        cut.feed(data, at, at + 1)
    assert whole.between_events == cut.between_events


def first_bytes(data: bytes) -> None:
    sniff.sniff(data)


def configuration(data: bytes) -> None:
    with suppress(UnicodeDecodeError, ConfigError):
        load(file=ConfigFile("fuzz", data.decode()))


def annotations(data: bytes) -> None:
    with suppress(UnicodeDecodeError, ConfigError):
        load(annotations=data.decode())


TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (
        *(request_head, response_head, chunked_body, chunked_answer, header_blocks, http2_frames),
        *(websocket_frames, events, first_bytes, configuration, annotations),
    )
}


def main(arguments: list[str]) -> None:
    """Each target in a process of its own: atheris ends the one it runs in."""
    names = [name for name in arguments if name in TARGETS] or list(TARGETS)
    flags = [name for name in arguments if name not in TARGETS]
    for name in names[1:]:
        # Its end is ours, for a find as for anything else.
        command = [sys.executable, "-m", "tests.fuzz", name, *flags]
        if code := subprocess.run(command, check=False).returncode:
            sys.exit(code)
    import atheris

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *flags], TARGETS[names[0]])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
