"""Clients of gRPC, with grpcio and its retries off."""

from typing import Any

import grpc
import grpc.aio

from drainproxy.rehearsal import scores
from drainproxy.rehearsal.asking import Lost, in_time
from drainproxy.rehearsal.clients import Client, Target
from drainproxy.rehearsal.grpc_app import COUNT, ECHO, FAULT_KEY, VERSION_KEY

_OPTIONS = (
    # What is lost is lost: by default a call that no server has seen is made again, unseen by us.
    ("grpc.enable_retries", 0),
    # Each channel has its own connections, and never by a proxy of the environment.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
# What the library says of a call for which it had chosen a connection at the moment at which GOAWAY
# came: it has not sent it, and with its retries on nobody would hear of it.
_NEVER_SENT = "Stream removed (GOAWAY received; Error code: 0"
# How the sidecar's own last word to a stream begins.
_GOODBYE = "drainproxy: "


def channel(service: Target) -> grpc.aio.Channel:
    """One to where the service listens for gRPC."""
    return grpc.aio.insecure_channel(f"ipv4:127.0.0.1:{service.grpc_port}", options=_OPTIONS)


class _Channel(Client):
    """One channel for the whole life: after a GOAWAY it connects again by itself."""

    async def run(self) -> None:
        """Work until `stop`."""
        async with channel(self.service) as self._channel:
            await super().run()


class Calls(_Channel):
    """Unary calls, one after the other."""

    _number = 0

    async def work(self) -> None:
        """One call, and a pause."""
        self._number += 1
        question = f"{id(self)} {self._number}".encode()
        began = self.score.clock.now()
        call = self._channel.unary_unary(ECHO)(question)
        try:
            answer = await said(call)
        except Lost as lost:
            if not str(lost).startswith(_NEVER_SENT):
                raise
            self.score.crossed += 1
            return
        self.score.exchanges += 1
        if answer != question:
            raise Lost(scores.WRONG, "the answer to another request")
        self.answered(await version(call), self.score.clock.now() - began)
        if FAULT_KEY in dict(await call.initial_metadata()):
            self.spoilt()
        await self.pause()
        # Nothing was lost on it, and it takes no more calls: after GOAWAY a channel is idle.
        if self._channel.get_state() is grpc.ChannelConnectivity.IDLE:
            self.goodbye()


class Numbers(_Channel):
    """Streams of numbers from the app, one after the other: no gap, and each with its end."""

    COUNT = 15

    async def work(self) -> None:
        """One stream."""
        call = self._channel.unary_stream(COUNT)(b"%d" % self.COUNT)
        self.score.exchanges += 1
        for number in range(self.COUNT):
            try:
                message = await said(call.read())
            except Lost as lost:
                if str(lost).startswith(_GOODBYE):
                    return self.goodbye()
                raise
            if message != b"%d" % number:
                raise Lost(scores.WRONG, f"number {number} is missing")
            self.answered(await version(call))
        if await said(call.read()) is not grpc.aio.EOF:
            raise Lost(scores.WRONG, "the stream is too long")


async def version(call: Any) -> str:
    """Which version answers; its headers are there already."""
    return str(dict(await call.initial_metadata()).get(VERSION_KEY, ""))


async def said(waiting: Any) -> Any:
    """What the app said; Lost, with the status, if the call failed."""
    try:
        return await in_time(waiting)
    except grpc.aio.AioRpcError as error:
        raise Lost(f"grpc {error.code().name}", error.details() or "") from error
