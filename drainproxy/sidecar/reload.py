"""Watches the annotations that the downward API writes, and applies what may change."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drainproxy.sidecar.supervisor import Sidecar

# The kubelet takes up to a minute to write; we see a change within so many seconds.
_LOOK_EVERY = 1.0

log = logging.getLogger("drainproxy.reload")


def read(path: str | None) -> str:
    """The annotations, as text; empty if there is no such file (yet)."""
    try:
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeError):
        return ""


async def watch(sidecar: "Sidecar") -> None:
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


def apply(sidecar: "Sidecar", text: str) -> None:
    """Take what is right and may change; report what is wrong, which changes nothing."""
    settings, mistakes = sidecar.sources.reload(sidecar.settings, text)
    sidecar.annotation_mistakes = mistakes
    for mistake in mistakes:
        log.error("%s", mistake)
    if settings != sidecar.settings:
        log.info("annotations applied")
        sidecar.apply(settings)
