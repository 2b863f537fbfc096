"""A file that cannot be written is told before anything else is done."""

import os
from pathlib import Path

import click
import pytest

from drainproxy.cli.written import WRITTEN, write


def test_a_file_may_be_new_or_written_over(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch()
    assert WRITTEN.convert(str(new), None, None) == str(new)
    assert not new.exists()
    assert WRITTEN.convert(str(old), None, None) == str(old)
    assert write(str(new), "ü") == ""
    assert new.read_bytes() == "ü".encode()


def test_a_file_beside_us_needs_no_folder_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert WRITTEN.convert("report.html", None, None) == "report.html"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match=r"there is no folder '.*/no'"):
        WRITTEN.convert(str(tmp_path / "no" / "file"), None, None)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="is a directory"):
        WRITTEN.convert(str(tmp_path), None, None)


def test_a_folder_in_which_nothing_may_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere: here it may not.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(click.BadParameter, match="no file may be made there"):
        WRITTEN.convert(str(tmp_path / "file"), None, None)


def test_what_still_cannot_be_written_is_said() -> None:
    assert write("/dev/full", "text") == "/dev/full: No space left on device"
