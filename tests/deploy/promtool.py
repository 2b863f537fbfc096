"""Prometheus' own tool."""

import os
import subprocess
from pathlib import Path

from tests.e2e.programs import tool

# promtool makes a folder of its own in it.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108


def promtool(*arguments: str, folder: Path | None = None) -> str:
    """What it prints; the test skips where there is none.

    Each group of rules that it tests is a database of its own, synced to the disk: in memory
    nobody else's writes can hold that up. It has ended before its garbage is worth collecting.
    """
    in_memory = {"TMPDIR": str(_IN_MEMORY)} if _IN_MEMORY.is_dir() else {}
    done = subprocess.run(
        [tool("promtool"), *arguments],
        cwd=folder,
        env=os.environ | in_memory | {"GOGC": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
