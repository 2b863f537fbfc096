"""What a sidecar spends on something: memory at its peak, work, and whom it has turned away."""

from pathlib import Path

from tests.e2e.flow import resident
from tests.e2e.process import Sidecar

# Where the kernel tells of a peak, and can be made to forget it.
KNOWN = Path("/proc/self/clear_refs").exists()


class Cost:
    """Counted from when it is made."""

    def __init__(self, running: Sidecar) -> None:
        self._running = running
        self._pid = running.process.pid
        self._worked, self._turned_away = self._work(), self._rejections()
        self._small = resident(self._pid)
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")

    @property
    def memory(self) -> int:
        """How many bytes more than at the beginning were resident at the worst moment."""
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return (int(line.split()[1]) << 10) - self._small
        raise AssertionError

    @property
    def work(self) -> float:
        """Seconds of CPU."""
        return self._work() - self._worked

    @property
    def rejected(self) -> dict[str, int]:
        """`drainproxy_rejected_total` by reason, where it has grown."""
        grown = {
            reason: count - self._turned_away.get(reason, 0)
            for reason, count in self._rejections().items()
        }
        return {reason: count for reason, count in grown.items() if count}

    def _work(self) -> float:
        return self._running.metric("process_cpu_seconds_total")

    def _rejections(self) -> dict[str, int]:
        counts = {}
        for line in str(self._running.get("/metrics")[1]).splitlines():
            if line.startswith("drainproxy_rejected_total{"):
                _, reason, count = line.split('"')
                counts[reason] = int(float(count.removeprefix("} ")))
        return counts
