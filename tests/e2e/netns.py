"""Network namespaces: a pod with an address of its own, and somebody outside who can reach it.

with pod() as inside:
    inside.enter(lambda: socket.create_connection(("127.0.0.1", 8080)))
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, TypeVar

import pytest

from tests.e2e.place import Place, enter_network
from tests.e2e.programs import tool

T = TypeVar("T")

# Addresses that documentation may use; they lead nowhere but from one namespace to the other.
POD = {"IPv4": "192.0.2.2", "IPv6": "2001:db8::2"}
# Of who is outside: the node, which is the pod's gateway, and somebody else.
NODE = {"IPv4": "192.0.2.1", "IPv6": "2001:db8::1"}
CLIENT = {"IPv4": "192.0.2.9", "IPv6": "2001:db8::9"}
LOOPBACK = {"IPv4": "127.0.0.1/8", "IPv6": "::1/128"}
_PREFIX = {"IPv4": 24, "IPv6": 64}


class Namespace(NamedTuple):
    """A network of its own, known to `ip netns` by this name."""

    name: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """In front of a command, it runs the command in here."""
        return ("ip", "netns", "exec", self.name)

    @property
    def place(self) -> Place:
        """Where one of our programs is started in here."""
        return Place(namespace=self.name)

    def as_user(self, uid: int) -> Place:
        """The same as a user who may read every file, wherever the tests lie, and nothing more."""
        return Place(namespace=self.name, uid=uid, capabilities=["dac_read_search"])

    def with_capabilities(self, *names: str) -> Place:
        """The same as user 0 with these capabilities alone."""
        return Place(namespace=self.name, capabilities=names)

    def enter(self, work: Callable[[], T]) -> T:
        """What `work` returns in here; its sockets stay here. Runs in a thread of its own."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(enter_network, self.name).result()
            return thread.submit(work).result()


@contextmanager
def pod(*families: str) -> Iterator[tuple[Namespace, Namespace]]:
    """A pod that answers at `POD`, and the namespace outside; or the reason to skip. Of the
    families that are not wanted there is no address, not even of loopback."""
    if os.geteuid():
        pytest.skip("only root can make network namespaces")
    tool("ip")
    with ExitStack() as stack:
        inside, outside = (stack.enter_context(_namespace(f"{side}{os.getpid()}")) for side in "po")
        _ip("link", "add", "eth0", "netns", inside.name, "type", "veth", "peer", "eth0", "netns",
            outside.name)  # fmt: skip
        wanted = families or tuple(POD)
        for namespace, all_addresses in ((inside, [POD]), (outside, [NODE, CLIENT])):
            for addresses in all_addresses:
                for family in wanted:
                    _add_address(namespace, family, addresses[family])
            for device in ("lo", "eth0"):
                _ip("-n", namespace.name, "link", "set", device, "up")
        for family in wanted:
            _ip("-n", inside.name, "route", "add", "default", "via", NODE[family])
        for family in LOOPBACK.keys() - wanted:
            _ip("-n", inside.name, "address", "delete", LOOPBACK[family], "dev", "lo")
        yield inside, outside


def _add_address(namespace: Namespace, family: str, address: str) -> None:
    # Nobody else can have it: nobody is asked, nobody is waited for.
    nodad = ["nodad"] if family == "IPv6" else []
    where = f"{address}/{_PREFIX[family]}"
    _ip("-n", namespace.name, "address", "add", where, "dev", "eth0", *nodad)


@contextmanager
def _namespace(name: str) -> Iterator[Namespace]:
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
    try:
        yield Namespace(name)
    finally:
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
