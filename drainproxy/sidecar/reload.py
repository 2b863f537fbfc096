"""Applies what may change while we run: annotations that the downward API writes, which are
watched, and the configuration file, at SIGHUP."""

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from drainproxy.config import Mistake, Settings, Sources

# The kubelet takes up to a minute to write; we see a change within so many seconds.
_LOOK_EVERY = 1.0

log = logging.getLogger("drainproxy.reload")


class Reloadable(Protocol):
    """A sidecar whose settings may change while it runs."""

    sources: Sources
    settings: Settings
    # What was wrong with what was read last.
    annotation_mistakes: tuple[Mistake, ...]

    def apply(self, settings: Settings) -> None:
        """Go on with these."""


def read(path: str | None) -> str:
    """The annotations, as text; empty if there is no such file (yet)."""
    try:
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeError):
        return ""


async def watch(sidecar: Reloadable) -> None:
    """Look at the file for ever; it is small, and the kubelet replaces it by links."""
    path = sidecar.settings.annotations_file
    if path is None:
        return
    seen = read(path)
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        text = read(path)
        if text and text != seen:
            seen = text
            apply(sidecar, text)


def anew(sidecar: Reloadable) -> None:
    """Read the configuration file and the annotations again, as SIGHUP asks daemons to."""
    wrong = _read_file(sidecar)
    _take(sidecar, read(sidecar.settings.annotations_file), wrong)
    log.info("settings were read anew: what may change while we run is in force")


def _read_file(sidecar: Reloadable) -> tuple[Mistake, ...]:
    """What is wrong with the file as a whole; then it stays as it was."""
    file = sidecar.sources.file
    if file is None:
        return ()
    try:
        text = Path(file.name).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        return (Mistake(f"file {file.name}", "config", problem),)
    sidecar.sources, wrong = sidecar.sources.reread(text)
    return wrong


def apply(sidecar: Reloadable, text: str) -> None:
    """Take what is right of these annotations and may change; report what is wrong, which changes
    nothing."""
    if _take(sidecar, text):
        log.info("annotations applied")


def _take(sidecar: Reloadable, text: str, wrong: tuple[Mistake, ...] = ()) -> bool:
    """Whether any setting has changed; `wrong` was found before."""
    settings, mistakes = sidecar.sources.reload(sidecar.settings, text)
    sidecar.annotation_mistakes = (*wrong, *mistakes)
    for mistake in sidecar.annotation_mistakes:
        log.error("%s", mistake)
    changed = settings != sidecar.settings
    if changed:
        sidecar.apply(settings)
    return changed
