"""Checks before the rollout that the app answers: a rollout of a broken app would prove nothing.
Pure."""

from collections.abc import Iterator, Mapping

from drainproxy.rehearsal.clients import Target
from drainproxy.rehearsal.scores import KINDS, Score


def undecided(scores: Mapping[str, Score], clients: Mapping[str, int]) -> bool:
    """Whether clients of some kind have had no answer yet, and no failure."""
    return any(clients.get(kind) and not score.requests for kind, score in scores.items())


def failures(scores: Mapping[str, Score], service: Target) -> Iterator[str]:
    """A sentence for each kind of which everything has failed so far: how, and what would help."""
    for kind, score in scores.items():
        failed = score.failed.total()
        if failed and failed == score.requests:
            (reason, _), *_ = score.reasons.most_common(1)
            asked = _asked_for(kind, service)
            yield f"{KINDS[kind]}: all {failed:,} failed before the rollout, {reason}{asked}"


def _asked_for(kind: str, service: Target) -> str:
    path, option = {
        "http": ("" if service.built_in else service.path, "--path"),
        "websocket": (service.websocket_path, "--websocket-path"),
        "sse": (service.events_path, "--events-path"),
    }.get(kind, ("", ""))
    return f"; they ask for {path}, {option} names another" if path else ""
