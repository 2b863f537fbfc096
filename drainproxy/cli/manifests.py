"""Reads the manifests that commands are given: files, folders, URLs and standard input."""

import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Final

import click

from drainproxy.config.urls import shown

from .urls import fetched, is_url

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
_MOST_TOLD: Final = 5


def read_texts(paths: tuple[str, ...], command: str) -> dict[str, str]:
    """The text of every file by its name; standard input, if it is no terminal, without any.

    URLs are named without what may be secret in them. `command` is the one to which messages refer.
    Raises ClickException for what cannot be read.
    """
    if not paths and is_terminal():
        raise click.UsageError(
            "which manifests? Name a FILE, a DIR, a URL, or - for standard input"
        )
    files = [file for path in paths or ("-",) for file in _files(path, command)]
    names = _names(dict.fromkeys(files))
    return {name: _text(file, name) for file, name in names.items()}


def missing_files(given: Mapping[str, Any]) -> Iterator[str]:
    """Which of the `filenames` and `paths` of a command are not there."""
    for path in (*given["filenames"], *given["paths"]):
        if path != "-" and not is_url(path) and not Path(path).exists():
            yield f"{path}: No such file or directory"


def is_terminal() -> bool:
    """Whether standard input is a person, who would have to type."""
    return sys.stdin.isatty()


def _files(path: str, command: str) -> Iterator[str]:
    folder = Path(path)
    if path == "-" or is_url(path) or not folder.is_dir():
        _refuse_unrendered([_as_local(path)], command)
        yield path
        return
    # A volume of a ConfigMap has its files in a folder like ..2026_01_02 too, behind links to it.
    every = (each for each in folder.rglob("*") if not _is_hidden(each.relative_to(folder)))
    inside = sorted(every)
    _refuse_unrendered(inside, command)
    found = [str(each) for each in inside if _is_manifest(each)]
    if not found:
        raise click.ClickException(f"{path}: holds no file that ends with .yaml, .yml or .json")
    yield from found


def _is_hidden(path: PurePath) -> bool:
    return any(part.startswith("..") for part in path.parts)


def _as_local(path: str) -> PurePath:
    """Where a file is, or would be once it is here: tools render no single file of a URL."""
    return PurePath("FOLDER", PurePath(shown(path)).name) if is_url(path) else PurePath(path)


def _refuse_unrendered(paths: Iterable[PurePath], command: str) -> None:
    """UsageError if some of these say that what is beside and below them is to be rendered first;
    it names the outermost."""
    folders: dict[PurePath, str] = {}
    for path in sorted(paths, key=lambda each: len(each.parts)):
        above = (path.parent, *path.parent.parents)
        if path.name in _TOOLS_BY_NAME and not folders.keys() & {*above}:
            folders[path.parent] = _TOOLS_BY_NAME[path.name]
    texts = [
        f"{folder}: {advice.format(folder=folder, command=command)}"
        for folder, advice in folders.items()
    ]
    if len(texts) > _MOST_TOLD:
        texts[_MOST_TOLD:] = [f"and {len(texts) - _MOST_TOLD} more folders like these"]
    if texts:
        raise click.UsageError("\n".join(texts))


def _is_manifest(path: Path) -> bool:
    return path.suffix in _SUFFIXES and path.is_file()


def _names(files: Iterable[str]) -> dict[str, str]:
    """How each is called in messages. URLs may differ in what is not shown of them."""
    names: dict[str, str] = {}
    counts = Counter[str]()
    for file in files:
        name = shown(file) if is_url(file) else file
        counts[name] += 1
        names[file] = name if counts[name] == 1 else f"{name} ({counts[name]})"
    return names


def not_utf_8(data: bytes) -> str:
    """What to say of bytes that are no UTF-8. PowerShell writes UTF-16 by `>`, with such a mark."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "it is not UTF-8, but UTF-16: convert it, as by `iconv -f UTF-16 -t UTF-8`"
    return "it is not UTF-8"


def _text(file: str, name: str) -> str:
    try:
        data = _bytes(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise click.ClickException(f"{name}: {reason}") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise click.ClickException(f"{name}: {not_utf_8(data)}") from None


def _bytes(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    return fetched(file) if is_url(file) else Path(file).read_bytes()
