"""Manifests as kubectl reads them, with libyaml: to read them in Python takes ten times as long."""

from pathlib import Path
from typing import Any

import yaml


def documents(source: str | Path) -> list[Any]:
    """What is in a text or a file, each time anew."""
    text = source.read_text() if isinstance(source, Path) else source
    return [*yaml.load_all(text, yaml.CSafeLoader)]
