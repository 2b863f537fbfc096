"""Whether a text matches is decided within the timeout, or is said not to be."""

import asyncio
import os
import signal
from time import monotonic

import pytest

from drainproxy.rollout.smoke.answers import HttpAnswer
from drainproxy.rollout.smoke.matching import unmatched
from drainproxy.rollout.smoke.stage import Stage
from tests.rollout.smoke.files import action
from tests.rollout.smoke.talk.asked import SHORT, asked

# Each of them tries about 2 to the power of 40 ways, or more.
ENDLESS = [
    "^(a+)+$",
    pytest.param("^(a|a)*$", marks=pytest.mark.slow),
    "^(?:a?){40}a{40}b",
    pytest.param("(a*)*b", marks=pytest.mark.slow),
]
PATH = f"PATH: '{os.environ['PATH']}'"


async def missed(patterns: list[str], body: bytes) -> tuple[str, ...]:
    listed = ", ".join(f"'{pattern}'" for pattern in patterns)
    step = action(f"[{{http: /a, expect: {{matches: [{listed}]}}}}]")
    return await unmatched(step, HttpAnswer(200, (), body, len(body)), Stage())


@pytest.mark.parametrize(
    ("pattern", "body"),
    [
        ("^hello", b"hello"),
        ("w.rld$", b"hello\nworld"),
        ("^$", b""),
        ("--version", b"--version"),
        ("gr\u00fc\u00df", "gr\u00fc\u00df Gott".encode()),
        ("\N{REPLACEMENT CHARACTER}", b"\xff\xfe"),
        ("\\r\\n$", b"a line\r\n"),
        ("(?i)OK", b"x" * (1 << 20) + b"ok"),
    ],
)
async def test_what_matches_is_as_python_has_it(pattern: str, body: bytes) -> None:
    assert await missed([pattern], body) == ()


async def test_only_what_does_not_match_is_named() -> None:
    assert await missed(["^a", "^b", "c$", "d"], b"abc") == ("^b", "d")


@pytest.mark.parametrize("pattern", ENDLESS)
async def test_an_expression_that_goes_on_and_on_ends_with_its_timeout(pattern: str) -> None:
    text = f"{'a' * 40}!"
    command = f"{{exec: [echo, '{text}'], expect: {{matches: '{pattern}'}}}}"
    (told,) = await asked(1, f"{{variables: {{{PATH}}}, steps: [{command}]}}", SHORT)
    assert told == f"whether it matches {pattern!r} was not decided within 0.3 s"


async def test_signals_are_heard_while_an_expression_is_tried() -> None:
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, heard.set)
    trying = asyncio.create_task(missed(["^(a+)+$"], b"a" * 40 + b"!"))
    began = monotonic()
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.wait_for(heard.wait(), 10)
        assert not trying.done()
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)
        trying.cancel()
        await asyncio.wait({trying}, timeout=10)
    assert trying.cancelled()
    assert monotonic() - began < 10
