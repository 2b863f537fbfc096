"""Programs that are not ours: where they are, and what they print."""

import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.e2e.process import PATIENCE

JS = Path(__file__).parent / "js"

# Daemons live in sbin, which is not in everybody's PATH.
_SBIN = os.pathsep.join(["/usr/local/sbin", "/usr/sbin", "/sbin"])


def tool(name: str) -> str:
    """The path of a program, or the reason to skip."""
    path = shutil.which(name) or shutil.which(name, path=_SBIN)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def output(*command: str, env: dict[str, str] | None = None) -> str:
    """What a program printed, which must have ended well."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
        env=os.environ | (env or {}),
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def node_modules() -> Path:
    """What the scripts in `js/` require, installed by npm as their lock says, or a skip.

    They stay in the user's cache, so that only the first run needs a network.
    """
    npm, lock = tool("npm"), (JS / "package-lock.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    installed = caches / "drainproxy-tests" / sha256(lock).hexdigest()[:16]
    if not installed.exists():
        installed.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=installed.parent) as folder:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(JS / name, folder)
            _install(npm, folder)
            # Whole or not at all; somebody else may have been faster.
            try:
                Path(folder, "node_modules").rename(installed)
            except OSError:
                assert installed.exists()
    return installed


def _install(npm: str, folder: str) -> None:
    command = (npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0")
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm cannot install what the test needs: it takes too long")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if " error code " in line]
        pytest.skip(f"npm cannot install what the test needs: {said}")
