"""The balancer picks once per connection, moves nothing, and hides nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from drainproxy.rehearsal.balancer import Balancer, Endpoint, reset
from drainproxy.rehearsal.ports import free_ports

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def say_name_and_echo(
    name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(name.encode() + b"\n")
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def endpoint(name: str, port: int) -> Endpoint:
    return Endpoint(name, {"http": ("127.0.0.1", port)})


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def balanced(*names: str) -> AsyncIterator[tuple[Balancer, dict[str, Endpoint], int]]:
    """Servers of these names behind a balancer that listens on the port."""
    servers, endpoints = [], {}
    for name in names:

        async def handler(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str = name
        ) -> None:
            await say_name_and_echo(name, reader, writer)

        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        servers.append(server)
        endpoints[name] = endpoint(name, server.sockets[0].getsockname()[1])
    balancer = Balancer()
    (port,) = free_ports(1)
    await balancer.listen({"http": port})
    for each in endpoints.values():
        await balancer.put(each)
    try:
        yield balancer, endpoints, port
    finally:
        await balancer.close()
        for server in servers:
            server.close()


async def connect(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port)


async def who(port: int) -> tuple[str, Streams]:
    reader, writer = await connect(port)
    return (await reader.readline()).decode().strip(), (reader, writer)


async def close(*streams: Streams) -> None:
    for _, writer in streams:
        writer.close()
        await writer.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def test_new_connections_take_turns() -> None:
    async with balanced("a", "b", "c") as (balancer, _, port):
        names, streams = zip(*[await who(port) for _ in range(9)], strict=True)
        assert Counter(names) == {"a": 3, "b": 3, "c": 3}
        assert await balancer.connections() == {"a": 3, "b": 3, "c": 3}
        await close(*streams)
        await until(lambda: not +balancer.open)


async def test_a_connection_stays_where_it_is_though_its_endpoint_is_removed() -> None:
    async with balanced("a", "b") as (balancer, endpoints, port):
        name, (reader, writer) = await who(port)
        await balancer.remove(endpoints[name])
        others = [await who(port) for _ in range(4)]
        assert name not in {other for other, _ in others}
        writer.write(b"still there\n")
        assert await reader.readline() == b"still there\n"
        await close((reader, writer), *(streams for _, streams in others))


async def test_weights_share_out_new_connections() -> None:
    async with balanced("a", "b") as (balancer, endpoints, port):
        await balancer.put(endpoints["a"], 3)
        found = [await who(port) for _ in range(8)]
        assert Counter(name for name, _ in found) == {"a": 6, "b": 2}
        await close(*(streams for _, streams in found))


async def test_what_comes_before_the_other_side_is_there_is_kept_and_so_is_the_end() -> None:
    async with balanced("a") as (_, _, port):
        reader, writer = await connect(port)
        writer.write(b"early")
        writer.write_eof()
        assert await reader.read() == b"a\nearly"
        await close((reader, writer))


async def test_much_arrives_whole_at_a_reader_that_is_slow() -> None:
    sent = b"0123456789abcdef" * (1 << 18)
    async with balanced("a") as (_, _, port):
        reader, writer = await connect(port)
        writer.write(sent)
        writer.write_eof()
        # Nobody reads for a while: all buffers between the two fill up, and nothing tells when.
        await asyncio.sleep(0.2)
        assert await reader.read() == b"a\n" + sent
        await close((reader, writer))


@pytest.mark.parametrize("known", [True, False], ids=["a replica that is gone", "no replica"])
async def test_a_connection_that_nobody_takes_is_a_reset_and_counted(known: bool) -> None:
    balancer = Balancer()
    port, nobody = free_ports(2)
    await balancer.listen({"http": port})
    if known:
        await balancer.put(endpoint("gone", nobody))
    reader, writer = await connect(port)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    assert balancer.refused == 1
    writer.close()
    await balancer.close()


async def test_a_reset_by_the_replica_is_a_reset_for_the_client() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(cast(asyncio.Transport, writer.transport))

    balancer = Balancer()
    (port,) = free_ports(1)
    await balancer.listen({"http": port})
    async with listening(hang_up) as server_port:
        await balancer.put(endpoint("rude", server_port))
        reader, writer = await connect(port)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()
    await balancer.close()


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with balanced("a") as (_, _, port):
        with pytest.raises(OSError, match="in use"):
            await Balancer().listen({"http": port})


async def test_who_terminates_and_is_ready_gets_connections_while_there_is_nobody_else() -> None:
    async with balanced("old", "new") as (balancer, endpoints, port):
        await balancer.remove(endpoints["new"])
        await balancer.retire(endpoints["old"])
        name, old = await who(port)
        assert name == "old"
        await balancer.put(endpoints["new"])
        others = [await who(port) for _ in range(4)]
        assert {name for name, _ in others} == {"new"}
        await balancer.remove(endpoints["old"])
        await balancer.remove(endpoints["new"])
        assert balancer.pick() is None
        await close(old, *(streams for _, streams in others))


async def test_what_comes_while_there_is_no_replica_is_counted_apart() -> None:
    balancer = Balancer()
    (port,) = free_ports(1)
    await balancer.listen({"http": port})
    reader, writer = await connect(port)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    assert (balancer.refused, balancer.unplaced) == (1, 1)
    writer.close()
    await balancer.close()


async def test_it_knows_the_version_of_a_client_also_when_it_has_gone() -> None:
    async with balanced("a") as (balancer, endpoints, port):
        await balancer.remove(endpoints["a"])
        await balancer.put(endpoints["a"]._replace(version="v3"))
        reader, writer = await connect(port)
        await reader.readline()
        own = writer.get_extra_info("sockname")[1]
        assert balancer.version_at(own) == "v3"
        await close((reader, writer))
        await until(lambda: not +balancer.open)
        assert balancer.version_at(own) == "v3"
        assert balancer.version_at(1) == ""
