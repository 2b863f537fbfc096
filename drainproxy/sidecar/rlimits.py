"""File descriptors: how many the system grants, and how they are shared out.

Each client has one, and one for its connection to the app; clients that are being refused have one;
the admin port and gRPC health checks have their own.
"""

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# Beside those of connections, and those that were open when we began: listeners, the loop's own,
# questions to the app, files that are read or written, and connections that are about to be closed.
_OTHERS = 48
# The shares of admin and of health checks: a divisor of all descriptors, the most, the least.
_ADMIN_SHARE, _MOST_ADMIN, _LEAST_ADMIN = 10, 100, 4
_HEALTH_SHARE, _MOST_HEALTH, _LEAST_HEALTH = 32, 32, 2
# grpcio's own.
_GRPC_OTHERS = 16
# The share of refused clients in what is left: a divisor, and the most.
_REFUSED_SHARE, _MOST_REFUSED = 8, 1000
# What is meant by no limit.
_UNLIMITED = 1 << 30

# As it was when we were started: what we take for ourselves is not for the app that we start.
_inherited = resource.getrlimit(resource.RLIMIT_NOFILE)


class Shares(NamedTuple):
    """Connections: of clients, of refused clients, of the admin port, of gRPC health checks."""

    clients: int
    refused: int
    admin: int
    health: int


def raise_limit() -> None:
    """Take what the system grants."""
    _, hard = _inherited
    # macOS grants less than it says.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int:
    """How many descriptors we may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else min(soft, _UNLIMITED)


def shares(most_clients: int, *, grpc: bool = False) -> Shares:
    """How descriptors are shared out if `most_clients` are wanted."""
    all_ = limit()
    admin = max(_LEAST_ADMIN, min(_MOST_ADMIN, all_ // _ADMIN_SHARE))
    health = max(_LEAST_HEALTH, min(_MOST_HEALTH, all_ // _HEALTH_SHARE)) if grpc else 0
    left = all_ - _OTHERS - _open_at_start - admin - (health + _GRPC_OTHERS if grpc else 0)
    refused = max(0, min(_MOST_REFUSED, left // _REFUSED_SHARE))
    clients = max(1, min(most_clients, (left - refused) // 2))
    return Shares(clients, max(0, min(_MOST_REFUSED, left - 2 * clients)), admin, health)


def give_inherited_limit(pid: int) -> None:
    """Give a child the limit that we were started with."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, _inherited)


def _count_open() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(Path(folder)))
    return 3


# Those that whoever started us has left open are ours to count too.
_open_at_start = _count_open()
