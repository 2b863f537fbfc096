"""Signals wait for the command that can handle them, and for no other one."""

import signal
from collections.abc import Iterator

import pytest

from drainproxy.cli.held_signals import HELD, hold


@pytest.fixture(autouse=True)
def mask() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_run_holds_them_until_it_has_handlers() -> None:
    hold(["/usr/bin/drainproxy", "run", "--forward", "1=2"])
    assert set(HELD) <= blocked()


@pytest.mark.parametrize(
    "arguments", [["webhook"], ["check", "run"], ["--version"], [], ["gate", "serve"]]
)
def test_any_other_command_hears_them_whatever_the_image_has_blocked(arguments: list[str]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    hold(["drainproxy", *arguments])
    assert not blocked() & set(HELD)
