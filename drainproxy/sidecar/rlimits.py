"""File descriptors: how many the system grants, and how they are shared out.

A client takes one, and its connection to the app another. A client that is being refused takes one.
The admin port and gRPC health checks have shares of their own.
"""

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# Descriptors beside those of connections and those that were open at the start: listeners, the
# loop's own, probes of the app, files, and connections that are being closed.
_OTHERS = 48
# The shares of the admin port and of health checks: a divisor of all, the most, the least.
_ADMIN_SHARE, _MOST_ADMIN, _LEAST_ADMIN = 10, 100, 4
_HEALTH_SHARE, _MOST_HEALTH, _LEAST_HEALTH = 32, 32, 2
# The descriptors that grpcio takes itself.
_GRPC_OTHERS = 16
# The share of refused clients in the rest: a divisor, and the most.
_REFUSED_SHARE, _MOST_REFUSED = 8, 1000
# Stands for no limit.
_UNLIMITED = 1 << 30

# The limit at our start, which the app that we start gets: we raise only our own.
_inherited = resource.getrlimit(resource.RLIMIT_NOFILE)


class Shares(NamedTuple):
    """How many connections of each kind are allowed: clients, refused clients, the admin port, gRPC
    health checks."""

    clients: int
    refused: int
    admin: int
    health: int


def raise_limit() -> None:
    """Raise the soft limit to the hard one."""
    _, hard = _inherited
    # macOS grants less than the hard limit says.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int:
    """The soft limit; _UNLIMITED for none."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else min(soft, _UNLIMITED)


def shares(most_clients: int, *, grpc: bool = False) -> Shares:
    """The shares if `most_clients` clients are wanted; `grpc`: with gRPC health checks."""
    all_ = limit()
    admin = max(_LEAST_ADMIN, min(_MOST_ADMIN, all_ // _ADMIN_SHARE))
    health = max(_LEAST_HEALTH, min(_MOST_HEALTH, all_ // _HEALTH_SHARE)) if grpc else 0
    left = all_ - _OTHERS - _open_at_start - admin - (health + _GRPC_OTHERS if grpc else 0)
    refused = max(0, min(_MOST_REFUSED, left // _REFUSED_SHARE))
    clients = max(1, min(most_clients, (left - refused) // 2))
    return Shares(clients, max(0, min(_MOST_REFUSED, left - 2 * clients)), admin, health)


def give_inherited_limit(pid: int) -> None:
    """Give a child process the limit that we were started with."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, _inherited)


def _count_open() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(Path(folder)))
    return 3


# Counted at import: the parent process may have left descriptors open.
_open_at_start = _count_open()
