"""The options of commands on a record of migrations: texts in, values or all mistakes out."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from drainproxy.cli.all_mistakes import Wrong
from drainproxy.config import ConfigError, Mistake
from drainproxy.config.kinds import parse_duration
from drainproxy.config.mistakes import did_you_mean
from drainproxy.extras import install_hint

if TYPE_CHECKING:
    from drainproxy.rollout.migration.decide import Direction, MigrationVerdict
    from drainproxy.rollout.migration.state import Damaged, State
    from drainproxy.rollout.migration.store import Loaded, Store

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)
Value = TypeVar("Value")

# With it, options that nobody knows are left to `Mistakes`, which names them with all else.
LENIENT: Final = {"ignore_unknown_options": True, "allow_extra_args": True}

_USAGE: Final = 2
_CODES: Final = {"allow": 0, "refuse": 1, "hold": 3}
_FORMS: Final = ("human", "json")
# RFC 1123 labels, as the name of a namespace is one, and names of ConfigMaps are made of.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


OUTPUT: Final = click.option(
    "-o",
    "--output",
    metavar="human|json",
    default="human",
    show_default=True,
    help="human for people, json for programs.",
)


def record_options(version: bool) -> Callable[[Command], Command]:
    """What all commands take; texts, so that all mistakes in them can be named at once."""

    def add(command: Command) -> Command:
        options = [
            click.option(
                "--app", metavar="NAME", help="The app: its label app.kubernetes.io/name."
            ),
            click.option("--state", metavar="FILE", help="Keep the record in this file."),
            click.option(
                "--namespace",
                metavar="NS",
                help="Keep the record in ConfigMaps of this namespace; the default, without"
                " --state, is that of the credentials.",
            ),
            click.option(
                "--contract-after",
                metavar="DURATION",
                default="24h",
                show_default=True,
                help="The time that must pass between the last deploy of a version and its"
                " contract.",
            ),
            OUTPUT,
        ]
        if version:
            options.insert(
                1,
                click.option(
                    "--version",
                    metavar="N",
                    help="The schema version: the annotation drainproxy.io/schema-version.",
                ),
            )
        for option in reversed(options):
            command = option(command)
        return command

    return add


class Mistakes:
    """What is wrong with the options of a command, all of it."""

    def __init__(self, ctx: click.Context) -> None:
        self._found: list[Mistake] = []
        known = [name for param in ctx.command.params for name in param.opts if name[0] == "-"]
        for argument in ctx.args:
            name = argument.partition("=")[0]
            near = did_you_mean(name, known) if name.startswith("-") else ""
            self.add(argument, "is not known" + (f": did you mean {near}?" if near else ""))

    def add(self, source: str, problem: str) -> None:
        """Note one."""
        self._found.append(Mistake(source, source, problem))

    def read(
        self, given: Mapping[str, Any], name: str, parse: Callable[[str], Value]
    ) -> Value | None:
        """The value of an option; None if it is missing or wrong, which is noted."""
        try:
            text = given[name.lstrip("-").replace("-", "_").lower()]
        except Wrong:
            return None
        if text is None:
            self.add(name, "is missing")
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.add(name, f"{text!r} {error}")
            return None

    def __str__(self) -> str:
        return str(ConfigError(self._found)) if self._found else ""

    def raise_all(self) -> None:
        """Exit with 2 if there are any."""
        if self._found:
            fail(str(self))


def fail(text: str) -> NoReturn:
    """The command was used wrongly."""
    click.echo(text, err=True)
    sys.exit(_USAGE)


def parse_form(text: str) -> str:
    """`human` or `json`."""
    if text not in _FORMS:
        raise ValueError(f"is not one of {', '.join(_FORMS)}")
    return text


def judge_record(given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with these options beside what click refused."""
    if said := str(MigrationOptions(click.get_current_context(), given).mistakes):
        yield said


