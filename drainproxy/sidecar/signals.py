"""What each signal means: drain and exit, reload the settings, or pass it on to the app."""

import asyncio
import signal
from collections.abc import Callable

from drainproxy.sidecar import terminal

# The orders to stop of the kubelet and Docker, of a terminal, and of images made for nginx.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# What an operator may mean for the app. To us they mean nothing, and to die of them would be to cut
# everybody; SIGHUP means something to both.
PASSED_ON = (
    *(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH),
    # Timers and descriptors send these too, to a process that has asked for them: we have not.
    *(signal.SIGIO, signal.SIGPROF, signal.SIGVTALRM, signal.SIGCONT),
)
# By these Gunicorn, Puma and Unicorn are told to have a worker more or less. Where there is a
# terminal it sends them itself, to stop who is in the background (termios(3)).
OF_A_TERMINAL = (signal.SIGTTIN, signal.SIGTTOU)


def handle(end: Callable[[int], None], pass_on: Callable[[int], None]) -> None:
    """Call one of these with each signal from now on, and with those that were held until now."""
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, end, number)
    for number in PASSED_ON if terminal.is_there() else PASSED_ON + OF_A_TERMINAL:
        loop.add_signal_handler(number, pass_on, number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ENDING, *PASSED_ON, *OF_A_TERMINAL))
