"""`python -m tests.e2e.preloaded FD`: begins programs where most imports end.

Those imports are most of what a start takes, and the tests start some 500 sidecars and 100 apps.
What a program imports is imported once, when it is first asked for; the program itself in each
fork, so arguments, environment and signals meet all of its own start. `tests/e2e/forks.py` asks at
the other end of the socket FD.
"""

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from functools import cache
from importlib import import_module
from typing import NamedTuple

from tests.e2e.place import Place

# What programs import, some of it only when they serve. Of any other it is the program itself,
# which does nothing before it is `__main__`. `drainproxy` holds signals back while it is imported.
MODULES = {
    "drainproxy run": (
        *("aiohttp.web", "click", "msgspec", "prometheus_client", "uvloop"),
        *("drainproxy.sidecar.supervisor", "drainproxy.sidecar.admin", "encodings.idna", "hmac"),
    ),
    "drainproxy inject": ("click", "drainproxy.kube.batch"),
    "drainproxy rehearse": (
        *("click", "jinja2", "rich.console", "uvloop", "drainproxy.config"),
        *("drainproxy.rehearsal.about", "drainproxy.rehearsal.live", "drainproxy.rehearsal.page"),
        *("drainproxy.rehearsal.rehearsal", "drainproxy.rehearsal.table"),
    ),
    "drainproxy redirect": ("click", "drainproxy.config", "drainproxy.kube.redirect"),
    "drainproxy smoke": (
        *("click", "aiohttp", "grpc.aio", "drainproxy.rollout.smoke.kinds"),
        *("drainproxy.rollout.smoke.run", "drainproxy.rollout.smoke.reports"),
    ),
    "drainproxy webhook": (
        *("aiohttp.web", "click", "drainproxy.kube.certificate_keeper", "drainproxy.kube.webhook"),
        *("drainproxy.kube.cluster_view", "drainproxy.sidecar.logs"),
    ),
    "drainproxy": ("click", "drainproxy.config"),
    "uvicorn": (
        *("uvicorn.main", "uvicorn.loops.auto", "uvicorn.lifespan.off"),
        *("uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto"),
    ),
    "hypercorn": ("hypercorn.run", "hypercorn.asyncio.run"),
}
# Bytes of a message: arguments and an environment.
LONGEST = 1 << 18


class Exit:
    """Ends a fork once all that a program does at its end is done: threads are over, `atexit` has
    been called, and what was printed is out. What follows in the interpreter takes modules apart,
    which would copy most pages that a fork shares, and take longer than a sidecar's start."""

    def __init__(self) -> None:
        self._code: int | None = None
        # Who is the first is called last.
        atexit.register(self._leave)

    def after(self, command: "Command") -> None:
        """Run it. Other ends than by its own exit code are left to the interpreter."""
        try:
            command.become()
        except SystemExit as end:
            if not isinstance(end.code, int | None):
                raise
            code = end.code or 0
        else:
            code = 0
        self._code = None if command.place.whole_end else code

    def _leave(self) -> None:
        if self._code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._code)


class Command(NamedTuple):
    """`python -m ARGUMENTS` in a place, with an environment and standard streams of its own."""

    arguments: list[str]
    env: dict[str, str]
    place: Place
    streams: list[int]

    def become(self) -> None:
        """Run it in this process, as the interpreter does."""
        for standard, stream in enumerate(self.streams):
            os.dup2(stream, standard)
        _close(self.streams)
        self.place.enter()
        os.environ.clear()
        os.environ.update(self.env)
        sys.argv[1:] = self.arguments[1:]
        if not hasattr(sys.modules.get(self.arguments[0]), "__path__"):
            sys.modules.pop(self.arguments[0], None)  # it was imported, and is no package
        runpy.run_module(self.arguments[0], run_name="__main__", alter_sys=True)


def forked(control: socket.socket) -> Command | None:
    """In each fork what it is to run; None in the parent, once nobody asks any more.

    Who asks is told the process id of each fork, with a descriptor of it (pidfd_open(2)), and the
    exit code when it ends.
    """
    running: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd in running:
                    selector.unregister(key.fd)
                    _tell_end(control, key.fd, running.pop(key.fd))
                    continue
                asked, streams, *_ = socket.recv_fds(control, LONGEST, 3)
                if not asked:
                    _kill(running)
                    return None
                arguments, env, place = json.loads(asked)
                command = Command(arguments, env, Place(*place), streams)
                _preload(*command.arguments[:2])
                if (pid := os.fork()) == 0:
                    _close([control.detach(), *running])
                    return command
                _close(streams)
                end = os.pidfd_open(pid)
                running[end] = pid
                selector.register(end, selectors.EVENT_READ)
                socket.send_fds(control, [json.dumps({"began": pid}).encode()], [end])


@cache
def _preload(program: str, argument: str) -> None:
    modules = MODULES.get(f"{program} {argument}") or MODULES.get(program, (program,))
    for name in modules:
        import_module(name)
    gc.freeze()


def _tell_end(control: socket.socket, end: int, pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(end)
    code = os.waitstatus_to_exitcode(status)
    control.send(json.dumps({"ended": pid, "code": code}).encode())


def _kill(running: dict[int, int]) -> None:
    for end in running:
        signal.pidfd_send_signal(end, signal.SIGKILL)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def main() -> None:
    """Until the other end is closed."""
    end = Exit()
    command = forked(socket.socket(fileno=int(sys.argv[1])))
    if command is not None:
        end.after(command)


if __name__ == "__main__":
    main()
