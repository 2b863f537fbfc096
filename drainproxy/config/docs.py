"""The table of settings for people (Markdown) and for programs (JSON)."""

from msgspec import Struct, json

from .table import TABLE, Setting

_HEAD = "| Setting | Default | Values | Environment | Annotation | Reloaded | Meaning |"


class SettingRow(Struct, frozen=True):
    """What the docs tell of a setting; `later` names the feature that it waits for."""

    name: str
    default: str | None
    values: str
    environment: str
    annotation: str | None
    reload: bool
    description: str
    later: str | None

    def markdown(self) -> str:
        waits = f"*Not yet: comes with {self.later}.* " if self.later else ""
        cells = (
            f"`{self.name}`",
            self.default or "-",
            self.values,
            f"`{self.environment}`",
            f"`{self.annotation}`" if self.annotation else "-",
            "yes" if self.reload else "no",
            waits + self.description,
        )
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table() -> list[SettingRow]:
    """One row per setting, in the order of the table."""
    return [_row(setting) for setting in TABLE]


def markdown() -> str:
    """The table as Markdown, one line per setting."""
    rule = "|" + " --- |" * (_HEAD.count("|") - 1)
    return "\n".join([_HEAD, rule, *(row.markdown() for row in table())]) + "\n"


def as_json() -> str:
    """The table as a JSON array of objects, one per setting."""
    return json.format(json.encode(table()), indent=2).decode() + "\n"


def _row(setting: Setting) -> SettingRow:
    return SettingRow(
        name=setting.name,
        default=setting.default_text or None,
        values=", ".join(filter(None, (setting.kind.values, setting.limits))),
        environment=setting.environment,
        annotation=setting.annotation if setting.annotated else None,
        reload=setting.reload,
        description=setting.description,
        later=setting.later or None,
    )
