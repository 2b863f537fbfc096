"""Whether the kernel keeps processes and network of this process apart from those of the machine.

What a container runtime leaves behind does not tell. A virtual machine whose disk was made from an
image has its `/.dockerenv`, a container with the host's network has all that others have, and
variables are inherited. Only the kernel knows.
"""

import os
from collections.abc import Callable
from pathlib import Path

# Limits of the whole machine, which only its first network namespace shows. The other file is
# shown to each: without it nothing is known, as without /proc.
_OF_THE_MACHINE = "/proc/sys/net/core/netdev_max_backlog"
_OF_EACH_NETWORK = "/proc/sys/net/core/somaxconn"
# PROC_PID_INIT_INO: the number of the machine's first namespace is part of the kernel's interface.
_FIRST_PROCESSES = "pid:[4026531836]"


def own_network(exists: Callable[[str], bool] = lambda path: Path(path).exists()) -> bool:
    """Whether this network is surely not that of the whole machine. That of a virtual machine
    which was started for one pod (Kata) is the machine's."""
    return exists(_OF_EACH_NETWORK) and not exists(_OF_THE_MACHINE)


def own_processes(readlink: Callable[[str], str] = os.readlink) -> bool:
    """Whether this is a process of a container that does not share the machine's processes."""
    try:
        return readlink("/proc/self/ns/pid") != _FIRST_PROCESSES
    except OSError:
        return False
