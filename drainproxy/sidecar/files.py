"""File descriptors: two for each connection, as many as the system grants."""

import resource

# Beside those of connections: listeners, admin, log, and the loop's own.
_OTHERS = 64

# As it was when we were started: what we take for ourselves is not for the app that we start.
_inherited = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Take what the system grants."""
    _, hard = _inherited
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    """So many connections, each with one to the app, are possible."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1 << 30
    return max(1, (soft - _OTHERS) // 2)


def give_inherited_limit(pid: int) -> None:
    """Give a child the limit that we were started with."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, _inherited)
