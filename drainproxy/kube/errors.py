"""What is wrong with an object of an input, and on which lines of its file."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from drainproxy.config import ConfigError
from drainproxy.manifests.misfits import Misfit, Path

from .inputs import Found

_ANNOTATION: Final = "annotation "


def mistaken(
    found: Found, error: ConfigError | ValueError, template: Sequence[str] = ()
) -> dict[str, Any]:
    """The fields of a report's line that tell of it: `problems`, and `line`, where what is wrong
    stands. If there are several, each says its own. `template` is the path of what was read."""
    placed = [
        (text, found.line_of((*template, *path)) if path else found.line)
        for text, path in _placed(error, template)
    ]
    texts, lines = [text for text, _ in placed], [line for _, line in placed]
    if len(set(lines)) > 1:
        texts = [f"line {line}: {text}" for text, line in placed]
    return {"problems": texts, "line": min(lines)}


def _placed(error: ConfigError | ValueError, template: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Each problem, and its path in what was read."""
    if isinstance(error, ConfigError):
        for each in error.mistakes:
            key = each.source.removeprefix(_ANNOTATION)
            path = ("metadata", "annotations", key) if key != each.source else ()
            yield str(each), path
    elif isinstance(error, Misfit):
        yield str(error.within(template)), error.path
    else:
        yield str(error), ()
