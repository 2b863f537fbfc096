"""Warnings for people: in the admission response, and as an annotation of the pod."""

from collections.abc import Iterable, Sequence
from typing import Final

from drainproxy.config.mistakes import shortened, told
from drainproxy.manifests.podspec import Json, read

from .annotations import WARNINGS
from .editor import Editor, pointer_of
from .limits import too_long_annotations
from .status import read_status, status_of, write_status

# The API server shows 4,096 characters of warnings for a request, those of others included.
_ROOM: Final = 3500
_LONGEST: Final = 700

_ANNOTATION: Final = ("metadata", "annotations", WARNINGS)


def limited(warnings: Iterable[str]) -> list[str]:
    """Each warning once, and no more of them than the API server would pass on."""
    texts = [shortened(text, _LONGEST) for text in dict.fromkeys(warnings)]
    fit, room = 0, _ROOM
    for text in texts:
        room -= len(text)
        fit += room >= 0
    return told(texts) if fit == len(texts) else [*texts[:fit], f"and {len(texts) - fit:,} more"]


def noted(pod: Json, warnings: Sequence[str]) -> list[Json]:
    """The JSON patch that writes warnings on a pod, one a line: `kubectl describe` shows lines, and
    the beginning of each. Of an injected pod they are part of what is undone. Where there is no
    room for them nothing is written: the API server would refuse the pod."""
    text = "\n".join(warnings)
    if not warnings or read(pod).annotations.get(WARNINGS) == text:
        return []
    editor = _written(pod, text)
    return [] if too_long_annotations(editor.pod) else editor.patch


def with_note_of(pod: Json, before: Json) -> Json:
    """An injected pod with the warnings that the webhook has written on it as it was before: they
    are in the record of that one, and so they are gone where it was undone."""
    status, text = status_of(before), read(before).annotations.get(WARNINGS)
    if text is None or status is None or not status.touches(pointer_of(_ANNOTATION)):
        return pod
    return _written(pod, text).pod


def _written(pod: Json, text: str) -> Editor:
    editor, status = Editor(pod), read_status(pod)
    if status:
        editor.put(_ANNOTATION, text)
        write_status(editor, {}, status)
    else:
        editor.put_unrecorded(_ANNOTATION, text)
    return editor
