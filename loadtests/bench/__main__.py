"""Measure drainproxy beside HAProxy, Envoy, nginx and a byte pipe, in one run."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

from loadtests.bench import report
from loadtests.bench.ground import Ground, Plan
from loadtests.bench.limits import SUBJECT, Verdict, judge
from loadtests.bench.measures import MEASURES
from loadtests.bench.targets import TARGETS


def main() -> int:
    arguments = _arguments()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _leave)
    for only in arguments.only:
        if missing := MEASURES[only].missing():
            sys.exit(f"{only} needs {', '.join(missing)}: the load, or the app behind every proxy")
    # A proxy holds two sockets for each idle connection.
    _raise_open_files(2 * arguments.idle + 2000)
    with tempfile.TemporaryDirectory(prefix="drainproxy-bench-") as folder:
        ground = _ground(arguments, Path(folder))
        for only in arguments.only:
            print(f"measuring {only} ...", file=sys.stderr, flush=True)
            MEASURES[only].take(ground)
    verdicts = judge(
        ground.samples, [name for only in arguments.only for name in MEASURES[only].names]
    )
    print(report.text(ground, verdicts))
    if arguments.json:
        report.write_json(arguments.json, ground, verdicts)
    return 1 if arguments.check and _broken(ground, verdicts) else 0


def _broken(ground: Ground, verdicts: list[Verdict]) -> bool:
    """A limit is broken, a request was lost, or there was no drainproxy to judge at all."""
    samples = ground.samples
    lost = any(samples.errors(measure, SUBJECT) for measure in report.TABLES)
    return SUBJECT not in ground.names() or lost or any(v.holds is False for v in verdicts)


def _ground(arguments: argparse.Namespace, folder: Path) -> Ground:
    """The first core is the proxy's, another one the load's, the apps' and our own."""
    cores = sorted(os.sched_getaffinity(0))
    proxy, load = {cores[0]}, set(cores[1:2] or cores)
    if proxy == load:
        print("only one core: proxy and load share it, figures are rough", file=sys.stderr)
    os.sched_setaffinity(0, load)
    plan = Plan(arguments.targets, arguments.rounds, arguments.seconds, arguments.idle)
    return Ground(plan, folder, proxy, load)


def _raise_open_files(wanted: int) -> None:
    """Children inherit it. Beyond the hard limit only root may go."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except ValueError:
        sys.exit(f"the bench needs {wanted} open files: ulimit -n allows {hard}")


def _leave(number: int, frame: FrameType | None) -> None:
    """As an exception, so that every process that was started is ended on the way out."""
    sys.exit(128 + number)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    option = parser.add_argument
    option("--only", type=_names(MEASURES), default=[*MEASURES], help=", ".join(MEASURES))
    option("--targets", type=_names(TARGETS), default=[*TARGETS], help=", ".join(TARGETS))
    option("--rounds", type=int, default=5, help="rounds of each measure (5)")
    option("--seconds", type=int, default=3, help="load in each round (3)")
    option("--idle", type=int, default=5000, help="idle connections for memory (5000)")
    option("--json", type=Path, help="write all samples to this file")
    option("--check", action="store_true", help="exit 1 if a limit is broken")
    return parser.parse_args()


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A parser of comma-separated names, in the order of `known`."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
        return [name for name in known if name in chosen]

    return parse


if __name__ == "__main__":
    sys.exit(main())
