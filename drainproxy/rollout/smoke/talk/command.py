"""Runs a command, with the variables of the test in its environment."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from typing import IO

from drainproxy.rollout.smoke.answers import ExecAnswer
from drainproxy.rollout.smoke.model import ExecAction
from drainproxy.rollout.smoke.stage import Failed, Stage

# So many of the last bytes of each stream are kept for the checks.
KEPT = 1 << 20
_PIECE = 1 << 16
# Whom a command leaves behind may hold its output open for so long after its end, in seconds.
_LEFT_BEHIND = 0.5


async def ask(action: ExecAction, stage: Stage) -> ExecAnswer:
    """Run it to its end. If nobody waits for that any more its whole process group is killed; what
    it put into another session is out of reach."""
    stage.waiting_for = "the command did not end"
    process = _started(action)
    assert process.stdout is not None
    assert process.stderr is not None
    streams = (process.stdout, process.stderr)
    reading = [asyncio.create_task(_tail(each)) for each in streams]
    try:
        exit_code = await asyncio.to_thread(process.wait)
        await asyncio.wait(reading, timeout=_LEFT_BEHIND)
    finally:
        # Only it ends the thread that waits, and what the command has started.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for task in reading:
            task.cancel()
        tails = await asyncio.gather(*reading, return_exceptions=True)
        for each in streams:
            each.close()
    (stdout, cut), (stderr, _) = (
        ("", False) if isinstance(tail, BaseException) else tail for tail in tails
    )
    return ExecAnswer(exit_code, stdout, stderr, cut)


def _started(action: ExecAction) -> subprocess.Popen[bytes]:
    """In a session, and so a process group, of its own."""
    try:
        return subprocess.Popen(
            action.command,
            env=dict(action.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        name = error.filename or action.command[0]
        raise Failed(f"{name}: {error.strerror or error}") from None


async def _tail(stream: IO[bytes]) -> tuple[str, bool]:
    """The end of what is written, once all is written, or nobody waits for it any more; and
    whether there was more before it."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(stream.fileno()), "rb", 0)
    )
    tail, cut = bytearray(), False
    try:
        while piece := await reader.read(_PIECE):
            tail += piece
            # Not each time, for that moves all that is kept.
            if len(tail) > 2 * KEPT:
                del tail[:-KEPT]
                cut = True
    except asyncio.CancelledError:
        pass
    finally:
        transport.close()
    return tail[-KEPT:].decode(errors="replace"), cut or len(tail) > KEPT
