"""Smoke tests as texts, read as the command reads them."""

import pytest

from drainproxy.config import ConfigError
from drainproxy.rollout.smoke.model import Action, SmokeTest, Step
from drainproxy.rollout.smoke.reading import SmokeOptions, read_test

BASE = "http://app:8080"


def read(
    text: str,
    given: SmokeOptions | None = None,
    environ: dict[str, str] | None = None,
    variables: dict[str, str] | None = None,
) -> SmokeTest:
    """The test of a text; with a base unless `given` says otherwise."""
    given = SmokeOptions(url=BASE) if given is None else given
    return read_test("t.yaml", text, given, environ or {}, variables or {})


def step(text: str) -> Step:
    """The only step of a text."""
    (only,) = read(text).steps
    return only


def action(text: str) -> Action:
    """What the only step of a text asks."""
    return step(text).action


def mistakes(text: str, given: SmokeOptions | None = None, **variables: str) -> list[str]:
    """What is wrong with a text."""
    with pytest.raises(ConfigError) as raised:
        read(text, given, variables)
    return str(raised.value).splitlines()
