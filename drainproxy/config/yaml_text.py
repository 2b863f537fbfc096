"""The configuration file: one YAML mapping, read as texts, so that every source is parsed alike."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from .mistakes import Mistake

# As `repr` quotes, from the left: what stands between two quotations is none.
_QUOTATION = re.compile(r"""\(?'((?:[^'\\]|\\.)*)'(?:,\))?|"((?:[^"\\]|\\.)*)\"""")
# What a reader of YAML expects or finds: words of the language, not of the file.
_TOKENS: Final = {
    "document start",
    "document end",
    "stream start",
    "stream end",
    "byte order mark",
    "block sequence start",
    "block mapping start",
    "block end",
    "directive",
    "alias",
    "anchor",
    "tag",
    "scalar",
    "comment",
}


class ConfigFile(Struct, frozen=True):
    """A configuration file that somebody has read: its name, for messages, and its text."""

    name: str
    text: str


def read_yaml(file: ConfigFile) -> Iterator[tuple[str, str, str | Sequence[str]] | Mistake]:
    """Each entry as (where it stands, key, text or texts), or what is wrong with it.

    Scalars keep the spelling they have in the file: YAML's own reading of `0x10`, `12:30` or
    `off` differs between its versions.
    """
    try:
        root = _compose(file.text)
    except Exception as error:  # ruamel raises more than its own errors on hostile text
        yield Mistake(_where(file, getattr(error, "problem_mark", None)), "", yaml_problem(error))
        return
    if root is None or _is_null(root):
        return
    if root.id != "mapping":
        yield Mistake(_where(file, root.start_mark), "", "must be a mapping of settings")
        return
    yield from _entries(file, root)


def _compose(text: str) -> Any:
    from ruamel.yaml import YAML  # heavy, and most sidecars have no file

    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # the warning would quote the file, secrets and all
    return yaml.compose(text)


def _entries(
    file: ConfigFile, root: Any
) -> Iterator[tuple[str, str, str | Sequence[str]] | Mistake]:
    seen = set()
    for key, value in root.value:
        where = _where(file, key.start_mark)
        if key.id != "scalar":
            yield Mistake(where, "", "a key must be the name of a setting")
            continue
        where, texts = f"{where}, {key.value}", _texts(value)
        if key.value in seen:
            yield Mistake(where, key.value, "is given twice")
        elif texts is None:
            yield Mistake(where, key.value, "must be a value, or a list of values")
        else:
            yield where, key.value, texts
        seen.add(key.value)


def _texts(node: Any) -> str | list[str] | None:
    if _is_text(node):
        return str(node.value)
    if node.id == "sequence" and all(map(_is_text, node.value)):
        return [item.value for item in node.value]
    return None


def _is_text(node: Any) -> bool:
    return node.id == "scalar" and not _is_null(node)


def _is_null(node: Any) -> bool:
    return bool(node.tag.endswith(":null"))


def _where(file: ConfigFile, mark: Any) -> str:
    return f"file {file.name} line {mark.line + 1}" if mark else f"file {file.name}"


def yaml_problem(error: Exception) -> str:
    """What is wrong with a text, without the names in it: one may be a piece of a secret."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    problem = getattr(error, "problem", None) or "it holds a character that YAML forbids"
    return f"is not valid YAML: {_QUOTATION.sub(_without_name, problem)}"


def _without_name(match: re.Match[str]) -> str:
    quoted = match[1] or match[2] or ""
    is_token = quoted.startswith("<") and quoted.strip("<>") in _TOKENS
    return f"'{quoted}'" if is_token or len(quoted) < 2 else "a name"
