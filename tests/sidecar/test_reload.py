"""Annotations that change while we run, and the file that is read again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from drainproxy.config import ConfigFile, Mistake, Settings, Sources
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


# SIGHUP


def test_the_file_and_the_annotations_are_read_anew(tmp_path: Path) -> None:
    path, annotations = tmp_path / "drainproxy.yaml", tmp_path / "annotations"
    sidecar: Any = FakeSidecar(str(annotations))
    sidecar.sources = Sources(flags=sidecar.sources.flags, file=ConfigFile(str(path), ""))
    path.write_text("drain-timeout: 40s\ndrain-delay: 1s\n")
    annotations.write_text('drainproxy.io/drain-delay="2s"\n')

    reload.reload_all(sidecar)

    assert (sidecar.settings.drain_timeout, sidecar.settings.drain_delay) == (40.0, 2.0)
    # What changes later counts on top of it.
    reload.apply(sidecar, "")
    assert (sidecar.settings.drain_timeout, sidecar.settings.drain_delay) == (40.0, 1.0)


@pytest.mark.parametrize("text", [None, b"drain-timeout: [", b"\xff"])
def test_a_file_that_cannot_be_read_changes_nothing_and_is_told(
    tmp_path: Path, text: bytes | None
) -> None:
    path = tmp_path / "drainproxy.yaml"
    sidecar: Any = FakeSidecar()
    file = ConfigFile(str(path), "drain-timeout: 40s")
    sidecar.sources = Sources(flags=sidecar.sources.flags, file=file)
    sidecar.settings = before = sidecar.sources.load()
    if text is not None:
        path.write_bytes(text)

    reload.reload_all(sidecar)

    assert sidecar.settings == before
    assert [str(path) in str(mistake) for mistake in sidecar.annotation_mistakes] == [True]
