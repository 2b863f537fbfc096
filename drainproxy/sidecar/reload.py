"""Applies settings that may change at run time: annotations from the downward API, whenever their
file changes, and the configuration file, at SIGHUP."""

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from drainproxy.config import Mistake, Settings, Sources

# In seconds: how often the file is read. The kubelet writes it up to a minute late, and replaces a
# chain of links, which no single inotify watch would report.
_LOOK_EVERY = 1.0

log = logging.getLogger("drainproxy.reload")


class Reloadable(Protocol):
    """A sidecar whose settings may change while it runs."""

    sources: Sources
    settings: Settings
    # The mistakes in what was read last.
    annotation_mistakes: tuple[Mistake, ...]

    def apply(self, settings: Settings) -> None:
        """Use these settings from now on."""


def read(path: str | None) -> str:
    """The text of the annotations file; empty if there is none yet."""
    try:
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeError):
        return ""


async def watch(sidecar: Reloadable) -> None:
    """Apply the annotations whenever their file has changed. Runs for ever."""
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


def reload_all(sidecar: Reloadable) -> None:
    """SIGHUP: read the configuration file and the annotations again, and apply them."""
    wrong = _read_file(sidecar)
    _take(sidecar, read(sidecar.settings.annotations_file), wrong)
    log.info("configuration reloaded: settings that may change at run time are in force")


def _read_file(sidecar: Reloadable) -> tuple[Mistake, ...]:
    """Read the configuration file again. If it cannot be read, or is no mapping of settings, the
    old one stays in force."""
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
    """Apply what is valid in these annotations and may change at run time; log the rest."""
    if _take(sidecar, text):
        log.info("annotations applied")


def _take(sidecar: Reloadable, text: str, wrong: tuple[Mistake, ...] = ()) -> bool:
    """Apply settings; returns whether any has changed. `wrong`: mistakes that were found before."""
    settings, mistakes = sidecar.sources.reload(sidecar.settings, text)
    sidecar.annotation_mistakes = (*wrong, *mistakes)
    for mistake in sidecar.annotation_mistakes:
        log.error("%s", mistake)
    changed = settings != sidecar.settings
    if changed:
        sidecar.apply(settings)
    return changed
