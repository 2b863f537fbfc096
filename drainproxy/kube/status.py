"""The annotation that records an injection: `uninject` needs nothing else."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct, json

from drainproxy import __version__
from drainproxy.config import ConfigError, Mistake
from drainproxy.manifests.podspec import Json, read
from drainproxy.manifests.values import copied

from .annotations import STATUS
from .editor import Editor, UndoRecord, undo
from .leftovers import leftovers

PATH = ("metadata", "annotations", STATUS)


class Status(Struct, omit_defaults=True):
    """The injector's version, the record of its edits, and the annotations that flags gave: they
    are given again when the pod is injected again.

    `texts` are what stood in the file where the values do not tell it, by their pointers; the
    webhook, which sees no file, has none. `wrote` is what ports of a Service were made to target,
    by their pointers: whoever edits that later means something by it.
    """

    version: str
    given: list[str] = []
    added: list[str] = []
    created: list[str] = []
    filled: list[str] = []
    changed: dict[str, object] = {}
    texts: dict[str, str | None] = {}
    wrote: dict[str, int | str] = {}

    @property
    def record(self) -> UndoRecord:
        """What undoes the edits."""
        return UndoRecord(self.added, self.created, self.filled, self.changed)

    def touches(self, pointer: str) -> bool:
        """Whether the value there is new, or was another one."""
        return pointer in self.added or pointer in self.changed

    def given_values(self, pod: Json) -> dict[str, str]:
        """What flags gave, as it stands in the pod."""
        annotations = read(pod).annotations
        return {key: annotations[key] for key in self.given if key in annotations}


def status_text(body: Json) -> str | None:
    """The annotation of an object, whatever else is in it."""
    metadata = body.get("metadata")
    held = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(held, dict) or STATUS not in held:
        return None
    return "" if held[STATUS] is None else str(held[STATUS])


def read_status(pod: Json) -> Status | None:
    """The status of an injected pod; None if it is not one. ConfigError if it cannot be read,
    ValueError if it is no pod."""
    read(pod)
    return status_of(pod)


def status_of(body: Json) -> Status | None:
    """The same of an object that has been read already, or that is no pod."""
    text = status_text(body)
    if text is None:
        return None
    try:
        return json.decode(text, type=Status)
    except (msgspec.DecodeError, UnicodeError) as error:
        problem = f"is no record of the injector ({error}): remove it, or restore the manifest"
        raise ConfigError([Mistake(f"annotation {STATUS}", "status", problem)]) from None


def write_status(
    editor: Editor,
    given: Mapping[str, str],
    before: Status | None = None,
    wrote: Mapping[str, int | str] | None = None,
) -> None:
    """Write down what the editor did, after what was `before`."""
    editor.open(PATH[:-1])
    old, new = before or Status(__version__), editor.record
    status = Status(
        version=old.version,
        given=list(dict.fromkeys((*old.given, *given))),
        added=[*old.added, *new.added],
        created=[*old.created, *new.created],
        filled=[*old.filled, *new.filled],
        changed=new.changed | old.changed,
        texts=old.texts,
        wrote={**old.wrote, **(wrote or {})},
    )
    editor.put_unrecorded(PATH, json.encode(status).decode())


def target_before(text: object, step: str, port: int) -> int | str | None:
    """What a port of a Service targeted before it was changed, by the Service's annotation; None
    if it is the same, or cannot be told. A Service without targetPort targets its own `port`."""
    pointer = f"/spec/ports/{step}/targetPort"
    try:
        status = json.decode(str(text), type=Status)
    except (msgspec.DecodeError, UnicodeError):
        return None
    was = status.changed.get(pointer, port if pointer in status.added else None)
    return was if isinstance(was, int | str) else port if pointer in status.changed else None


def taken_back(body: Json) -> Json:
    """As `restored`; ConfigError if something of ours would be left in it, or if what somebody has
    changed since then would be lost."""
    status = status_of(body)
    before = restored(body)
    if status and (problems := [*leftovers(body, before, status.record, status.wrote)]):
        raise ConfigError([Mistake(f"annotation {STATUS}", "status", each) for each in problems])
    return before


def restored(pod: Json) -> Json:
    """A copy of a pod, or of what leads clients to it, as it was before it was edited."""
    status = status_of(pod)
    pod = copied(pod)
    if status is None:
        return pod
    del pod["metadata"]["annotations"][STATUS]
    return undo(pod, status.record)
