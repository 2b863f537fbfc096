"""The terminal that we were started from: the app may read from it, as under any shell.

We stay in the foreground, so that Ctrl-C means a drain. An app that reads or writes the terminal is
stopped by the kernel (SIGTTIN, SIGTTOU), and then gets the terminal. From then on Ctrl-C goes to
the app, as a shell or debugger expects.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# The signals that stop a background process which reads or changes the terminal (termios(3)).
WANTS_IT = (signal.SIGTTIN, signal.SIGTTOU)


def is_there() -> bool:
    """Whether we have a controlling terminal."""
    with suppress(OSError), _controlling():
        return True
    return False


def lend(group: int) -> bool:
    """Give the terminal to this process group. False if there is none, or if we are a background
    job: then only the shell can give it.
    """
    with suppress(OSError), _controlling() as terminal:
        if os.tcgetpgrp(terminal) in (os.getpgrp(), group):
            _give(terminal, group)
            return True
    return False


def take_back(group: int) -> bool:
    """Take the foreground back from this group; returns whether the group had it."""
    with suppress(OSError), _controlling() as terminal:
        if os.tcgetpgrp(terminal) == group:
            _give(terminal, os.getpgrp())
            return True
    return False


@contextmanager
def _controlling() -> Iterator[int]:
    terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    try:
        yield terminal
    finally:
        os.close(terminal)


def _give(terminal: int, group: int) -> None:
    # tcsetpgrp(3) from the background stops the caller, unless SIGTTOU is blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(terminal, group)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
