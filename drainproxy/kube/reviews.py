"""Answers an AdmissionReview: bytes in, bytes out. The webhook's server calls it."""

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from drainproxy.config.mistakes import shortened

from .admission import AdmissionRequest, AdmissionVerdict, Seen, answer, judge, parse
from .plan import Options
from .webhook import Answer, Reply

# Of names in the log: nothing keeps a request from having longer ones.
_LONGEST_NAME: Final = 253

# What is known around the pods of a namespace.
Look = Callable[[str], Awaitable[Seen]]
# Told of a verdict that has warnings; must not wait for anybody.
Tell = Callable[[AdmissionRequest, AdmissionVerdict], object]


async def _nothing(_: str) -> Seen:
    return Seen()


def answering(options: Options, look: Look = _nothing, tell: Tell = lambda _, __: None) -> Answer:
    """Answers reviews with what a `look` around says; who is to hear of warnings is told."""

    async def reply(body: bytes) -> Reply:
        with _no_search_for_cycles():
            request = parse(body)
        seen = await look(request.namespace)
        with _no_search_for_cycles():
            verdict = judge(request, options, seen)
            text = answer(request, verdict)
        if verdict.warnings:
            tell(request, verdict)
        warns = bool(verdict.warnings) or not verdict.allowed
        return Reply(text, verdict.outcome, _fields(request, verdict), warns)

    return reply


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """A pod has none, and all that it takes is given back with the answer: to look for them
    meanwhile costs as much as the rest."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


def _fields(request: AdmissionRequest, verdict: AdmissionVerdict) -> dict[str, object]:
    """What the log says of it, beside the outcome; what is empty is left out."""
    fields = {
        "uid": shortened(request.uid, _LONGEST_NAME),
        "namespace": shortened(request.namespace, _LONGEST_NAME),
        "pod": shortened(pod_name(request), _LONGEST_NAME),
        "reason": verdict.reason,
        "warnings": verdict.warnings,
    }
    return {key: value for key, value in fields.items() if value}


def pod_name(request: AdmissionRequest) -> str:
    """A pod of a controller has no name yet, only the beginning of one."""
    metadata = (request.object or {}).get("metadata")
    if request.name or not isinstance(metadata, dict):
        return request.name
    beginning = metadata.get("generateName")
    return f"{beginning}*" if beginning else str(metadata.get("name") or "")
