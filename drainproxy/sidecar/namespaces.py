"""Whether this process has a PID namespace and a network namespace of its own.

Only the kernel knows that. Files of a container runtime do not tell: a virtual machine whose disk
was made from an image has `/.dockerenv` too, and so has a container with the host's network.
Environment variables are inherited.
"""

import os
from collections.abc import Callable
from pathlib import Path

# The first file exists only in the machine's first network namespace, the second one in each:
# without the second one nothing is known, as without /proc.
_OF_THE_MACHINE = "/proc/sys/net/core/netdev_max_backlog"
_OF_EACH_NETWORK = "/proc/sys/net/core/somaxconn"
# PROC_PID_INIT_INO: the number of the machine's first namespace is part of the kernel's interface.
_FIRST_PROCESSES = "pid:[4026531836]"


def own_network(exists: Callable[[str], bool] = lambda path: Path(path).exists()) -> bool:
    """Whether this network namespace is certainly not the machine's first one. In a virtual machine
    for a single pod (Kata) it is."""
    return exists(_OF_EACH_NETWORK) and not exists(_OF_THE_MACHINE)


def own_processes(readlink: Callable[[str], str] = os.readlink) -> bool:
    """Whether this PID namespace is not the machine's first one; False where that is unknown."""
    try:
        return readlink("/proc/self/ns/pid") != _FIRST_PROCESSES
    except OSError:
        return False
