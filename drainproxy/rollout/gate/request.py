"""Requests of engines to `gate serve`: their payloads, as they document them, into a rollout.

Argo Rollouts' web provider sends a body that the user has written; Flagger sends the name of its
Canary, and the webhook's `metadata` (docs.flagger.app, "Webhooks").
"""

from collections.abc import Iterable, Mapping
from json import loads
from math import nan
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, json

from drainproxy.config import parse_duration
from drainproxy.rollout.migration.declared import parse_app, parse_version

from .budget import SOURCES, budget_queries
from .judgement import policy_of
from .look import Rollout
from .queries import hash_selector, is_unset, selector
from .record import MigrationQuestion

Body = TypeVar("Body")

HASH_LABEL: Final = "rollouts_pod_template_hash"
_WINDOW: Final = "10m"
_MOST_WINDOW: Final = 24 * 3600.0
# Whoever tolerates more asks for no judgement.
_MOST_TOLERATED: Final = 1000.0


class GateRequest(Struct, rename="camel", forbid_unknown_fields=True):
    """The body for `/gate/argo`; all are texts, since arguments of an analysis are."""

    canary: str = ""
    stable: str = ""
    canary_hash: str = ""
    stable_hash: str = ""
    hash_label: str = HASH_LABEL
    namespace: str = ""
    window: str = _WINDOW
    warm_up: str = "60s"
    slo: str = "99.9%"
    tolerate: str = "2"
    weight: str = ""
    # The error budget of a service, by the rules of a source.
    service: str = ""
    source: str = "drainproxy"
    # The record of migrations: schemas of the canary's code and of stable's.
    app: str = ""
    version: str = ""
    previous: str = ""
    # What tells one release from the next where both have the same selectors.
    release: str = ""


class Flagger(Struct):
    """The payload of a Flagger webhook; what else it holds is not needed."""

    name: str
    namespace: str
    phase: str = ""
    # Of the Canary's pod template.
    checksum: str = ""
    metadata: dict[str, str] = {}


def rollout(asked: GateRequest) -> Rollout:
    """What to look at; UnnamedVersionError, or ValueError for all else that is wrong."""
    sides = [
        matchers(name, text, hash_, asked.hash_label, asked.namespace)
        for name, text, hash_ in (
            ("canary", asked.canary, asked.canary_hash),
            ("stable", asked.stable, asked.stable_hash),
        )
    ]
    window = _seconds("window", asked.window)
    if not 0 < window <= _MOST_WINDOW:
        raise ValueError(f"window {asked.window!r}: from 1s to 24h")
    return Rollout(
        sides[0],
        sides[1],
        window,
        policy_of(objective(asked.slo), tolerated(asked.tolerate)),
        _seconds("warmUp", asked.warm_up),
        _within("weight", asked.weight.removesuffix("%"), 0, 100) if asked.weight else None,
        release=asked.release,
    )


def budget(asked: GateRequest) -> tuple[str, str] | None:
    """Source and service of the budget to look at; ValueError if there can be none of that name."""
    if not asked.service:
        return None
    if asked.source not in SOURCES:
        raise ValueError(f"source {asked.source!r}: one of {', '.join(SOURCES)}")
    budget_queries(asked.source, asked.service)
    return asked.source, asked.service


def question(asked: GateRequest) -> MigrationQuestion | None:
    """What to look up in the record of migrations; ValueError if it cannot be asked so."""
    versions = [_version(name, getattr(asked, name)) for name in ("version", "previous")]
    if not asked.app:
        if versions != [None, None]:
            raise ValueError("version and previous are looked up in the record of an app: name it")
        return None
    if versions == [None, None]:
        raise ValueError(f"app {asked.app!r}: give the version of its schema, or the previous one")
    try:
        return MigrationQuestion(parse_app(asked.app), asked.namespace, *versions)
    except ValueError as error:
        raise ValueError(f"app {asked.app!r} {error}") from None


def _version(name: str, text: str) -> int | None:
    try:
        return parse_version(text) if text else None
    except ValueError as error:
        raise ValueError(f"{name} {text!r} {error}") from None


class UnnamedVersionError(LookupError):
    """Nobody has said which pods a version has: a verdict must wait, for nothing is wrong."""


def matchers(name: str, text: str, hash_: str, label: str, namespace: str) -> str:
    """What selects the pods of one version; UnnamedVersionError if nobody has named them."""
    if is_unset(text):
        raise UnnamedVersionError(f"the pods of {name} are unknown: {text!r} lacks a value")
    if text.strip():
        return selector(text)
    if not hash_.strip():
        raise UnnamedVersionError(
            f"the pods of {name} are unknown: neither a selector nor a hash is given"
        )
    return hash_selector(namespace, label, hash_)


def objective(text: str) -> float:
    """`99.9%` or `0.999`; ValueError for what is no objective."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise ValueError(f"{text!r} is no objective: write 99.9% or 0.999")
    return value


def tolerated(text: str) -> float:
    """So many times as bad as stable; ValueError if that is no number, or none to judge by."""
    return _within("tolerate", text, 1, _MOST_TOLERATED)


def _seconds(name: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{name} {text!r} {error}") from None


def _within(name: str, text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not least <= value <= most:
        raise ValueError(f"{name} {text!r}: a number from {least:g} to {most:g}")
    return value


def read_argo(body: bytes, query: Mapping[str, str]) -> GateRequest:
    """From the body, or for a GET from the query; ValueError if it is malformed."""
    return (
        _converted(body, GateRequest)
        if body
        else msgspec.convert(_unique(query.items()), GateRequest)
    )


def read_flagger(body: bytes) -> GateRequest:
    """Pods of a Canary have the label `app` of its name, those of its primary `-primary` behind it
    (docs.flagger.app, "Canary target"); `metadata` may say otherwise."""
    payload = _converted(body, Flagger)
    own = msgspec.convert(payload.metadata, GateRequest)
    if own.namespace == "":
        own.namespace = payload.namespace
    own.release = own.release or payload.checksum
    if not own.canary and not own.canary_hash:
        own.canary = hash_selector(own.namespace, "app", payload.name)
    if not own.stable and not own.stable_hash:
        own.stable = hash_selector(own.namespace, "app", f"{payload.name}-primary")
    return own


def _converted(body: bytes, kind: type[Body]) -> Body:
    try:
        found = json.decode(body, type=kind)
        # Of a name that comes twice each parser takes another (RFC 8259, section 4).
        loads(body, object_pairs_hook=_unique)
    except msgspec.DecodeError as error:
        raise ValueError(f"the body is not what is asked here: {error}") from None
    except UnicodeError:
        raise ValueError("the body is not UTF-8") from None
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    return found


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is given twice")
        found[name] = value
    return found
