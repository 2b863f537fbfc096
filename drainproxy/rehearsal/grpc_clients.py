"""Clients of gRPC, with the library that everybody uses and its retries off."""

import asyncio
import random
from typing import Any

import grpc
import grpc.aio

from drainproxy.rehearsal.balancer import Balancer
from drainproxy.rehearsal.clients import AFTER_LOSS, Client, Lost, Score, in_time
from drainproxy.rehearsal.grpc_app import COUNT, ECHO, NUMBER_EVERY

_OPTIONS = (
    # What is lost is lost: by default a call that no server has seen is made again, unseen by us.
    ("grpc.enable_retries", 0),
    # Each channel has its own connections, and never by a proxy of the environment.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    # By default all addresses in a row, which is no name of a host.
    ("grpc.default_authority", "demo.example"),
)


class Calls(Client):
    """Unary calls, one after the other, on a channel that is kept until it is told to go."""

    PAUSE = 0.05

    def __init__(self, balancer: Balancer, score: Score, stop: asyncio.Event) -> None:
        super().__init__(balancer, score, stop)
        self._number = 0

    async def run(self) -> None:
        """Call until `stop`, on as many channels as it takes."""
        while not self.stop.is_set():
            async with _channel(self.balancer) as channel:
                try:
                    await self._call_until_told_to_go(channel)
                except Lost as error:
                    self.lost(error)
                    await self.sleep(AFTER_LOSS)

    async def _call_until_told_to_go(self, channel: Any) -> None:
        echo = channel.unary_unary(ECHO)
        while not self.stop.is_set():
            self._number += 1
            question = f"{id(self)} {self._number}".encode()
            if await _answer(echo(question)) != question:
                raise Lost("somebody else's answer")
            self.done()
            await self.sleep(random.uniform(0, 2 * self.PAUSE))
            # Nothing was lost on it, and it takes no more calls: after GOAWAY a channel is idle.
            if channel.get_state() is not grpc.ChannelConnectivity.READY:
                return self.served(goodbye=True)


class Numbers(Client):
    """One stream of numbers from the app, which must come without a gap and with its end."""

    def __init__(
        self, balancer: Balancer, score: Score, stop: asyncio.Event, *, seconds: float
    ) -> None:
        super().__init__(balancer, score, stop)
        self._count = max(1, round(seconds / NUMBER_EVERY))

    async def run(self) -> None:
        """Read to the end, comparing."""
        async with _channel(self.balancer) as channel:
            call = channel.unary_stream(COUNT)(b"%d" % self._count)
            try:
                for number in range(self._count):
                    if await _answer(call.read()) != b"%d" % number:
                        raise Lost("the stream ended too soon, or has a gap")
                    self.done()
                if await _answer(call.read()) is not grpc.aio.EOF:
                    raise Lost("the stream is too long")
                self.served()
            except Lost as error:
                self.lost(error)


def _channel(balancer: Balancer) -> Any:
    """To all of them, beginning with the one to which the balancer sends what is new."""
    addresses = ",".join(f"127.0.0.1:{backend.grpc_port}" for backend in balancer.order())
    return grpc.aio.insecure_channel(f"ipv4:{addresses}", options=_OPTIONS)


async def _answer(waiting: Any) -> Any:
    """What the app said; Lost, with the status, if the call failed."""
    try:
        return await in_time(waiting)
    except grpc.aio.AioRpcError as error:
        raise Lost(f"{error.code().name}: {error.details()}") from error
