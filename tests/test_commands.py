"""The commands of the two pages that people copy from run as they are written.

Each block runs in a folder with the files that it names, in a network of its own, so that its
ports are free. What needs a cluster, a registry or a service is played: `kubectl apply` asks that
manifests come, and a command of ours that would wait for such a thing is read, options and all.
"""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT
from tests.e2e.process import PATIENCE
from tests.pages import commands

PAGES = ("README.md", "deploy/README.md")
# A network of its own, for whoever may have one.
ALONE = ("unshare", "--user", "--map-root-user", "--net", "--fork", "--kill-child")

# The script that was installed, whose name shells complete.
OURS = Path(sys.executable).parent / "drainproxy"

# Nobody has to see the drain of an app without clients.
QUICK = {"DRAINPROXY_DRAIN_DELAY": "0s", "DRAINPROXY_DRAIN_QUIET": "0s"}

# Options are read, and nothing is done.
READS = """import sys
from drainproxy.cli import main
name, *arguments = sys.argv[1:]
main.get_command(main.make_context("drainproxy", [name]), name).make_context(name, arguments)
"""

PLAYED = {
    # Manifests that come must be some; a list that is rendered is one of them.
    "kubectl": """case "$*" in
*"apply -f -") exec python -c 'import sys, yaml; assert list(yaml.safe_load_all(sys.stdin))' ;;
kustomize*) exec cat shop.yaml ;;
esac""",
    "helm": """case "$*" in template*) exec cat shop.yaml ;; esac""",
    # What waits for a cluster or a service that is not here.
    "drainproxy": """case "$1" in
smoke|reports) exec python -c '{reads}' "$@" ;;
esac
exec {ours} "$@" """,
    **dict.fromkeys(("click-man", "docker", "make", "pip", "pipx", "podman", "uvx"), ""),
}


class Block(NamedTuple):
    """Commands of a page that belong together."""

    page: str
    text: str

    @property
    def serves(self) -> bool:
        """It goes on until it is told to end; the block behind it talks to it."""
        return self.text.startswith("drainproxy run ")


BLOCKS = [Block(page, text) for page in PAGES for text in commands((ROOT / page).read_text())]
SERVER = next(block for block in BLOCKS if block.serves)
ASKING = BLOCKS[BLOCKS.index(SERVER) + 1]
REHEARSAL = next(block for block in BLOCKS if "\ndrainproxy rehearse " in block.text)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder that the pages speak of, with the programs that are played."""
    example = ROOT / "deploy" / "examples" / "http.yaml"
    for name in ("deployment.yaml", "shop.yaml", "manifests/web.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(example, tmp_path / name)
    (tmp_path / "index.html").write_text("hello")
    for name, text in PLAYED.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        script = text.replace("{ours}", str(OURS)).replace("{reads}", READS)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def environment(place: Path) -> dict[str, str]:
    folders = [str(place / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    return {
        **os.environ,
        **QUICK,
        "PATH": os.pathsep.join(folders),
        "PYTHONPATH": str(ROOT),
    }


def run(place: Path, script: str, *before: str) -> str:
    """Run these commands as a shell does that stops at the first failure; what they said."""
    done = subprocess.run(
        [*before, "bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


# Whatever fails, the server ends with the script.
SERVED = """ip link set lo up
{server} &
server=$!
trap 'kill $server; wait $server' EXIT
curl --silent --retry 60 --retry-all-errors --retry-max-time 15 --fail \\
    --output /dev/null localhost:9180/readyz
curl --silent localhost:8080/
{asking}
"""


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block not in {SERVER, ASKING, REHEARSAL}],
    ids=lambda block: f"{block.page}: {block.text.splitlines()[0]}",
)
def test_commands_run_as_they_are_written(place: Path, block: Block) -> None:
    run(place, block.text)


def test_the_server_of_the_readme_answers_and_drains(place: Path) -> None:
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace may be made here")
    said = run(place, SERVED.format(server=SERVER.text.strip(), asking=ASKING.text), *ALONE)

    assert "hello" in said
    assert "clean" in said


@pytest.mark.slow
def test_the_rehearsal_of_the_readme_writes_its_report(place: Path) -> None:
    run(place, REHEARSAL.text)

    assert "rollout" in (place / "report.html").read_text()
