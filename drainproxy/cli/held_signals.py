"""Holds signals that arrive before `drainproxy run` can handle them."""

import signal
from collections.abc import Sequence

# What `run` handles. Process 1 of a container never hears of one for which nobody has a handler
# (pid_namespaces(7)); but one that is blocked stays pending (signal(7)).
HELD = (
    *(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGTTIN, signal.SIGTTOU),
    *(signal.SIGIO, signal.SIGPROF, signal.SIGVTALRM),
)


def hold(arguments: Sequence[str]) -> None:
    """Block them if these arguments run a sidecar, which unblocks them as soon as it has handlers.

    Any other command must hear them, even where whoever started us has blocked them, as our image
    does for the time until this is called.
    """
    runs = list(arguments[1:2]) == ["run"]
    signal.pthread_sigmask(signal.SIG_BLOCK if runs else signal.SIG_UNBLOCK, HELD)
