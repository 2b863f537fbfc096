"""The table of settings, one row each: flags, environment, file, annotations and docs are made from
it."""

from typing import Any, Final

from msgspec import NODEFAULT, Meta, Struct, ValidationError, convert
from msgspec.structs import FieldInfo, fields

from .kinds import SECRET, Kind
from .settings import Settings

ANNOTATION_PREFIX: Final = "drainproxy.io/"
ENVIRONMENT_PREFIX: Final = "DRAINPROXY_"


class Setting(Struct, frozen=True):
    """One row of the table."""

    name: str
    field: str
    type: Any
    default: Any
    description: str
    kind: Kind
    limits: str
    reload: bool
    annotated: bool
    later: str
    default_text: str

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def environment(self) -> str:
        return ENVIRONMENT_PREFIX + self.field.upper()

    @property
    def annotation(self) -> str:
        return ANNOTATION_PREFIX + self.name

    def read(self, text: str) -> Any:
        """The value that `text` stands for; raises `ValueError` that says what would be right."""
        try:
            return convert(self.kind.parse(text.strip()), self.type)
        except ValidationError:
            problem = f"must be {self.limits}"
        except ValueError as error:
            problem = str(error)
        raise ValueError(f"{self._shown(text)} {problem}")

    def _shown(self, text: str) -> str:
        if self.kind is SECRET:
            return "the value"
        return repr(text) if len(text) <= 80 else f"{text[:80]!r}..."


def _limits(meta: Meta, kind: Kind) -> str:
    words = {"at least": meta.ge, "at most": meta.le}
    return ", ".join(f"{word} {kind.format(end)}" for word, end in words.items() if end is not None)


def _row(info: FieldInfo) -> Setting:
    (meta,) = info.type.__metadata__
    kind, worded = meta.extra["kind"], meta.extra["default"]
    valued = info.default is not NODEFAULT and info.default is not None
    return Setting(
        name=info.encode_name,
        field=info.name,
        type=info.type,
        default=info.default,
        description=meta.description,
        kind=kind,
        limits=_limits(meta, kind),
        reload=meta.extra["reload"],
        annotated=meta.extra["annotation"],
        later=meta.extra["later"],
        default_text=kind.format(info.default) if valued else worded,
    )


def rows(table: type[Struct]) -> tuple[Setting, ...]:
    """The rows of a struct whose fields are made by `settings.setting`."""
    return tuple(map(_row, fields(table)))


TABLE: Final = rows(Settings)
BY_NAME: Final = {row.name: row for row in TABLE}
