"""What a workload declares of its schema: annotations of the workload or its pod template."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from drainproxy.config import ANNOTATION_PREFIX, Mistake
from drainproxy.config.mistakes import did_you_mean

from .state import MOST, PHASES, Phase

PHASE: Final = ANNOTATION_PREFIX + "migration-phase"
VERSION: Final = ANNOTATION_PREFIX + "schema-version"

_APP = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9]{1,9}")


class Declared(Struct, frozen=True):
    """The phase that its release belongs to, and the schema that its code was written for."""

    phase: Phase | None = None
    version: int | None = None


def parse_phase(text: str) -> Phase:
    """`expand`, `migrate` or `contract`; ValueError says what is wrong."""
    for phase in PHASES:
        if text == phase:
            return phase
    near = did_you_mean(text.lower(), PHASES)
    hint = f": did you mean {near}?" if near else ""
    raise ValueError(f"is not one of {', '.join(PHASES)}{hint}")


def parse_version(text: str) -> int:
    """A whole number from 0 to 999999999; ValueError says what is wrong."""
    if not _VERSION.fullmatch(text):
        raise ValueError(f"is not a schema version, a whole number from 0 to {MOST}, such as 7")
    return int(text)


def parse_app(text: str) -> str:
    """The value of the label app.kubernetes.io/name; ValueError says what is wrong."""
    if not _APP.fullmatch(text):
        raise ValueError(
            "is not the name of an app: the value of its label app.kubernetes.io/name, at most 63"
            " letters, digits, '-', '_' and '.', such as shop"
        )
    return text


def declared(annotations: Mapping[str, str]) -> tuple[Declared, list[Mistake]]:
    """What is declared, and what of it cannot be read (which then counts as missing)."""
    phase, version, mistakes = None, None, []
    if (text := annotations.get(PHASE)) is not None:
        try:
            phase = parse_phase(text)
        except ValueError as error:
            mistakes.append(_mistake(PHASE, text, error))
    if (text := annotations.get(VERSION)) is not None:
        try:
            version = parse_version(text)
        except ValueError as error:
            mistakes.append(_mistake(VERSION, text, error))
    return Declared(phase, version), mistakes


def _mistake(key: str, text: str, error: ValueError) -> Mistake:
    return Mistake(f"annotation {key}", key.removeprefix(ANNOTATION_PREFIX), f"{text!r} {error}")
