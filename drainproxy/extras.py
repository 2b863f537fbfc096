"""The hint on how to install the libraries of an extra, from where this package was installed."""

import shlex
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import DecodeError, json

_NAME = "drainproxy"
# pipx has an environment for each program, to which `pip install` does not lead.
_OF_PIPX = "pipx_metadata.json"


def install_hint(extra: str) -> str:
    """The command for a shell; from the folder, the wheel or the repository that we came from, and
    from the index where we came from there."""
    pipx = Path(sys.prefix, _OF_PIPX).exists()
    return command(extra, _origin(), pipx=pipx)


def command(extra: str, origin: str | None, *, pipx: bool = False) -> str:
    """The same of any installation; `origin` is its direct_url.json (PEP 610), None if it has
    none."""
    install = ["pipx", "install", "--force"] if pipx else ["pip", "install"]
    return shlex.join([*install, *_requirement(extra, _read(origin))])


def _requirement(extra: str, origin: dict[str, Any]) -> list[str]:
    url = origin.get("url")
    if not isinstance(url, str):
        return [f"{_NAME}[{extra}]"]
    if source := origin.get("vcs_info"):
        return [f"{_NAME}[{extra}] @ {source['vcs']}+{url}@{source['commit_id']}"]
    parts = urlsplit(url)
    if parts.scheme != "file":
        return [f"{_NAME}[{extra}] @ {url}"]
    editable = origin.get("dir_info", {}).get("editable", False)
    return [*(["-e"] if editable else []), f"{unquote(parts.path)}[{extra}]"]


def _read(origin: str | None) -> dict[str, Any]:
    try:
        return json.decode(origin or "{}", type=dict[str, Any])
    except DecodeError:
        return {}


def _origin() -> str | None:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return distribution(_NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
