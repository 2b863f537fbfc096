"""Connections that bypass the sidecar: no drain sees them, and the end of the app cuts them.

A connection to an app's port bypasses the sidecar unless it is one of the sidecar's own. Two kinds
count only if they are still open at the next look, since probes are shorter than that: connections
from the node, from which the kubelet probes, and from within the pod, where a probe may run a
command. Longer ones from within the pod come from other containers. They end with the pod, and are
reported because a drain does not see them either.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Generator, Iterator
from time import thread_time

from drainproxy.config import Address, Forward
from drainproxy.config.loops import LOOPBACK, plain
from drainproxy.relay.context import Context
from drainproxy.sidecar import own_addresses, peers
from drainproxy.sidecar.sock_diag import Entry

# Seconds between two looks, and the share of a core that they may take.
LOOK_EVERY = 2.0
_SHARE = 0.005
# So many sockets or sessions are looked at in one turn of the loop.
_AT_ONCE = 250
# The most addresses that /status names.
_MOST_NAMED = 5

log = logging.getLogger("drainproxy.bypass")


class BypassDetector:
    """Decides which connections bypass the sidecar. `node`: addresses of the node."""

    def __init__(self, node: Collection[bytes] = ()) -> None:
        self._node = frozenset(node)
        self._innocent: set[Entry] = set()
        self._waiting: set[Entry] = set()
        self.bypassing: set[Entry] = set()

    def unknown(self, found: set[Entry]) -> set[Entry]:
        """The connections among `found` that must be judged; closed ones are forgotten."""
        self.bypassing &= found
        self._innocent &= found
        return found - self._innocent - self.bypassing

    def judge(
        self, unknown: set[Entry], innocent: Callable[[Entry], bool]
    ) -> Generator[None, None, set[Entry]]:
        """Judge connections in steps; returns those that bypass the sidecar. `innocent`: whether a
        connection is our own, or one to another listener on the same port."""
        waited, self._waiting = self._waiting, set()
        new: set[Entry] = set()
        for number, entry in enumerate(unknown):
            if innocent(entry):
                self._innocent.add(entry)
            elif self._may_be_a_probe(entry) and entry not in waited:
                self._waiting.add(entry)
            else:
                new.add(entry)
            if number % _AT_ONCE == 0:
                yield
        self.bypassing |= new
        return new

    def _may_be_a_probe(self, entry: Entry) -> bool:
        return peers.is_inside(entry) or peers.peer_address(entry) in self._node


class Bypass:
    """Finds connections that bypass the sidecar, at the ports of the apps on this host."""

    def __init__(self, context: Context, forwards: Collection[Forward]) -> None:
        self._context = context
        # By the port of the app: the addresses that we connect to, and where clients should.
        self._targets: dict[int, set[bytes]] = {}
        self._listen: dict[int, str] = {}
        for forward in forwards:
            if isinstance(forward.app, Address) and (found := _at_this_host(forward.app)):
                self._targets.setdefault(forward.app.port, set()).update(found)
                self._listen.setdefault(forward.app.port, str(forward.listen))
        self._judge = BypassDetector([*map(peers.packed, own_addresses.node_addresses())])
        self._said: set[tuple[int, bool]] = set()

    async def watch(self) -> None:
        """Look for ever; returns without apps on this host, or if the kernel tells nothing."""
        while self._targets:
            try:
                seconds = await _spread(self.look())
            except OSError as error:
                log.info("cannot detect connections that bypass the sidecar: %s", error)
                return
            await asyncio.sleep(max(LOOK_EVERY, seconds / _SHARE))

    @property
    def connections(self) -> int:
        """How many connections bypass the sidecar now."""
        return len(self._judge.bypassing)

    def status(self) -> list[dict[str, object]]:
        """The connections by port, as plain values for JSON."""
        by_port: dict[int, list[Entry]] = {}
        for entry in self._judge.bypassing:
            by_port.setdefault(peers.local_port(entry), []).append(entry)
        return [
            {
                "port": port,
                "connections": len(entries),
                "within_pod": sum(map(peers.is_inside, entries)),
                "from": sorted({peers.peer(entry).address for entry in entries})[:_MOST_NAMED],
                "instead": self._listen[port],
            }
            for port, entries in sorted(by_port.items())
        ]

    def look(self) -> Iterator[None]:
        """Look once, in steps."""
        ports = sorted(self._targets)
        found: set[Entry] = set()
        listeners: set[Entry] = set()
        yield from peers.established(ports, found)
        yield from peers.listening(ports, listeners)
        unknown = self._judge.unknown(found)
        ours: set[tuple[str, int]] = set()
        if any(map(peers.is_inside, unknown)):
            yield from self._add_ours(ours)
        of_app = self._of_apps(listeners)

        def innocent(entry: Entry) -> bool:
            _, address, port = peers.peer(entry)
            return not of_app(entry) or (address, port) in ours

        for entry in (yield from self._judge.judge(unknown, innocent)):
            self._warn(entry)

    def _add_ours(self, ours: set[tuple[str, int]]) -> Iterator[None]:
        for number, session in enumerate(list(self._context.registry.sessions)):
            if (app := session.app) is not None:
                name = app.get_extra_info("sockname")
                if isinstance(name, tuple):
                    ours.add((name[0].removeprefix("::ffff:"), name[1]))
            if number % _AT_ONCE == 0:
                yield

    def _of_apps(self, listening: set[Entry]) -> Callable[[Entry], bool]:
        """The function that says whether a connection is to an app, and not to another listener on
        the same port of another address."""
        listeners: dict[int, set[bytes]] = {port: set() for port in self._targets}
        for entry in listening:
            listeners[peers.local_port(entry)].add(peers.local_address(entry))
        takers = {
            port: {peers.takes(listeners[port], address) for address in addresses}
            for port, addresses in self._targets.items()
        }

        def of_app(entry: Entry) -> bool:
            port = peers.local_port(entry)
            return peers.takes(listeners[port], peers.local_address(entry)) in takers[port]

        return of_app

    def _warn(self, entry: Entry) -> None:
        """Log a bypass, once for each port, and once more if it comes from within the pod."""
        port, inside = peers.local_port(entry), peers.is_inside(entry)
        if (port, inside) in self._said:
            return
        self._said.add((port, inside))
        values = peers.peer(entry).address, port, self._listen[port]
        log.warning(_WITHIN_POD if inside else _OUTSIDE, *values)


_OUTSIDE = (
    "%s connects to port %d of the app directly, so a drain does not see it: let its Service (or"
    " client) target port %s of the sidecar, by number or name, or set drainproxy.io/capture to"
    " redirect"
)
_WITHIN_POD = (
    "%s, in this pod, connects to port %d of the app directly, so a drain does not see it: if that"
    " matters, let it connect to port %s of the sidecar, or set drainproxy.io/capture to redirect"
)


def _at_this_host(app: Address) -> list[bytes]:
    """The addresses of an app on this host; empty for any other."""
    if app.host == "localhost":
        return [*map(peers.packed, LOOPBACK)]
    try:
        address = plain(app.host)
    except ValueError:
        return []
    return [peers.packed(address)] if own_addresses.is_ours(address) else []


async def _spread(steps: Iterator[None]) -> float:
    """Take the steps, each in its own turn of the loop; returns how many CPU seconds they took. On
    a busy machine wall-clock seconds would mostly be those of other processes."""
    took = 0.0
    more = True
    while more:
        began = thread_time()
        more = next(steps, True) is None
        took += thread_time() - began
        await asyncio.sleep(0)
    return took
