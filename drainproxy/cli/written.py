"""Files that a command writes at its end. That one cannot be written is said at the beginning: what
takes minutes is not to be done again for want of a folder."""

import os
from pathlib import Path
from typing import Any

import click


class _Written(click.Path):
    """A file that is written over, or made anew in a folder that exists."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, allow_dash=False)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path; a usage error if nothing can be written there."""
        path = super().convert(value, param, ctx)
        folder = Path(os.fsdecode(path)).parent
        if not folder.is_dir():
            self.fail(
                f"{value!r} cannot be written: there is no folder {str(folder)!r}", param, ctx
            )
        if not Path(os.fsdecode(path)).exists() and not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"{value!r} cannot be written: no file may be made there", param, ctx)
        return path


WRITTEN = _Written()


def write(path: str, text: str) -> str:
    """What is wrong if it still cannot be written, as on a disk that has become full; or empty."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return ""
