"""`make loadtest`: locust without a screen against a rehearsal, and whether both count the same.

The rehearsal (`drainproxy rehearse --serve`) rolls out a new version again and again meanwhile.
"""

import argparse
import csv
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from drainproxy.rehearsal.ports import free_ports

ROOT = Path(__file__).parents[1]
_READY_WITHIN = 40.0
_GONE_WITHIN = 90.0

# locust's (type, name) -> what the sidecars count it as.
_COUNTED = {
    ("POST", "/echo"): "http",
    ("GET", "/download"): "http",
    ("WebSocket", "connect"): "websocket",
    ("SSE", "stream"): "sse",
    ("gRPC", "Echo"): "grpc",
    ("gRPC", "Count"): "grpc",
}


def main() -> int:
    """locust's exit code; 1 too if the counts differ or a rollout went wrong."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.local", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--users", type=int, default=44)
    parser.add_argument("--rollout-every", default="5s")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("loadtest-results"))
    given, more = parser.parse_known_args()
    given.out.mkdir(parents=True, exist_ok=True)
    http, grpc = free_ports(2)
    with rehearsal(given, http, grpc) as serving:
        code = locust(given, http, grpc, more)
        serving.send_signal(signal.SIGINT)
        ended = serving.wait(_GONE_WITHIN)
    (result,) = json.loads((given.out / "rehearsal.json").read_text())["rehearsals"]
    ours = {kind: seen["proxies_counted"] for kind, seen in result["kinds"].items()}
    theirs = counts(given.out / "locust_stats.csv")
    for kind, count in theirs.items():
        print(f"{kind:>10}: locust counts {count:,} exchanges, the sidecars {ours[kind] or 0:,}")
    rollouts = sum(text == "rollout begins" for _, text in result["marks"])
    print(f"{rollouts} rollouts; {given.out} has locust.html, locust_*.csv and rehearsal.json")
    for mishap in result["mishaps"]:
        print(mishap)
    same = all(agree(count, ours[kind] or 0) for kind, count in theirs.items())
    return code or ended or (0 if same else 1)


def agree(locust: int, sidecars: int) -> bool:
    """Whether both have counted the same. A few more may have been answered than a user has seen
    who stopped meanwhile; an answer that no sidecar gave cannot have been seen."""
    return 0 <= sidecars - locust <= max(2, locust // 100)


@contextmanager
def rehearsal(
    given: argparse.Namespace, http: int, grpc: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """A service to load, until the end of the block; RuntimeError if it does not come up."""
    log = given.out / "rehearsal.log"
    with log.open("wb") as said, (given.out / "rehearsal.json").open("wb") as result:
        process = subprocess.Popen(
            [
                *(sys.executable, "-u", "-m", "drainproxy", "rehearse", "--serve", "--json"),
                *(f"--http-port={http}", f"--grpc-port={grpc}"),
                *(f"--replicas={given.replicas}", f"--rollout-every={given.rollout_every}"),
                "--propagation-delay=1s",
                *("--drain-delay=2s", "--drain-spread=3s"),
            ],
            cwd=ROOT,
            stdout=result,
            stderr=said,
        )
        try:
            deadline = time.monotonic() + _READY_WITHIN
            while "serving on" not in log.read_text():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the rehearsal did not come up:\n{log.read_text()}")
                time.sleep(0.05)
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(_GONE_WITHIN)


def locust(given: argparse.Namespace, http: int, grpc: int, more: list[str]) -> int:
    """Run it; its exit code."""
    command = [
        *(sys.executable, "-m", "locust", "--config", "loadtests/locust.conf"),
        *("--host", f"http://127.0.0.1:{http}", "--grpc-host", f"127.0.0.1:{grpc}"),
        *("--users", f"{given.users}", "--spawn-rate", f"{max(1, given.users // 2)}"),
        *("--run-time", f"{given.seconds}s"),
        *("--csv", f"{given.out.resolve()}/locust", "--html", f"{given.out.resolve()}/locust.html"),
        *more,
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def counts(stats: Path) -> Mapping[str, int]:
    """What locust has seen answered, by the kinds of the sidecars."""
    seen: Counter[str] = Counter()
    with stats.open(newline="") as rows:
        for row in csv.DictReader(rows):
            kind = _COUNTED.get((row["Type"], row["Name"]))
            if kind:
                seen[kind] += int(row["Request Count"]) - int(row["Failure Count"])
    return seen


if __name__ == "__main__":
    sys.exit(main())
