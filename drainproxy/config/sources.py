"""Where settings come from: default < file < annotations < environment < flags.

Texts and mappings in, `Settings` out. Nothing here reads a file or the environment of the process.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from .checks import CHECKS, Check
from .mistakes import ConfigError, Mistake
from .readers import Found, SourceText, Texts, from_annotations, from_environ, from_file, from_flags
from .settings import Settings
from .table import TABLE, Setting
from .yaml_text import ConfigFile

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_REQUIRED = "forward is required, as in --forward 8080=9000"
_RESTART = "has changed, which needs a restart: the old value stays in force"


class Sources(Struct, frozen=True, kw_only=True):
    """The sources that stay as they are while we run, but for the file, which may be read anew;
    annotations come and change."""

    flags: Mapping[str, Texts] = _NOTHING
    environ: Mapping[str, str] = _NOTHING
    file: ConfigFile | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"  # the texts may hold secrets

    def annotations_file(self) -> str | None:
        """Where the annotations are, for whoever reads them before `load`."""
        values, _, _ = _resolve(self._found(""))
        return values.get("annotations_file")

    def some(
        self, names: Collection[str], annotations: str = ""
    ) -> tuple[dict[str, Any], list[Mistake]]:
        """What is said of these settings alone, by field, and what of that is wrong; for programs
        that are no sidecar and need to know of one."""
        values, _, mistakes = _resolve(
            each for each in self._found(annotations) if _name(each) in names
        )
        return values, mistakes

    def load(self, annotations: str = "", further: Sequence[Check] = ()) -> Settings:
        """The settings; raises `ConfigError` with every mistake of every source. `further` checks
        are what only the process that will run with them can tell."""
        values, origins, mistakes = _resolve(self._found(annotations))
        if "forward" not in {*values, *(mistake.name for mistake in mistakes)}:
            mistakes.append(Mistake("settings", "forward", _REQUIRED))
        settings = Settings(**{"forward": (), **values})
        for check in (*CHECKS, *further):
            mistakes += [Mistake(origins[name], name, what) for name, what in check(settings)]
        if mistakes:
            raise ConfigError(dict.fromkeys(mistakes))
        return settings

    def reload(self, current: Settings, annotations: str) -> tuple[Settings, tuple[Mistake, ...]]:
        """The settings after annotations or the file have changed, and what of it is not in force.

        What is wrong keeps the value of `current`; so does what needs a restart.
        """
        values, origins, mistakes = _resolve(self._found(annotations))
        wrong = {mistake.name for mistake in mistakes}
        changed = [row for row in _changed(current, values) if row.name not in wrong]
        mistakes += [
            Mistake(origins.get(row.name, row.name), row.name, _RESTART)
            for row in changed
            if not row.reload
        ]
        fresh = {row.field: values.get(row.field, row.default) for row in changed if row.reload}
        return replace(current, **fresh), tuple(mistakes)

    def reread(self, text: str) -> tuple["Sources", tuple[Mistake, ...]]:
        """These sources with another text of the file; the same, and what is wrong, if it is no
        mapping of settings: what it said before would be lost with it."""
        assert self.file is not None
        file = ConfigFile(self.file.name, text)
        found = from_file(file)
        wrong = tuple(each for each in found if isinstance(each, Mistake) and not each.name)
        return (self, wrong) if wrong else (replace(self, file=file), ())

    def _found(self, annotations: str) -> Found:
        return chain(
            from_file(self.file),
            from_annotations(annotations),
            from_environ(self.environ),
            from_flags(self.flags),
        )


def load(
    *,
    flags: Mapping[str, Texts] = _NOTHING,
    environ: Mapping[str, str] = _NOTHING,
    annotations: str = "",
    file: ConfigFile | None = None,
) -> Settings:
    """The settings that these sources make; raises `ConfigError` with every mistake."""
    return Sources(flags=flags, environ=environ, file=file).load(annotations)


def _resolve(found: Found) -> tuple[dict[str, Any], dict[str, str], list[Mistake]]:
    """The values by field and their origins by name, the last one winning, and the mistakes."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for item in found:
        if isinstance(item, Mistake):
            mistakes.append(item)
            continue
        try:
            values[item.setting.field] = item.value()
            origins[item.setting.name] = item.source
        except ValueError as error:
            mistakes.append(Mistake(item.source, item.setting.name, str(error)))
    return values, origins, mistakes


def _name(found: SourceText | Mistake) -> str:
    return found.name if isinstance(found, Mistake) else found.setting.name


def _changed(current: Settings, values: Mapping[str, Any]) -> list[Setting]:
    return [
        row for row in TABLE if values.get(row.field, row.default) != getattr(current, row.field)
    ]
