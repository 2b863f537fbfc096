"""What the smallest structures cost: a megabyte of them, from the client or from the app."""

from __future__ import annotations

import asyncio
import time

import uvloop

from loadtests.bench.flood import (
    BLOCK,
    DATA,
    DOWN,
    HEADERS,
    PREFACE,
    UP,
    Flood,
    Sender,
    asking,
    frame,
)
from loadtests.bench.ground import Ground, Target
from loadtests.bench.load import CpuWatch, LoadFailed
from loadtests.bench.targets import HTTP2_TARGETS, TARGETS, Launchers

# nginx keeps a request's body in a file before it goes on.
_PROXIES = ("pipe", "drainproxy", "haproxy", "envoy")
# By what is measured: the flood, and whether both sides speak HTTP/2.
_HTTP1 = {"chunks": "chunks", "frames": "frames", "events": "down-events"}
_SMALL_DATA = frame(DATA, 0, 1, b"123456789")
_LEAST = 1 << 20


def small(ground: Ground) -> None:
    """One client floods through each proxy, or has the app do so."""
    with ground.flood_app() as app_port:
        with ground.all_targets(app_port, _of(TARGETS)) as targets:
            for round_, target in ground.rounds(targets):
                for name, flood in _HTTP1.items():
                    _round(ground, f"small-{name}", round_, target, flood)
        with ground.all_targets(app_port, _of(HTTP2_TARGETS)) as targets:
            for round_, target in ground.rounds(targets):
                _round(ground, "small-data", round_, target, "")


def _of(table: Launchers) -> Launchers:
    return {name: launcher for name, launcher in table.items() if name in _PROXIES}


def _round(ground: Ground, measure: str, round_: int, target: Target, name: str) -> None:
    with ground.or_left_out(target.name):
        with CpuWatch(target.process) as watch:
            began = time.monotonic()
            passed = uvloop.run(_passed(target.port, name, ground.plan.seconds))
            seconds = time.monotonic() - began
        if passed < _LEAST:
            raise LoadFailed(f"{measure}: only {passed} bytes passed")
        cpu = watch.figures("cpu_ms_per_mb", 1e9 / passed)
        ground.samples.add(measure, target.name, round_, mb_per_s=passed / seconds / 1e6, **cpu)


async def _passed(port: int, name: str, seconds: int) -> int:
    """The bytes of the flood that one client got rid of, or got, in so many seconds."""
    loop = asyncio.get_running_loop()
    _, sender = await loop.create_connection(Sender if name else DataSender, "127.0.0.1", port)
    if name:
        sender.begin(UP[name] if name in UP else asking(name))
    # The round.
    await asyncio.sleep(seconds)
    passed = sender.received if name in DOWN else sender.passed
    sender.abort()
    return passed


class DataSender(Sender):
    """Sends small frames of DATA as far as the windows allow (RFC 9113 6.9)."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = b""
        self._windows = {0: 65535, 1: 65535}
        self._initial = 65535

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.begin(Flood(PREFACE + frame(HEADERS, 4, 1, BLOCK), self._frames))

    def _frames(self, number: int) -> bytes:
        """As many as may be sent; the flood pauses where none may."""
        count = min(*self._windows.values(), 1 << 17) // 9
        if not count:
            self.pause_writing()
        for window in self._windows:
            self._windows[window] -= 9 * count
        return _SMALL_DATA * count

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._seen += data
        while len(self._seen) >= 9 and len(self._seen) >= 9 + self._length():
            end = 9 + self._length()
            self._heard(self._seen[3], self._seen[4], self._seen[:end])
            self._seen = self._seen[end:]
        if min(self._windows.values()) >= 9:
            self.resume_writing()

    def _length(self) -> int:
        return int.from_bytes(self._seen[:3], "big")

    def _heard(self, kind: int, flags: int, raw: bytes) -> None:
        if kind == 8:
            self._windows[int.from_bytes(raw[5:9], "big")] += int.from_bytes(raw[9:13], "big")
        elif kind == 4 and not flags:
            for at in range(9, len(raw), 6):
                if raw[at + 1] == 4:
                    value = int.from_bytes(raw[at + 2 : at + 6], "big")
                    self._windows[1] += value - self._initial
                    self._initial = value
            self.write(frame(4, 1, 0))
