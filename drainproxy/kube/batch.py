"""Injects whole files: every object in them that makes pods, and says what came of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ConfigError
from drainproxy.manifests.documents import Document, parse, render, restyle
from drainproxy.manifests.podspec import Workload, objects, read, workload
from drainproxy.manifests.services import Service, services

from .inject import Skipped, inject, uninject
from .leads import Around
from .plan import Options


class Line(Struct, frozen=True):
    """What came of one object, or of a file that cannot be read."""

    what: str
    outcome: str
    warnings: Sequence[str] = ()
    failed: bool = False

    def __str__(self) -> str:
        return "\n  warning: ".join([f"{self.what} {self.outcome}", *self.warnings])


class Result(Struct, frozen=True):
    """The manifests after it, and a line per object that makes pods."""

    text: str
    lines: Sequence[Line]

    @property
    def failed(self) -> bool:
        """Whether something was wrong: the text is of no use then."""
        return any(line.failed for line in self.lines)


# What is done to the pod of a workload: the document is changed in place.
_Work = Callable[[Workload], tuple[bool, Line]]


def inject_all(texts: Mapping[str, str], options: Options) -> Result:
    """Inject every workload in these files (by name); they see the Services in all of them."""
    files, broken = _read(texts)
    bodies = [body for documents in files.values() for body in _bodies(documents)]
    found = [*services(bodies)]
    return _result(files, broken, lambda one: _inject(one, options, found))


def uninject_all(texts: Mapping[str, str]) -> Result:
    """Take every workload in these files back to what it was before."""
    return _result(*_read(texts), _uninject)


def _read(texts: Mapping[str, str]) -> tuple[dict[str, list[Document]], list[Line]]:
    files, broken = {}, []
    for name, text in texts.items():
        try:
            files[name] = parse(text)
        except ValueError as error:
            broken.append(Line(name, str(error), failed=True))
    return files, broken


def _bodies(documents: Sequence[Document]) -> Iterator[dict[str, object]]:
    for document in documents:
        yield from objects(document.data)


def _result(files: Mapping[str, list[Document]], broken: Sequence[Line], work: _Work) -> Result:
    lines = [*broken]
    for name, documents in files.items():
        prefix = f"{name}: " if len(files) > 1 else ""
        for document in documents:
            for one in filter(None, map(workload, objects(document.data))):
                changed, line = _careful(one, work)
                document.changed |= changed
                lines.append(replace(line, what=f"{prefix}{line.what}"))
    return Result(render(files.values()), lines)


def _careful(one: Workload, work: _Work) -> tuple[bool, Line]:
    if one.pod is None:
        return False, Line(one.title, "skipped: it has no pod template")
    try:
        return work(one)
    except ConfigError as error:
        problems = "".join(f"\n  {mistake}" for mistake in error.mistakes)
        return False, Line(one.title, f"has mistakes:{problems}", failed=True)
    except ValueError as error:
        return False, Line(one.title, str(error), failed=True)


def _inject(one: Workload, options: Options, found: list[Service]) -> tuple[bool, Line]:
    assert one.pod is not None
    around = Around(services=[s for s in found if s.selects(one.namespace, read(one.pod).labels)])
    outcome = inject(one.pod, replace(options, around=around))
    if isinstance(outcome, Skipped):
        return False, Line(one.title, f"skipped: {outcome.reason}")
    restyle(outcome.pod, outcome.annotations)
    one.put(outcome.pod)
    return True, Line(one.title, f"injected ({outcome.capture})", outcome.warnings)


def _uninject(one: Workload) -> tuple[bool, Line]:
    assert one.pod is not None
    pod = uninject(one.pod)
    if pod is None:
        return False, Line(one.title, "skipped: it is not injected")
    one.put(pod)
    return True, Line(one.title, "uninjected")
