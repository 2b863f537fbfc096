"""Commands: run to their end, and not beyond their time."""

import asyncio
import os
from pathlib import Path
from time import monotonic, sleep

import pytest

from drainproxy.rollout.smoke.talk.command import KEPT
from tests.rollout.smoke.talk.asked import SHORT, asked


@pytest.mark.parametrize(
    "text",
    [
        "[{exec: [echo, a b], expect: {contains: a b}}]",
        "[{exec: 'echo a | tr a b', expect: {matches: ^b}}]",
        "[{exec: 'exit 3', expect: {exit-code: 3}}]",
        "[{exec: 'kill -9 $$', expect: {exit-code: 137}}]",
        "[{exec: 'echo $PORT ${PORT} $SMOKE_URL', expect: {matches: '^1 1 http://127.0.0.1:1$'}}]",
        "{variables: {A: b}, steps: [{exec: 'echo $A', expect: {contains: b}}]}",
        "[{exec: 'cat', expect: {not-contains: x}}]",
        "[{exec: 'head -c 9000000 /dev/zero | tr \"\\0\" x; echo end', expect: {contains: end}}]",
        "[{exec: 'head -c 1000000 /dev/zero | tr \"\\\\0\" x; echo end', expect: {contains: end}}]",
        "[{exec: 'echo out; sleep 600 &', expect: {contains: out}}]",
    ],
)
async def test_what_a_command_should_do_it_does(text: str) -> None:
    environment = f"{{PATH: '{os.environ['PATH']}'}}"
    if text.startswith("["):
        text = f"{{variables: {environment}, steps: {text}}}"
    else:
        text = text.replace("{A: b}", f"{{A: b, PATH: '{os.environ['PATH']}'}}")
    assert await asked(1, text) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{exec: [/no/such]}]", "/no/such: No such file or directory"),
        ("[{exec: [/]}]", "/: Permission denied"),
        ("[{exec: 'echo why >&2; exit 1'}]", "exit code is 1, not 0: why"),
        ("[{exec: 'exec /bin/sleep 600'}]", "the command did not end within 0.3 s"),
        ("[{exec: 'while :; do echo x; done'}]", "the command did not end within 0.3 s"),
        ("[{exec: 'trap \"\" TERM INT HUP; while :; do :; done'}]", "the command did not end"),
    ],
)
async def test_what_a_command_does_not_do_is_said(text: str, problem: str) -> None:
    (told,) = await asked(1, text, SHORT)
    assert told.startswith(problem)


@pytest.mark.parametrize("size", [KEPT, 5 * KEPT])
async def test_what_stands_before_the_output_that_is_kept_is_not_taken_for_absent(
    size: int,
) -> None:
    much = f'head -c {size} /dev/zero | tr "\\\\0" x'
    command = f"echo FATAL; {much}"
    path = f"{{PATH: '{os.environ['PATH']}'}}"
    expect = "{not-contains: FATAL}"
    text = f"{{variables: {path}, steps: [{{exec: '{command}', expect: {expect}}}]}}"
    (told,) = await asked(1, text)
    assert told == (
        f"its output is longer than {KEPT} characters and was not looked at whole:"
        " whether it holds 'FATAL' cannot be told"
    )


def test_with_a_command_that_takes_too_long_all_that_it_started_ends(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    text = f"[{{exec: '/bin/sleep 600 & echo $! > {file}; /bin/sleep 600'}}]"
    asyncio.run(asked(1, text, SHORT))
    pid, end = int(file.read_text()), monotonic() + 10
    while _runs(pid):
        assert monotonic() < end
        sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
