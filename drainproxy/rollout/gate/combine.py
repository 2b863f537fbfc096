"""Combines all gates into one verdict: signals, error budget, and record of migrations.

Behind a contract, code of the version before cannot run: there a fail would make an engine roll
back into damage. So it becomes a hold, for a person to decide, which says what it would have been.
"""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec.structs import replace

from .judgement import SignalJudgement, Verdict, overall
from .report import GateReport, reason_of

Answer = Literal["allow", "refuse", "hold"]
_VERDICTS: Final[dict[Answer, Verdict]] = {"allow": "pass", "refuse": "fail", "hold": "hold"}


def judge_migration(signal: str, answer: Answer, reason: str) -> SignalJudgement:
    """What the record of migrations answers, as a signal."""
    return SignalJudgement(signal, _VERDICTS[answer], reason)


def combined(reports: Sequence[GateReport], more: Sequence[SignalJudgement] = ()) -> GateReport:
    """One report of several; where one of them could not judge anything, it is a hold."""
    signals = [*(signal for report in reports for signal in report.signals), *more]
    for report in reports:
        if not report.signals:
            signals.append(SignalJudgement("data", report.verdict, report.reason))
    verdict = overall(signals)
    seen = next((report for report in reports if report.traffic is not None), None)
    return GateReport(
        verdict,
        reason_of(verdict, signals),
        signals,
        seen.traffic if seen else None,
        seen.weight if seen else None,
        list(dict.fromkeys(query for report in reports for query in report.queries)),
        notes=[note for report in reports for note in report.notes],
    )


def without_way_back(report: GateReport, rollback: Answer, reason: str) -> GateReport:
    """The report where a rollback is answered so: a fail is none if it must not be rolled back."""
    if report.verdict != "fail" or rollback == "allow":
        return report
    return replace(
        report,
        verdict="hold",
        would="fail",
        reason=f"no automatic rollback ({reason}); {report.reason}",
    )
