"""`drainproxy rehearse`, started as a user does, or in this process."""

import subprocess
import sys
from typing import Any

from click.testing import CliRunner, Result

from drainproxy.cli import main
from tests.conftest import ROOT


def rehearse(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drainproxy", "rehearse", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **{"timeout": 90, **more},
    )


def refused(*arguments: str) -> Result:
    """What comes of it in this process, for what ends before anything is started: it takes longer
    to start a process than to refuse."""
    done = CliRunner().invoke(main, ["rehearse", *arguments])
    assert done.exit_code == 2
    return done
