"""Autobahn's fuzzing client, its report, and what makes one report worse than another.

The client is a program of Python 2.7: `wstest` in PATH, or where TESTS_WSTEST says.
"""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

# From best to worst. Autobahn passes the first three; how a connection should close is
# sometimes open, then it only informs.
RANKS = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "UNCLEAN", "WRONG CODE")


class Verdict(NamedTuple):
    """How the server behaved in a case, and how it closed the connection."""

    behavior: str
    closing: str

    def is_worse_than(self, other: "Verdict") -> bool:
        return any(rank(mine) > rank(theirs) for mine, theirs in zip(self, other, strict=True))


Report = dict[str, Verdict]


def rank(verdict: str) -> int:
    return RANKS.index(verdict) if verdict in RANKS else len(RANKS)


def worse(through: Report, alone: Report) -> list[str]:
    """The cases that went worse through the proxy than without it, or that are missing."""
    return [
        case
        for case, verdict in alone.items()
        if case not in through or through[case].is_worse_than(verdict)
    ]


def find_wstest() -> tuple[str, str]:
    """The program, or an empty name and why there is none that runs."""
    program = os.environ.get("TESTS_WSTEST") or shutil.which("wstest")
    if not program:
        return (
            "",
            "wstest (autobahntestsuite, Python 2.7) is not in PATH, nor TESTS_WSTEST set",
        )
    try:
        asked = subprocess.run(
            [program, "--autobahnversion"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError as error:
        return "", f"{program} cannot be started: {error}"
    if asked.returncode:
        last = (asked.stderr.strip().splitlines() or ["no message"])[-1]
        return "", f"{program} does not run, it needs Python 2.7: {last}"
    return program, ""


def fuzz(program: str, port: int, cases: list[str], folder: Path, limit: float) -> Report:
    """Run the cases (`*` is a wildcard) against a port of this machine, in `limit` seconds."""
    folder.mkdir()
    server = {"agent": "server", "url": f"ws://127.0.0.1:{port}"}
    specification = folder / "spec.json"
    specification.write_text(
        json.dumps({"outdir": str(folder), "servers": [server], "cases": cases})
    )
    with (folder / "output").open("wb") as output:
        subprocess.run(
            [program, "--mode", "fuzzingclient", "--spec", specification],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=True,
        )
    results = json.loads((folder / "index.json").read_text())["server"]
    return {
        case: Verdict(result["behavior"], result["behaviorClose"])
        for case, result in results.items()
    }


def fuzz_both(
    program: str, ports: tuple[int, int], cases: list[str], folder: Path, limit: float
) -> tuple[Report, Report]:
    """The reports of two servers, fuzzed at the same time: most cases are waiting."""
    folder.mkdir()
    with ThreadPoolExecutor() as pool:
        first, second = (
            pool.submit(fuzz, program, port, cases, folder / name, limit)
            for port, name in zip(ports, ("alone", "through"), strict=True)
        )
        return first.result(), second.result()
