"""From the bytes of a review to the bytes of its answer: what the webhook's server calls."""

from drainproxy.manifests.podspec import Json

from .admission import Request, Verdict, answer, judge, parse
from .namespaces import Namespaces
from .plan import Options
from .webhook import Answer, Reply


def answering(options: Options, namespaces: Namespaces | None = None) -> Answer:
    """Answers reviews; with `namespaces`, what they say counts too."""

    async def reply(body: bytes) -> Reply:
        request = parse(body)
        namespace = await namespaces.get(request.namespace) if namespaces else None
        verdict = judge(request, options, namespace)
        return Reply(answer(request, verdict), verdict.outcome, _fields(request, verdict))

    return reply


def _fields(request: Request, verdict: Verdict) -> dict[str, object]:
    """What the log says of it, beside the outcome; what is empty is left out."""
    fields = {
        "uid": request.uid,
        "namespace": request.namespace,
        "pod": request.name or _name(request.object or {}),
        "reason": verdict.reason,
        "warnings": verdict.warnings,
    }
    return {key: value for key, value in fields.items() if value}


def _name(pod: Json) -> str:
    """A pod of a controller has no name yet, only the beginning of one."""
    metadata = pod.get("metadata") or {}
    beginning = metadata.get("generateName")
    return f"{beginning}*" if beginning else str(metadata.get("name") or "")
