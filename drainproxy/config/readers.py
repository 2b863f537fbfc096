"""Reads each source of settings: matches its texts with the table, and reports names that match
none."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from .annotations import split_annotations, unquote
from .mistakes import MOST_TOLD, Mistake, did_you_mean
from .table import ANNOTATION_PREFIX, BY_NAME, ENVIRONMENT_PREFIX, Setting
from .yaml_text import ConfigFile, read_yaml

Texts = str | Sequence[str]

# Annotations of the same prefix that the injector reads or writes.
INJECTOR_ANNOTATIONS: Final = frozenset(
    {
        "inject",
        "status",
        "warnings",
        "ports",
        "capture",
        "native-sidecar",
        "raise-grace-period",
        "replace-prestop-sleep",
        "image",
        "image-pull-policy",
        "run-as-user",
        "run-as-group",
        "cpu-request",
        "cpu-limit",
        "memory-request",
        "memory-limit",
    }
)

# Annotations of the same prefix that say something of a release: for checks, migrations and
# admission policies, not for the sidecar.
RELEASE_ANNOTATIONS: Final = frozenset(
    {"ignore", "ignore-reason", "migration-phase", "schema-version"}
)

# Where the configuration file is: whoever reads the file reads this too.
CONFIG_ENVIRONMENT: Final = "DRAINPROXY_CONFIG"

# The image that the injector puts into pods. A pipeline sets it once for everything in it.
IMAGE_ENVIRONMENT: Final = "DRAINPROXY_IMAGE"

# Kubernetes puts the Services of a namespace into the environment of its pods; one that is called
# drainproxy or drainproxy-something must not look like settings of ours.
_SERVICE_LINK = re.compile(
    r"DRAINPROXY(_\w+)?_(SERVICE_HOST=.*|SERVICE_PORT(_\w+)?=[0-9]+"
    r"|PORT(_[0-9]+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://.*"
    r"|PORT_[0-9]+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)=.*)",
    re.ASCII,
)


class SourceText(Struct, frozen=True):
    """A text that a source gives to a setting."""

    source: str
    setting: Setting
    text: str

    def value(self) -> Any:
        if self.setting.later:
            raise ValueError(f"not yet: {self.setting.name} comes with {self.setting.later}")
        return self.setting.read(self.text)


Found = Iterator[SourceText | Mistake]


def from_file(file: ConfigFile | None) -> Found:
    for item in read_yaml(file) if file else ():
        if isinstance(item, Mistake):
            yield item
            continue
        source, key, texts = item
        row = BY_NAME.get(key)
        yield _given(source, row, texts) if row else _unknown(source, key, str)


def from_annotations(text: str) -> Found:
    unknown = 0
    for key, quoted in split_annotations(text):
        name = key.removeprefix(ANNOTATION_PREFIX)
        if name == key or name in INJECTOR_ANNOTATIONS | RELEASE_ANNOTATIONS:
            continue
        source, row = f"annotation {key}", BY_NAME.get(name)
        if row is None:
            unknown += 1
            # To find what is near to a name takes a millisecond.
            all_names = (*BY_NAME, *INJECTOR_ANNOTATIONS, *RELEASE_ANNOTATIONS)
            known = all_names if unknown <= MOST_TOLD else ()
            yield _unknown(source, name, ANNOTATION_PREFIX.__add__, known)
        elif not row.annotated:
            yield Mistake(source, name, "cannot be an annotation: use the flag or the environment")
        else:
            yield _annotated(source, row, quoted)


def from_environ(environ: Mapping[str, str]) -> Found:
    for key, text in environ.items():
        name = key.removeprefix(ENVIRONMENT_PREFIX).lower().replace("_", "-")
        if not key.startswith(ENVIRONMENT_PREFIX) or _is_not_ours(key, text):
            continue
        source, row = f"environment {key}", BY_NAME.get(name)
        if row and row.environment == key:
            yield SourceText(source, row, text)
        else:
            yield _unknown(source, name, lambda near: BY_NAME[near].environment)


def from_flags(flags: Mapping[str, Texts]) -> Found:
    for name, texts in flags.items():
        source, row = f"flag --{name}", BY_NAME.get(name)
        yield _given(source, row, texts) if row else _unknown(source, name, "--".__add__)


def _given(source: str, row: Setting, texts: Texts) -> SourceText | Mistake:
    if isinstance(texts, str):
        return SourceText(source, row, texts)
    if row.kind.repeatable or len(texts) == 1:
        return SourceText(source, row, " ".join(texts))
    return Mistake(source, row.name, f"takes one value, not {len(texts)}")


def _annotated(source: str, row: Setting, quoted: str) -> SourceText | Mistake:
    try:
        return SourceText(source, row, unquote(quoted))
    except ValueError as error:
        return Mistake(source, row.name, str(error))


def _unknown(
    source: str, name: str, spell: Callable[[str], str], known: Iterable[str] = tuple(BY_NAME)
) -> Mistake:
    near = did_you_mean(name, known)
    hint = f": did you mean {spell(near)}?" if near else ": `drainproxy settings` lists them"
    return Mistake(source, name, f"is not a setting{hint}")


def _is_not_ours(key: str, text: str) -> bool:
    others = (CONFIG_ENVIRONMENT, IMAGE_ENVIRONMENT)
    return key in others or bool(_SERVICE_LINK.fullmatch(f"{key}={text}"))
