"""File descriptors bound the connections."""

import resource
import subprocess
import sys

import pytest

from drainproxy.sidecar import files


@pytest.mark.parametrize(
    ("limit", "most"), [(1064, 500), (10, 1), (resource.RLIM_INFINITY, 1 << 30)]
)
def test_a_connection_needs_two(monkeypatch: pytest.MonkeyPatch, limit: int, most: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert files.most_connections() == most


def test_what_we_raise_for_ourselves_is_not_for_a_child() -> None:
    program = (
        "import resource, subprocess, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))\n"
        "from drainproxy.sidecar import files\n"
        "files.raise_limit()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "files.give_inherited_limit(child.pid)\n"
        "print(resource.prlimit(child.pid, resource.RLIMIT_NOFILE)[0])\n"
        "child.kill()\n"
        "child.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["200", "100"]
