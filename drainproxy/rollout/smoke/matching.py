"""Matches regular expressions with answers, within a time limit.

An expression may backtrack for ages, holds the interpreter meanwhile, and cannot be interrupted: so
it runs in a process of its own, which can be killed.
"""

import asyncio
import subprocess
import sys

from .answers import Answer
from .checks import searched
from .model import Action
from .stage import Failed, Stage

# Without site and environment it starts in some 20 ms. The expression is an argument, the text its
# input, and UTF-8 is all that both know.
_PROGRAM = """
import re, sys
text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
print("yes" if re.search(sys.argv[1], text) else "no")
"""


async def unmatched(action: Action, answer: Answer, stage: Stage) -> tuple[str, ...]:
    """The expressions of `matches` that the answer does not match; Failed if one cannot be tried.
    Who cancels this ends the trying too."""
    patterns, text = searched(action, answer)
    missed = []
    for pattern in patterns:
        stage.waiting_for = f"whether it matches {pattern!r} was not decided"
        if not await _matches(pattern, text):
            missed.append(pattern)
    return tuple(missed)


async def _matches(pattern: str, text: str) -> bool:
    process = _started(pattern)
    data = text.encode("utf-8", "surrogatepass")
    try:
        said, _ = await asyncio.to_thread(process.communicate, data)
    finally:
        # Only it ends the thread that waits.
        process.kill()
    if process.returncode or said.strip() not in (b"yes", b"no"):
        raise Failed(f"whether it matches {pattern!r} cannot be decided")
    return said.strip() == b"yes"


def _started(pattern: str) -> subprocess.Popen[bytes]:
    # -I: no module of the current directory or of the environment stands in for those it imports.
    command: list[str | bytes] = [
        sys.executable,
        "-I",
        "-S",
        "-X",
        "utf8",
        "-c",
        _PROGRAM,
        pattern.encode(),
    ]
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError) as error:
        raise Failed(f"matches cannot be tried: {error}") from None
