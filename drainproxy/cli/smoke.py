"""`drainproxy smoke`: tests a service that was just deployed."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drainproxy.cli.help import Command, examples
from drainproxy.cli.written import WRITTEN, write
from drainproxy.config import ConfigError, Mistake

if TYPE_CHECKING:
    from drainproxy.rollout.smoke.model import SmokeTest, Step
    from drainproxy.rollout.smoke.reading import SmokeOptions
    from drainproxy.rollout.smoke.result import Attempt, SmokeResult, StepResult

# Something failed, or nothing was tested; what was asked is wrong; as shells say it, 128 and the
# signal.
FAILED, USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143

OUTPUTS = ("human", "json", "junit")


def _judge_test(given: Mapping[str, Any]) -> Iterator[str]:
    """Of the flags alone, if somebody would have to type the test first."""
    from drainproxy.cli.manifests import is_terminal

    try:
        if given["test"] != "-" or not is_terminal():
            _read(given)
        elif mistakes := _flags(given)[2]:
            raise ConfigError(mistakes)
    except ConfigError as error:
        yield str(error)


@click.command(
    cls=Command,
    read=_judge_test,
    options_metavar="[OPTIONS]",
    epilog=examples(
        "smoke https://shop.example/healthz --retries 10",
        "smoke smoke.yaml --url https://shop.example --junit smoke.xml",
    ),
)
@click.argument("test", metavar="FILE|-|URL")
@click.option(
    "--url", metavar="BASE", help="The base URL to which the paths of the steps are appended."
)
@click.option(
    "--variable",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="The value of ${NAME} in the file; overrides the file's own and the environment.",
)
@click.option(
    "--timeout", metavar="DURATION", help="The time limit of each attempt.  [default: 10s]"
)
@click.option(
    "--retries", metavar="NUMBER", help="How often a failed step is tried again.  [default: 0]"
)
@click.option(
    "--retry-interval", metavar="DURATION", help="The pause between attempts.  [default: 1s]"
)
@click.option("--fail-fast", is_flag=True, help="Skip all steps after the first that fails.")
@click.option(
    "--ca", metavar="FILE", default="", help="Trust these CAs (PEM) instead of the system's."
)
@click.option("--insecure", is_flag=True, help="Do not verify server certificates (not for grpc).")
@click.option(
    "-o",
    "--output",
    type=click.Choice(OUTPUTS),
    default="human",
    show_default=True,
    help="The format on stdout; with all but human, progress goes to stderr.",
)
@click.option(
    "--junit",
    metavar="FILE",
    type=WRITTEN,
    help="Also write JUnit XML to this file.",
)
@click.option("--json", metavar="FILE", type=WRITTEN, help="Also write JSON to this file.")
def smoke(**given: Any) -> None:
    """Test a service that was just deployed.

    FILE is a list of steps in YAML, - is standard input; a URL is one step: GET, expecting 2xx.

    \b
      drainproxy smoke - --url http://127.0.0.1:8080 <<'END'
      - http: /healthz
      - http: {url: /cart, method: POST, json: {sku: 1}}
        expect: {status: 201, json: {items: 1}, within: 500ms}
      - websocket: {url: /ws, send: hello}
        expect: {messages: hello}
      - sse: /events
        expect: {first-event-within: 2s}
      - grpc: 127.0.0.1:50051
        retries: 5
      - exec: [./check-queue, --empty]
      END

    The steps run in order, each until it passes or its retries are used up. deploy/smoke describes
    all keys, and has the test as a Job, a Helm test and an Argo CD hook.

    Exits 0 if every step passed, 1 if one failed or there is none, 2 if the test cannot be read.
    """
    try:
        test = _read(given)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)
    sys.exit(_run(test, given))


def _read(given: Mapping[str, Any]) -> "SmokeTest":
    """The test; ConfigError with every mistake of the flags and of the file."""
    from drainproxy.rollout.smoke.reading import read_test, read_url

    source, test = given["test"], None
    flags, variables, mistakes = _flags(given)
    try:
        if "://" in source:
            if given["url"] is not None or variables:
                problem = "has no effect with a URL, which is requested as it is"
                name = "url" if given["url"] is not None else "variable"
                mistakes.append(Mistake(f"flag --{name}", name, problem))
            test = read_url(source, flags)
        else:
            name, text = _text(source)
            test = read_test(name, text, flags, os.environ, variables)
    except ConfigError as error:
        mistakes += error.mistakes
    if mistakes or test is None:
        raise ConfigError(mistakes)
    return test


def _text(path: str) -> tuple[str, str]:
    """A file's name, for messages, and its text. Never that of a URL: its exec steps are code."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return ("stdin" if path == "-" else path), data.decode("utf-8-sig")
    except OSError as error:
        problem = error.strerror or str(error)
    except UnicodeError:
        problem = "it is not UTF-8"
    raise ConfigError([Mistake(path, "", problem)])


