"""The meaning of each signal: drain and exit, reload the settings, or pass it on to the app."""

import asyncio
import signal
from collections.abc import Callable

from drainproxy.sidecar import terminal

# The stop signals of the kubelet and Docker, of a terminal, and of images made for nginx.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# Signals that an operator may mean for the app. They must not end this process, which would cut
# every client. SIGHUP also reloads our settings.
PASSED_ON = (
    *(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH),
    # Timers and descriptors also send these, but only to processes that have asked for it.
    *(signal.SIGIO, signal.SIGPROF, signal.SIGVTALRM, signal.SIGCONT),
)
# These tell Gunicorn, Puma and Unicorn to start or stop a worker. A terminal also sends them, to
# stop background processes (termios(3)), so they are passed on only without one.
OF_A_TERMINAL = (signal.SIGTTIN, signal.SIGTTOU)


def handle(end: Callable[[int], None], pass_on: Callable[[int], None]) -> None:
    """Call `end` or `pass_on` for each signal from now on, and for those blocked until now."""
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, end, number)
    for number in PASSED_ON if terminal.is_there() else PASSED_ON + OF_A_TERMINAL:
        loop.add_signal_handler(number, pass_on, number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ENDING, *PASSED_ON, *OF_A_TERMINAL))
