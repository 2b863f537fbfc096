"""The report of a gate: the verdict, a line for each signal, what is missing, and the queries."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, json, to_builtins

from .judgement import SignalJudgement, Verdict, overall
from .signals import Traffic

EXIT_CODES: Final[dict[Verdict, int]] = {"pass": 0, "fail": 1, "hold": 3}


class GateReport(Struct, frozen=True):
    """One look at a rollout. `would`: what the verdict were if nothing stood against it; `notes`:
    what could not be judged and decides nothing."""

    verdict: Verdict
    reason: str
    signals: Sequence[SignalJudgement] = ()
    traffic: Traffic | None = None
    weight: float | None = None
    queries: Sequence[str] = ()
    would: Verdict | None = None
    notes: Sequence[str] = ()

    def as_json(self) -> bytes:
        """One object: `verdict`, `reason`, `signals` and the rest; counts as numbers."""
        data = to_builtins(self)
        for signal in data["signals"]:
            for side in ("canary", "stable"):
                if signal[side] is not None:
                    signal[side]["share"] = _share(signal[side])
        return json.encode(data)

    def as_text(self) -> str:
        """For people."""
        lines = [f"{self.verdict}: {self.reason}"]
        width = max((len(each.signal) for each in self.signals), default=0)
        lines += [
            f"  {each.verdict}  {each.signal:{width}}  {each.reason}" for each in self.signals
        ]
        lines += [f"  {note}" for note in self.notes]
        if self.traffic is not None:
            lines.append(f"  the canary's share: {_traffic(self.traffic, self.weight)}")
        lines += [f"  asked: {query}" for query in self.queries]
        return "\n".join(lines)


def report(
    signals: Sequence[SignalJudgement],
    queries: Sequence[str],
    traffic: Traffic | None = None,
    weight: float | None = None,
    notes: Sequence[str] = (),
) -> GateReport:
    """The report on signals that were judged."""
    verdict = overall(signals)
    reason = reason_of(verdict, signals)
    return GateReport(verdict, reason, signals, traffic, weight, queries, notes=notes)


def held(reason: str, queries: Sequence[str] = ()) -> GateReport:
    """The report where nothing could be judged: never a pass."""
    return GateReport("hold", reason, queries=queries)


def mistaken(error: Exception) -> GateReport:
    """The report where we have failed ourselves: an engine or a pipeline would roll back."""
    return held(f"a mistake of drainproxy itself, which has judged nothing: {error!r}")


def reason_of(verdict: Verdict, signals: Sequence[SignalJudgement]) -> str:
    """Which signal decides, and why."""
    deciding = [each for each in signals if each.verdict == verdict]
    if verdict == "pass":
        return f"{len(signals)} signals within what is tolerated"
    if not deciding:
        return "there is nothing to judge"
    worst = max(deciding, key=lambda each: each.missing or 0)
    more = f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else ""
    return f"{worst.signal}: {worst.reason}{more}"


def _share(count: dict[str, int]) -> float:
    return count["bad"] / count["total"] if count["total"] else 0.0


def _traffic(traffic: Traffic, weight: float | None) -> str:
    named = {
        "requests": traffic.requests,
        "new connections": traffic.new_connections,
        "standing connections": traffic.standing_connections,
    }
    said = ", ".join(
        f"{'none' if share is None else f'{100 * share:.3g} %'} of {name}"
        for name, share in named.items()
    )
    return said if weight is None else f"{said}; its weight is {weight:g} %"
