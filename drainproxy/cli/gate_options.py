"""The options of the gates: the Prometheus, the versions that are compared, the record."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from drainproxy.cli.all_mistakes import Judge
from drainproxy.cli.help import Option
from drainproxy.cli.parsed import DURATION, PERCENT, Parsed, duration_within

if TYPE_CHECKING:
    from drainproxy.rollout.gate.look import Rollout
    from drainproxy.rollout.gate.prometheus import PrometheusServer

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Any], Any]

# As `asked` has it, whose imports wait for the command that needs them.
_HASH_LABEL: Final = "rollouts_pod_template_hash"

# The name of a field (RFC 9110, section 5.6.2).
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def added(*options: Decorator) -> Callable[[Command], Command]:
    """These options, in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _header(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not _TOKEN.fullmatch(name.strip()) or not value.isprintable():
            raise click.BadParameter(f"{text!r}: write 'Name: value'")
        found.append((name.strip(), value.strip()))
    return found


def _url(_: click.Context, __: click.Parameter, text: str) -> str:
    try:
        parts = urlsplit(text)
        found = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        found = None
    if not found:
        # What cannot be read may hold a password anywhere before the host.
        said = repr(text) if "@" not in text else "what is given"
        raise click.BadParameter(f"{said}: write an address such as http://prometheus:9090")
    return text


def _objective(text: str) -> float:
    from drainproxy.rollout.gate.request import objective

    return objective(text)


def _tolerated(text: str) -> float:
    from drainproxy.rollout.gate.request import tolerated

    return tolerated(text)


_asked = partial(click.option, cls=Option, section="Prometheus")
_compared = partial(click.option, cls=Option, section="The two versions")
_recorded = partial(click.option, cls=Option, section="The record of migrations")

SERVER: Final = (
    _asked(
        "--prometheus",
        "url",
        metavar="URL",
        envvar="DRAINPROXY_PROMETHEUS",
        default="http://127.0.0.1:9090",
        show_default=True,
        callback=_url,
        help="The URL of Prometheus, or of Thanos or Mimir.",
    ),
    _asked(
        "--header",
        "headers",
        metavar="'NAME: VALUE'",
        multiple=True,
        callback=_header,
        help="A header for each query, such as X-Scope-OrgID; repeatable.",
    ),
    _asked(
        "--bearer-file", metavar="FILE", help="A file with a bearer token, read before each query."
    ),
    _asked("--user", help="The user for basic authentication."),
    _asked("--password-file", metavar="FILE", help="A file with the password of --user."),
    _asked(
        "--ca-file",
        metavar="FILE",
        help="A file with the CA that signed the server's certificate (PEM).",
    ),
    _asked("--cert-file", metavar="FILE", help="A file with a client certificate (PEM)."),
    _asked(
        "--key-file", metavar="FILE", help="A file with the key of the client certificate (PEM)."
    ),
    _asked(
        "--timeout",
        type=duration_within(0.1, 3600),
        default="8s",
        show_default=True,
        help="The time limit for all queries of one evaluation together.",
    ),
)
SAID: Final = (
    click.option(
        "--advise", is_flag=True, help="Print the verdict, and exit with 0 for each verdict."
    ),
    click.option(
        "-o",
        "--output",
        type=click.Choice(["human", "json"]),
        default="human",
        show_default=True,
        help="The format of the verdict; json for programs.",
    ),
)
LOOKS: Final = (
    click.option(
        "--wait",
        type=DURATION,
        default=0.0,
        help="How long to repeat the evaluation while the verdict is hold.",
    ),
    click.option(
        "--interval",
        type=duration_within(0.1, 86400),
        default="30s",
        show_default=True,
        help="The pause between two evaluations.",
    ),
    *SAID,
)
VERSIONS: Final = (
    _compared(
        "--canary", metavar="SELECTOR", help="PromQL matchers that select the canary's pods."
    ),
    _compared(
        "--stable",
        metavar="SELECTOR",
        help="PromQL matchers that select the stable version's pods.",
    ),
    _compared(
        "--canary-hash",
        metavar="HASH",
        help="In place of --canary: the pod template hash of the canary's pods.",
    ),
    _compared(
        "--stable-hash",
        metavar="HASH",
        help="In place of --stable: the pod template hash of the stable version's pods.",
    ),
    _compared(
        "--hash-label",
        metavar="LABEL",
        default=_HASH_LABEL,
        show_default=True,
        help="The label that holds the hash.",
    ),
    _compared("--namespace", help="The namespace of the pods that are selected by hash."),
    _compared(
        "--window",
        type=duration_within(1, 86400),
        default="10m",
        show_default=True,
        help="The time before the first evaluation from which samples count.",
    ),
    _compared(
        "--warm-up",
        type=DURATION,
        default="60s",
        show_default=True,
        help="The time after its start in which a pod is not counted.",
    ),
    _compared(
        "--slo",
        type=Parsed("RATIO", _objective),
        default="99.9%",
        show_default=True,
        help="The service's objective; a canary with 14.4 times its error rate does not pass.",
    ),
    _compared(
        "--tolerate",
        type=Parsed("TIMES", _tolerated),
        default=2.0,
        show_default=True,
        help="How many times worse than stable the canary may be.",
    ),
    _compared(
        "--weight",
        type=PERCENT,
        help="The canary's share of traffic, which its pods may bear.",
    ),
)
SOURCE: Final = click.option(
    "--source",
    type=click.Choice(["drainproxy", "sloth", "pyrra"]),
    default="drainproxy",
    show_default=True,
    help="The recording rules that compute the budget; Pyrra must run with --generic-rules.",
)
STATE: Final = (
    _recorded(
        "--state",
        metavar="FILE",
        help="The file of the record of migrations; by default it is in ConfigMaps.",
    ),
    _recorded(
        "--contract-after",
        type=DURATION,
        default="24h",
        show_default=True,
        help="The time that must pass between the last deploy of a version and its contract.",
    ),
)


def server(given: dict[str, Any]) -> "PrometheusServer":
    """The Prometheus that is asked."""
    from drainproxy.rollout.gate.prometheus import PrometheusServer

    names = ("url", "timeout", "bearer_file", "user", "password_file")
    files = ("ca_file", "cert_file", "key_file")
    values = {name: given[name] for name in (*names, *files)}
    return PrometheusServer(**values, headers=tuple(given["headers"]))


def rollout(given: dict[str, Any]) -> "Rollout":
    """The two versions; UnnamedVersionError if nobody has said which they are."""
    from drainproxy.rollout.gate.judgement import policy_of
    from drainproxy.rollout.gate.look import Rollout

    policy = policy_of(given["slo"], given["tolerate"])
    weight = None if given["weight"] is None else 100 * given["weight"]
    sides = [_matchers(name, given) for name in ("canary", "stable")]
    return Rollout(sides[0], sides[1], given["window"], policy, given["warm_up"], weight)


def judge_side(name: str) -> Judge:
    """Whether what is said of the canary, or of the stable version, selects anything."""

    def judge(given: Mapping[str, Any]) -> Iterator[str]:
        from drainproxy.rollout.gate.request import UnnamedVersionError

        with suppress(UnnamedVersionError):  # a hold, and no mistake
            try:
                _matchers(name, given)
            except ValueError as error:
                yield invalid(name, str(error))

    return judge


def judge_credentials(given: Mapping[str, Any]) -> Iterator[str]:
    """Whether each of them is used: Prometheus would answer that one is missing."""
    if given["password_file"] is not None and given["user"] is None:
        yield "--password-file: say whose it is with --user"
    if given["key_file"] is not None and given["cert_file"] is None:
        yield "--key-file: say of which certificate it is with --cert-file"
    if given["bearer_file"] is not None and given["user"] is not None:
        yield "--bearer-file and --user: only one of both can be sent"


def judge_service(given: Mapping[str, Any]) -> Iterator[str]:
    """Whether recording rules can be of a service with this name."""
    from drainproxy.rollout.gate.budget import budget_queries

    try:
        if given["service"] is not None:
            budget_queries(given["source"], given["service"])
    except ValueError as error:
        yield invalid("service", str(error))


def judge_app(given: Mapping[str, Any]) -> Iterator[str]:
    """Whether an app can have this name."""
    from drainproxy.rollout.migration.declared import parse_app

    try:
        if given["app"] is not None:
            parse_app(given["app"])
    except ValueError as error:
        yield invalid("app", f"{given['app']!r} {error}")


def judge_listen(given: Mapping[str, Any]) -> Iterator[str]:
    """Whether a server can have this address."""
    from drainproxy.config.addresses import parse_listen

    try:
        parse_listen(given["listen"])
    except ValueError as error:
        yield invalid("listen", f"{given['listen']!r} {error}")


def judge_versions(given: Mapping[str, Any]) -> Iterator[str]:
    """Whether an app and what its record is asked for are given together."""
    asks = given["version"] is not None or given["previous"] is not None
    if given["app"] is None and asks:
        yield "--version and --previous are looked up in the record of --app"
    if given["app"] is not None and not asks:
        yield "--app: say what its record is asked for: --version or --previous"


def invalid(name: str, problem: str) -> str:
    """What click says of a wrong value of an option."""
    return click.BadParameter(problem, param_hint=f"'--{name}'").format_message()


def _matchers(name: str, given: Mapping[str, Any]) -> str:
    from drainproxy.rollout.gate.request import matchers

    text, hash_ = given[name] or "", given[f"{name}_hash"] or ""
    return matchers(f"--{name}", text, hash_, given["hash_label"], given["namespace"] or "")


SIDES: Final = (judge_side("canary"), judge_side("stable"))