def _flags(given: Mapping[str, Any]) -> tuple["SmokeOptions", dict[str, str], list[Mistake]]:
    """What the flags say, and what is wrong with them."""
    from drainproxy.config import parse_duration
    from drainproxy.rollout.smoke import kinds
    from drainproxy.rollout.smoke.credentials import shown
    from drainproxy.rollout.smoke.reading import SmokeOptions
    from drainproxy.rollout.smoke.variables import VARIABLE

    readers: dict[str, Callable[[str], Any]] = {
        "url": kinds.base_url,
        "timeout": kinds.parse_positive,
        "retries": kinds.parse_retries,
        "retry_interval": parse_duration,
    }
    values: dict[str, Any] = {}
    variables: dict[str, str] = {}
    mistakes = []
    for field, read in readers.items():
        text, name = given[field], field.replace("_", "-")
        try:
            values[field] = None if text is None else read(text)
        except ValueError as error:
            # Or the file's own would be wrong for want of it.
            values[field] = "http://flag.invalid" if field == "url" else None
            said = shown(text) if field == "url" else text
            mistakes.append(Mistake(f"flag --{name}", name, f"{said!r} {error}"))
    for text in given["variables"]:
        name, is_one, value = text.partition("=")
        if is_one and VARIABLE.fullmatch(name):
            variables[name] = value
        else:
            said = f"{name}=..." if is_one else text  # its value may be a password
            mistakes.append(Mistake("flag --variable", "variable", f"{said!r} is not NAME=VALUE"))
    if problem := _unreadable(given["ca"]):
        mistakes.append(Mistake("flag --ca", "ca", f"{given['ca']!r} {problem}"))
    return SmokeOptions(**values, ca=given["ca"], insecure=given["insecure"]), variables, mistakes


def _unreadable(path: str) -> str:
    """Why a file that is named cannot be read; empty if it can, or none is named."""
    try:
        if path:
            Path(path).read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return ""


def _run(test: "SmokeTest", given: Mapping[str, Any]) -> int:
    from drainproxy.rollout.smoke import reports
    from drainproxy.rollout.unwaited import Loop

    signals: list[int] = []
    progress = Progress(err=given["output"] != "human")
    with asyncio.Runner(loop_factory=Loop) as runner:
        result = runner.run(_interruptible(test, progress, given["fail_fast"], signals))
    written = {"json": reports.as_json, "junit": reports.as_junit}
    progress.line(reports.summary(result), "red" if result.verdict == "fail" else "green")
    if given["output"] in written:
        click.echo(written[given["output"]](result), nl=False)
    unwritten = [
        problem
        for name, report in written.items()
        if given[name] and (problem := write(given[name], report(result)))
    ]
    for problem in unwritten:
        click.echo(problem, err=True)
    if signals:
        return INTERRUPTED if signals[0] == signal.SIGINT else TERMINATED
    if result.verdict == "fail":
        return FAILED
    return USAGE if unwritten else 0


async def _interruptible(
    test: "SmokeTest", progress: "Progress", fail_fast: bool, signals: list[int]
) -> "SmokeResult":
    """The result; after SIGINT or SIGTERM, which is noted, that of what was asked until then."""
    from drainproxy.rollout.smoke.run import run
    from drainproxy.rollout.smoke.talk import load, talk

    load(test.steps)
    running = asyncio.ensure_future(run(test, talk, progress, fail_fast=fail_fast))

    def interrupted(number: int) -> None:
        signals.append(number)
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, interrupted, number)
    return await running


class Progress:
    """A line for each attempt and each step as it ends; on a terminal the step under way too."""

    def __init__(self, err: bool) -> None:
        self._err = err
        self._stream = sys.stderr if err else sys.stdout
        self._live = self._stream.isatty()

    def begins(self, step: "Step") -> None:
        """Show it until something is known of it."""
        if self._live:
            click.echo(f"....  {step.name}", err=self._err, nl=False)

    def retries(self, step: "Step", number: int, attempt: "Attempt") -> None:
        """Say why, and when it is asked again."""
        what = f"attempt {number} of {step.retries + 1}: {attempt.problems[0]}"
        self.line(f"wait  {step.name}  {what}; again in {step.retry_interval:g} s", "yellow")
        self.begins(step)

    def ended(self, result: "StepResult") -> None:
        """Say how."""
        from drainproxy.rollout.smoke.reports import step_lines

        colour = {"pass": "green", "fail": "red", "skip": "yellow"}[result.verdict]
        for line in step_lines(result):
            self.line(line, colour)

    def line(self, text: str, colour: str) -> None:
        """One line, in the place of the one that is shown; only its first word has a colour."""
        word, rest = (text[:4], text[4:]) if text[:1].strip() else ("", text)
        erased = "\r\x1b[K" if self._live else ""
        shown = click.style(word, fg=colour) if word else ""
        click.echo(erased + shown + rest, err=self._err)
        self._stream.flush()
