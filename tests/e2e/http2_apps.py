"""Apps of HTTP/2 without TLS by others: each at a port of its own until the end of the block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import accepts, program, started
from tests.e2e.programs import JS, tool


@contextmanager
def node_app() -> Iterator[int]:
    """Node's own server: `js/http2_app.js` says what it answers."""
    port = free_ports(1)[0]
    with program(tool("node"), str(JS / "http2_app.js"), str(port), ready=lambda: accepts(port)):
        yield port


@contextmanager
def nghttpd(folder: Path, *options: str) -> Iterator[int]:
    """The server of nghttp2: the files of a folder, and bodies back to whoever posts them."""
    port = free_ports(1)[0]
    fixed = ("--no-tls", "--echo-upload", "-a", "127.0.0.1", "-d", str(folder))
    command = (tool("nghttpd"), *fixed, *options, str(port))
    with program(*command, ready=lambda: accepts(port)):
        yield port


@contextmanager
def hypercorn(app: str = "tests.e2e.asgi_app:app") -> Iterator[int]:
    """The ASGI server, which speaks HTTP/1 as well; this app sends bodies back."""
    port = free_ports(1)[0]
    # Without workers of its own, which would outlive it when it is killed.
    command = ("hypercorn", "-w", "0", "-b", f"127.0.0.1:{port}", app)
    with started(*command, ready=lambda: accepts(port)):
        yield port
