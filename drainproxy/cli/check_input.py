"""The manifests that `drainproxy check` is given: files, directories, standard input."""

import sys
from collections.abc import Iterable, Iterator
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .manifests import not_utf_8

if TYPE_CHECKING:
    from drainproxy.rollout.check.place import Object

_SUFFIXES: Final = {".yaml", ".yml", ".json"}
_KUSTOMIZATIONS: Final = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
_PATCHES: Final = ("patches", "patchesStrategicMerge", "patchesJson6902")
# What a kustomization changes in what it lists; its generators make objects of their own.
_CHANGES: Final = (
    *_PATCHES,
    *("components", "replacements", "transformers", "helmCharts", "vars"),
    *("images", "replicas", "namePrefix", "nameSuffix", "namespace"),
    *("labels", "commonLabels", "commonAnnotations"),
)
_RENDER: Final = "render it first: helm template {} | drainproxy check -"


class CheckInput:
    """What was read: the objects, every mistake, and what was passed over."""

    def __init__(self) -> None:
        self.objects: list[Object] = []
        self.mistakes: list[str] = []
        self.notes: list[str] = []
        self.again = 0
        self._files: set[str] = set()

    @property
    def told(self) -> tuple[int, ...]:
        """Another one after something was found, or found again."""
        return len(self.objects), len(self.mistakes), self.again

    def is_new(self, name: str) -> bool:
        """Whether this file was not read before. A link is a file of its own: overlays are made of
        them."""
        path = abspath(name)
        is_known = name != "-" and path in self._files
        self._files.add(path)
        self.again += is_known
        return not is_known


def read_all(paths: Iterable[str]) -> CheckInput:
    """The objects of all these; reading goes on after a mistake, so that all are told at once. A
    file that is named twice, or beside its directory, is read once."""
    given = CheckInput()
    for path in dict.fromkeys(paths):
        before = given.told
        if path != "-" and Path(path).is_dir():
            _directory(Path(path), given)
        else:
            _file(path, given, alone=True)
        if given.told == before:
            given.mistakes.append(f"{path}: {_nothing(path)}")
    return given


def _nothing(path: str) -> str:
    if path != "-" and Path(path).is_dir():
        return "no file in it that ends with .yaml, .yml or .json holds a Kubernetes object"
    return "holds no Kubernetes object: nothing in it has apiVersion and kind"


def _directory(folder: Path, given: CheckInput) -> None:
    if _is_chart(folder):
        hint = _RENDER.format(folder)
        given.mistakes.append(f"{folder}: is a Helm chart, not manifests: {hint}")
        return
    try:
        files = [*_manifests(folder, given)]
    except OSError as error:
        given.mistakes.append(f"{error.filename}: {error.strerror or error}")
        return
    patches = _patches(files, given)
    for file in files:
        if file.resolve() not in patches:
            _file(str(file), given, alone=False)


def _manifests(folder: Path, given: CheckInput) -> Iterator[Path]:
    """The files under a directory, without what is hidden and what is a chart."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "node_modules":
            continue
        if path.is_dir() and _is_chart(path):
            given.notes.append(
                f"{path}: is a Helm chart and is not checked: {_RENDER.format(path)}"
            )
        elif path.is_dir() and path.is_symlink():
            given.notes.append(f"{path}: is a link to a directory and is not followed")
        elif path.is_dir():
            yield from _manifests(path, given)
        elif path.suffix in _SUFFIXES or path.name in _KUSTOMIZATIONS:
            yield path


def _is_chart(folder: Path) -> bool:
    return (folder / "Chart.yaml").is_file() and (folder / "templates").is_dir()


def _patches(files: Iterable[Path], given: CheckInput) -> set[Path]:
    """What kustomizations name as patches: pieces of objects, which are nothing by themselves."""
    from drainproxy.manifests.positions import read_positions

    found: set[Path] = set()
    for file in files:
        if file.name not in _KUSTOMIZATIONS:
            continue
        try:
            documents = read_positions(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # it is a mistake when it is read as a manifest
        if changes := [key for key in _CHANGES if any(_has(each, key) for each in documents)]:
            hint = f"kubectl kustomize {file.parent} | drainproxy check -"
            given.notes.append(f"{file}: its {', '.join(changes)} are not applied: {hint}")
        found |= {(file.parent / name).resolve() for each in documents for name in _named(each)}
    return found


def _has(kustomization: object, key: str) -> bool:
    return isinstance(kustomization, dict) and bool(kustomization.get(key))


def _named(kustomization: object) -> Iterator[str]:
    if not isinstance(kustomization, dict):
        return
    for key in _PATCHES:
        entries = kustomization.get(key)
        for entry in entries if isinstance(entries, list) else ():
            path = entry.get("path") if isinstance(entry, dict) else entry
            if isinstance(path, str) and "\n" not in path:
                yield path


def _label(name: str) -> str:
    """The name of a file as text: bytes that are no UTF-8 would be none in JSON either."""
    return name.encode(errors="backslashreplace").decode()


def _file(name: str, given: CheckInput, *, alone: bool) -> None:
    """Read one file. In a directory, what is plainly no manifest is passed over."""
    from drainproxy.rollout.check.place import read_objects

    if not given.is_new(name):
        return
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        given.mistakes.append(f"{name}: {error.strerror or error}")
        return
    try:
        text = data.decode()
        given.objects += read_objects(_label(name), text)
    except UnicodeError:
        given.mistakes.append(f"{name}: {not_utf_8(data)}")
    except ValueError as error:
        if alone or any(each in data.lower() for each in (b"kind", b"apiversion")):
            hint = " (a Helm template? render it first)" if b"{{" in data else ""
            given.mistakes.append(f"{name}: {error}{hint}")
