"""`drainproxy rehearse`, started as a user does, or in this process."""

import subprocess

from click.testing import CliRunner, Result

from drainproxy.cli import main
from tests.e2e.process import finished


def rehearse(*arguments: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
    return finished("drainproxy", "rehearse", *arguments, seconds=timeout)


def refused(*arguments: str) -> Result:
    """What comes of it in this process, for what ends before anything is started: it takes longer
    to start a process than to refuse."""
    done = CliRunner().invoke(main, ["rehearse", *arguments])
    assert done.exit_code == 2
    return done
