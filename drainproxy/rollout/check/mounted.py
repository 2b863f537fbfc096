"""The files of ConfigMaps and Secrets that a pod mounts, and which of them a command names."""

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from .inventory import Inventory
from .place import FieldPlace, Object

# A shell runs these, whatever their names are: they say so, or they have no ending.
_SHEBANG = re.compile(r"#!\s*\S*[/ ](?:[bd]?a|[kz])?sh\b")
_NAME = re.compile(r"[\w.-]+")
_PATTERN = re.compile(r"[^\s\"'/=]*[*?][^\s\"'/;|&)]*")


class MountedFile(Struct, frozen=True):
    """Its name in the pod, where its text stands in the input, and that text."""

    name: str
    place: FieldPlace
    text: str

    @property
    def is_script(self) -> bool:
        """Whether a shell runs it."""
        _, dot, ending = self.name.rpartition(".")
        return ending in ("sh", "bash") or not dot or bool(_SHEBANG.match(self.text))

    @property
    def is_sql(self) -> bool:
        """Whether it is SQL by its name."""
        return self.name.endswith(".sql")


class NamedFiles:
    """The names of files in commands, and patterns of such names."""

    def __init__(self, commands: Iterable[list[str]]) -> None:
        self._names: set[str] = set()
        self._patterns: set[str] = set()
        for command in commands:
            for word in command:
                self._names.update(each.rstrip(".") for each in _NAME.findall(word))
                if "*" in word or "?" in word:
                    # One that fits every file names none.
                    self._patterns.update(
                        each for each in _PATTERN.findall(word) if each.strip("*?")
                    )

    def __contains__(self, file: MountedFile) -> bool:
        return file.name in self._names or any(
            fnmatchcase(file.name, each) for each in self._patterns
        )


def pod_specs(each: Object) -> tuple[FieldPlace, ...]:
    """Where a Pod, a Job, a CronJob or a workload may say what runs in its pod."""
    root = each.root
    return (
        root.at("spec"),
        root.at("spec", "template", "spec"),
        root.at("spec", "jobTemplate", "spec", "template", "spec"),
    )


def mounted(each: Object, inventory: Inventory) -> list[MountedFile]:
    """The files of the ConfigMaps and Secrets of the input that its pod mounts."""
    return inventory.once(_mounted, each)


def _mounted(each: Object, inventory: Inventory) -> list[MountedFile]:
    volumes = [volume for spec in pod_specs(each) for volume in spec.at("volumes").items]
    sources = [
        source
        for volume in volumes
        for source in (volume, *volume.at("projected", "sources").items)
    ]
    return [file for source in sources for file in _files(source, each, inventory)]


def _files(source: FieldPlace, near: Object, inventory: Inventory) -> Iterator[MountedFile]:
    for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
        reference = source.at(field)
        name = reference.at("secretName").text or reference.at("name").text
        found = inventory.named(kind, name, near) if name else None
        if found is None:
            continue
        paths = {
            item.at("key").text: item.at("path").text.rpartition("/")[2]
            for item in reference.at("items").items
        }
        for key, place, text in _texts(found):
            if not paths or key in paths:
                yield MountedFile(paths.get(key, key), place, text)


def _texts(each: Object) -> Iterator[tuple[str, FieldPlace, str]]:
    for key, place in each.root.at("stringData").entries.items():
        yield key, place, place.text
    for key, place in each.root.at("data").entries.items():
        yield key, place, _decoded(place.text) if each.kind == "Secret" else place.text


def _decoded(text: str) -> str:
    try:
        return b64decode(text).decode()
    except ValueError:
        return ""
