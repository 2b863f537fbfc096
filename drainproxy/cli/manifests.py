"""Reads the manifests that commands are given: files, folders, URLs and standard input."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

_SUFFIXES: Final = {".yaml", ".yml", ".json"}
# A folder that holds one of these is made of templates or patches: what is to be done instead.
_TOOLS: Final = {
    "Chart.yaml": "is a Helm chart: `helm template NAME {folder} | drainproxy {command} -`",
    "kustomization.yaml": "is for kustomize: `kubectl kustomize {folder} | drainproxy {command} -`",
}
_TOOLS_BY_NAME: Final = {
    **_TOOLS,
    "kustomization.yml": _TOOLS["kustomization.yaml"],
    "Kustomization": _TOOLS["kustomization.yaml"],
}

# Seconds, and bytes. The largest manifests that people publish have about 5 MB.
_PATIENCE: Final = 30.0
LARGEST: Final = 64 << 20


def read_texts(paths: tuple[str, ...], command: str) -> dict[str, str]:
    """The text of every file by its name; standard input, if it is no terminal, without any.

    `command` is the one to which messages refer. Raises ClickException for what cannot be read.
    """
    if not paths and is_terminal():
        raise click.UsageError(
            "which manifests? Name a FILE, a DIR, a URL, or - for standard input"
        )
    texts = {}
    for path in paths or ("-",):
        for name in _files(path, command):
            texts[name] = _text(name)
    return texts


def is_terminal() -> bool:
    """Whether standard input is a person, who would have to type."""
    return sys.stdin.isatty()


def _files(path: str, command: str) -> Iterator[str]:
    folder = Path(path)
    if path == "-" or _is_url(path) or not folder.is_dir():
        yield path
        return
    for name, advice in _TOOLS_BY_NAME.items():
        if (folder / name).exists():
            raise click.UsageError(f"{path}: {advice.format(folder=path, command=command)}")
    found = [str(each) for each in sorted(folder.rglob("*")) if _is_manifest(each)]
    if not found:
        raise click.ClickException(f"{path}: holds no file that ends with .yaml, .yml or .json")
    yield from found


def _is_manifest(path: Path) -> bool:
    return path.suffix in _SUFFIXES and path.is_file()


def _is_url(path: str) -> bool:
    return path.startswith(("http://", "https://"))


def _text(name: str) -> str:
    try:
        return _bytes(name).decode()
    except UnicodeError:
        raise click.ClickException(f"{name}: it is not UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise click.ClickException(f"{name}: {reason}") from None


def _bytes(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    return _fetched(name) if _is_url(name) else Path(name).read_bytes()


def _fetched(url: str) -> bytes:
    from http.client import HTTPException  # only who names a URL pays for the import
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_PATIENCE) as response:  # noqa: S310 - http and https alone
            data: bytes = response.read(LARGEST + 1)
    except HTTPError as error:
        error.close()
        raise ValueError(f"the server answers {error.code} {error.reason}") from None
    except HTTPException as error:
        raise ValueError(f"no answer that can be read: {error!r}") from None
    if len(data) > LARGEST:
        raise ValueError(f"has more than {LARGEST >> 20} MiB")
    return data
