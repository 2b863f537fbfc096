"""Annotations that change while we run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from drainproxy.config import Mistake, Settings, Sources
from drainproxy.sidecar import reload


class FakeSidecar:
    """What reloading needs of a sidecar."""

    def __init__(self, path: str | None = None) -> None:
        flags = {"forward": ["8080=9000"], **({"annotations-file": path} if path else {})}
        self.sources = Sources(flags=flags)
        self.settings = self.sources.load()
        self.annotation_mistakes: tuple[Mistake, ...] = ()
        self.applied: list[Settings] = []
        self.changed = asyncio.Event()

    def apply(self, settings: Settings) -> None:
        self.settings = settings
        self.applied.append(settings)
        self.changed.set()


def test_what_is_right_is_applied_and_what_is_wrong_is_told() -> None:
    sidecar: Any = FakeSidecar()
    text = 'drainproxy.io/drain-timeout="40s"\ndrainproxy.io/drain-delay="soon"\n'

    reload.apply(sidecar, text)

    assert (sidecar.settings.drain_timeout, sidecar.settings.drain_delay) == (40.0, 5.0)
    assert [mistake.name for mistake in sidecar.annotation_mistakes] == ["drain-delay"]

    reload.apply(sidecar, 'drainproxy.io/drain-timeout="40s"\n')

    assert len(sidecar.applied) == 1
    assert sidecar.annotation_mistakes == ()


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert reload.read(None) == reload.read(str(tmp_path / "none")) == ""


async def test_without_a_file_nothing_is_watched() -> None:
    sidecar: Any = FakeSidecar()
    await asyncio.wait_for(reload.watch(sidecar), 1)


async def test_a_file_that_is_replaced_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "_LOOK_EVERY", 0.01)
    path = tmp_path / "annotations"
    path.write_text("")
    sidecar: Any = FakeSidecar(str(path))
    watching = asyncio.ensure_future(reload.watch(sidecar))
    await asyncio.sleep(0)
    new = tmp_path / "new"
    new.write_text('drainproxy.io/drain-timeout="40s"\n')
    new.rename(path)

    async with asyncio.timeout(5):
        await sidecar.changed.wait()
    watching.cancel()
    assert sidecar.settings.drain_timeout == 40.0
