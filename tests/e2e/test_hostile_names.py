"""Whatever clients, apps and files call things, each line of the log is one line and commands no
terminal (CWE-117, ECMA-48): every place where a name of theirs comes into it, on a real sidecar."""

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hpack import Encoder

from tests.e2e.conformance import frames as h2
from tests.e2e.conformance.frames import PREFACE
from tests.e2e.process import PATIENCE, Sidecar, sidecar

# ESC and what stands for it in one byte; the same in UTF-8; what else ends lines, and turns them.
NAMES = (
    *(b"\x1b[2Jforged", b"\x9b31mforged", b"\xc2\x9b31mforged", b"a\x85b\x0bc\x0cd"),
    *(b"\xe2\x80\xa8forged", b"\xe2\x80\xaegnp.exe", b"\\n\nforged", b"a\rforged", b"\x00\x7f\xff"),
)
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) +\S.*")
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + KEY
SWITCH = b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def http1(name: bytes) -> Iterator[bytes]:
    """What clients of HTTP/1 can put it into."""
    yield b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % name
    yield b"GET /?%s HTTP/1.1\r\nHost: a\r\n\r\n" % name
    yield b"%s / HTTP/1.1\r\nHost: a\r\n\r\n" % name
    yield b"GET / HTTP/%s\r\nHost: a\r\n\r\n" % name
    for field in (b"Host", b"User-Agent", b"X-Request-ID", b"Traceparent", b"Upgrade", b"Expect"):
        host = b"" if field == b"Host" else b"Host: a\r\n"
        yield b"GET /field HTTP/1.1\r\n%s%s: %s\r\n\r\n" % (host, field, name)
    yield b"GET / HTTP/1.1\r\nHost: a\r\n%s: x\r\n\r\n" % name
    yield b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n" % name
    yield b"GET /status-%s HTTP/1.1\r\nHost: a\r\n\r\n" % name.hex().encode()
    yield b"GET /reason-%s HTTP/1.1\r\nHost: a\r\n\r\n" % name.hex().encode()
    yield b"GET /field-%s HTTP/1.1\r\nHost: a\r\n\r\n" % name.hex().encode()
    # A Close frame, masked with zeros, with this reason (RFC 6455 5.5.1).
    close = b"\x88%c\0\0\0\0\x03\xe9%s" % (0x80 | (2 + len(name)), name)
    yield b"GET /ws HTTP/1.1\r\nHost: a\r\n%s\r\n" % UPGRADE + close


def http2(name: bytes) -> Iterator[bytes]:
    """What those of HTTP/2 can."""
    base = {b":method": b"GET", b":scheme": b"http", b":path": b"/", b":authority": b"a"}
    grpc = {**base, b":method": b"POST", b"content-type": b"application/grpc", b"te": b"trailers"}
    heads = [
        *({**base, pseudo: b"/" + name} for pseudo in base),
        *({**base, field: name} for field in (b"user-agent", b"x-request-id", b"traceparent")),
        {**base, b":method": b"CONNECT", b":protocol": name},
        {**grpc, b":path": b"/a.B/" + name},
        {**grpc, b"grpc-timeout": name},
        {**base, name: b"x"},
    ]
    for fields in heads:
        yield PREFACE + h2.settings() + h2.headers(1, Encoder().encode([*fields.items()]))
    yield PREFACE + h2.settings() + h2.frame(h2.Kind.GOAWAY, payload=bytes(8) + name)


def answers(request: bytes) -> bytes:
    """What the app makes of it."""
    if b"/ws " in request:
        return SWITCH + b"\x88\x08\x03\xe9\x1b[2J\x9bm"
    told = re.match(rb"GET /(status|reason|field)-([0-9a-f]+) ", request)
    name = bytes.fromhex(told[2].decode()) if told else b""
    match told and told[1]:
        case b"status":
            return b"HTTP/1.1 %s OK\r\n\r\n" % name
        case b"reason":
            return b"HTTP/1.1 200 %s\r\nContent-Length: 0\r\n\r\n" % name
        case b"field":
            return b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % name
    if request.startswith(PREFACE):
        message = Encoder().encode([(b":status", b"200"), (b"grpc-message", NAMES[0])])
        return h2.settings() + h2.headers(1, message) + h2.frame(h2.Kind.GOAWAY, 0, 0, b"\x1b" * 20)
    return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def app() -> Iterator[str]:
    """Answers everybody once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.settimeout(PATIENCE)
                        connection.sendall(answers(connection.recv(1 << 16)))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def say(port: int, words: bytes) -> None:
    """To this port, and read what comes until the other side has nothing more to say."""
    where = ("127.0.0.1", port)
    with socket.create_connection(where, timeout=PATIENCE) as client, suppress(OSError):
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            continue


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sidecar, Path]]:
    config = tmp_path_factory.mktemp("hostile") / "drainproxy.yaml"
    config.write_text("access-log: true\nlog-level: debug\n")
    with app() as address, sidecar(address, "--config", str(config)) as made:
        yield made, config


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.hex())
def test_a_name_of_others_is_a_part_of_one_line(running: tuple[Sidecar, Path], name: bytes) -> None:
    sidecar, config = running
    read = "configuration reloaded"
    before = sidecar.process.output.count(read)
    for words in (*http1(name), *http2(name)):
        say(sidecar.port, words)
    for path in (b"/drain/" + name, b"/connections?after=" + name, name):
        say(sidecar.admin, b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    text = name.decode("latin-1").encode("unicode-escape").decode()
    config.write_text(f'access-log: true\n"{text}": 1\ndrain-delay: "{text}"\n')
    sidecar.process.send_signal(signal.SIGHUP)
    sidecar.process.until(lambda: sidecar.process.output.count(read) > before)

    lines = sidecar.process.output.split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert LINE.fullmatch(line), repr(line)
        assert line.isprintable(), repr(line)