class MigrationOptions:
    """The options of a command as values. Whatever needs the record exits with 2 and all mistakes,
    if there are any."""

    def __init__(self, ctx: click.Context, given: Mapping[str, Any]) -> None:
        from drainproxy.rollout.migration import declared

        self.now = datetime.now(UTC)
        self._given = given
        self.mistakes = mistakes = Mistakes(ctx)
        self.app = mistakes.read(given, "--app", declared.parse_app) or ""
        self.version: int | None = None
        if "version" in given:
            self.version = mistakes.read(given, "--version", declared.parse_version)
        if "phase" in given:
            self.phase = mistakes.read(given, "PHASE", declared.parse_phase) or "expand"
        self.contract_after = mistakes.read(given, "--contract-after", _duration) or timedelta()
        self.form = mistakes.read(given, "--output", parse_form)
        with suppress(Wrong):
            self._read_place(given, mistakes)

    @cached_property
    def _store(self) -> "Store":
        """Exits with 2 and all mistakes if there are any."""
        self.mistakes.raise_all()
        return open_store(self._given["state"], self._given["namespace"])

    def _read_place(self, given: Mapping[str, Any], mistakes: Mistakes) -> None:
        state, namespace = given["state"], given["namespace"]
        if state is not None:
            mistakes.read(given, "--state", _path)
            if namespace is not None:
                mistakes.add("--namespace", "excludes --state: the record is in one of them")
        elif self.app and not _SUBDOMAIN.fullmatch(self.app):
            problem = "cannot be in the name of a ConfigMap: upper case and '_' need --state"
            mistakes.add("--app", f"{self.app!r} {problem}")
        if namespace is not None:
            mistakes.read(given, "--namespace", _namespace)

    def load(self) -> "Loaded":
        """The record; exits with 2 if a library is missing."""
        try:
            return self._store.load(self.app)
        except ImportError as error:
            fail(f"needs {error.name}: {install_hint('kube')}")

    def decide(self, direction: "Direction") -> NoReturn:
        """Answer whether it may be done."""
        loaded = self.load()
        self.answer(self._verdict(direction, loaded), loaded)

    def change(self, direction: "Direction") -> NoReturn:
        """Do it if it may be done, and answer; a record that cannot be written is a hold."""
        from drainproxy.rollout.migration.decide import MigrationVerdict, after, is_recorded
        from drainproxy.rollout.migration.state import Damaged
        from drainproxy.rollout.migration.store import Loaded, StoreError

        loaded = self.load()
        verdict = self._verdict(direction, loaded)
        if is_recorded(direction, verdict):
            assert not isinstance(loaded.state, Damaged)
            state = after(loaded.state, direction, self.version, self.now)
            try:
                self._store.save(self.app, loaded, state)
            except StoreError as error:
                verdict = MigrationVerdict("hold", str(error))
            else:
                loaded = Loaded(state)
        self.answer(verdict, loaded)

    def answer(self, verdict: "MigrationVerdict", loaded: "Loaded") -> NoReturn:
        """Print it, and exit with its code."""
        self._store.close()
        if self.form == "json":
            click.echo(_as_json(self.app, verdict, loaded.state, self.contract_after))
        else:
            click.echo(f"{verdict.verdict}: {verdict.reason}")
        sys.exit(_CODES[verdict.verdict])

    def _verdict(self, direction: "Direction", loaded: "Loaded") -> "MigrationVerdict":
        from drainproxy.rollout.migration.decide import decide

        return decide(loaded.state, direction, self.version, self.now, self.contract_after)


def open_store(state: str | None, namespace: str | None) -> "Store":
    """A file, or ConfigMaps of a namespace."""
    if state is not None:
        from drainproxy.rollout.migration.store_file import FileStore

        return FileStore(Path(state))
    from drainproxy.rollout.migration.store_configmap import ConfigMapStore

    return ConfigMapStore(namespace)


def _duration(text: str) -> timedelta:
    return timedelta(seconds=parse_duration(text))


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise ValueError("is not the path of a file")
    return text


def _namespace(text: str) -> str:
    if not re.fullmatch(_LABEL, text):
        raise ValueError("is not the name of a namespace, such as prod")
    return text


def _as_json(
    app: str,
    verdict: "MigrationVerdict",
    state: "State | Damaged | None",
    contract_after: timedelta,
) -> str:
    import msgspec

    from drainproxy.rollout.migration.state import State

    known = state if isinstance(state, State) else State()
    begins = None
    if known.phase in ("expand", "migrate") and known.runs_expanded:
        begins = _later(known.deployed_at, contract_after)
    record = {
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "app": app,
        "phase": known.phase if state is known else None,
        "version": known.version,
        "since": known.since,
        "floor": known.floor,
        "deployed_version": known.deployed_version,
        "deployed_at": known.deployed_at,
        "contract_from": begins,
    }
    return msgspec.json.encode(record).decode()


def _later(moment: datetime | None, span: timedelta) -> datetime | None:
    try:
        return moment + span if moment else None
    except OverflowError:
        return None
