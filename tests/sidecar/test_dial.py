"""Connections from an address of choice."""

import asyncio
import errno
import socket

import pytest

from drainproxy.sidecar.dial import connected, fits


@pytest.mark.parametrize(
    ("source", "host", "fit"),
    [
        ("127.0.0.6", "127.0.0.1", True),
        ("127.0.0.6", "127.0.0.9", True),
        ("10.0.0.1", "127.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", True),
        ("::1", "::1", True),
        # What is trusted at loopback must not come to an address at which clients come.
        ("127.0.0.6", "10.0.0.1", False),
        ("::1", "2001:db8::1", False),
        ("127.0.0.6", "::1", False),
        ("::1", "127.0.0.1", False),
        ("127.0.0.6", "db.example", False),
    ],
)
def test_a_source_fits_its_own_family_and_loopback_only_loopback(
    source: str, host: str, fit: bool
) -> None:
    assert fits(source, host) is fit


async def test_the_app_sees_the_source() -> None:
    with socket.create_server(("127.0.0.1", 0)) as app:
        client = await connected("127.0.0.6", "127.0.0.1", app.getsockname()[1])
        accepted, peer = app.accept()
        assert peer == client.getsockname()
        assert peer[0] == "127.0.0.6"
        accepted.close()
        client.close()


async def test_nobody_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as app:
        port = app.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await connected("127.0.0.6", "127.0.0.1", port)


async def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(OSError, match=r"app-source 192\.0\.2\.1") as raised:
        await connected("192.0.2.1", "127.0.0.1", 9)
    assert raised.value.errno == errno.EADDRNOTAVAIL


async def test_an_app_that_does_not_accept_is_waited_for_as_long_as_one_likes() -> None:
    with socket.socket() as app:
        app.bind(("127.0.0.1", 0))
        app.listen(0)
        port = app.getsockname()[1]
        sockets = [socket.socket() for _ in range(3)]
        for filler in sockets:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connected("127.0.0.6", "127.0.0.1", port)
        for filler in sockets:
            filler.close()
