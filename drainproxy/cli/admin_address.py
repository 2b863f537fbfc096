"""The admin address and token of a running sidecar, read from where the sidecar reads them.

In the container of a sidecar that is its environment, its settings file and the annotations of its
pod, so that `kubectl exec POD -c drainproxy -- drainproxy drain` needs no options.
"""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from drainproxy.config import BY_NAME, CONFIG_ENVIRONMENT, ConfigFile, Sources
from drainproxy.config.values import Address

Command = TypeVar("Command", bound=Callable[..., Any])

# A sidecar that listens on all addresses is found on loopback.
_ALL: Final = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}
# What is read here; whatever else is wrong in these places is the sidecar's affair.
_NAMES: Final = ("admin", "admin-token", "admin-token-file", "annotations-file")


_ADMIN: Final = click.option(
    "--admin",
    metavar="HOST:PORT",
    help="The admin address of the sidecar.",
    show_default=f"localhost:{BY_NAME['admin'].default.port}",
)
_CONFIG: Final = click.option(
    "--config",
    metavar="FILE",
    help="The sidecar's settings file; options override it.",
)


def admin_option(command: Command) -> Command:
    """Add the options that say where the sidecar is: `command` gets `admin`, an Address."""

    @_ADMIN
    @_CONFIG
    @wraps(command)
    def resolved(admin: str | None, config: str | None, **given: Any) -> Any:
        flags = {} if admin is None else {"admin": admin}
        address, _ = found(flags, os.environ, config or os.environ.get(CONFIG_ENVIRONMENT))
        return command(admin=address, **given)

    return resolved  # type: ignore[return-value] # with two parameters instead of one


def admin_options(command: Command) -> Command:
    """Add the options that say where the sidecar is and what it asks for: `command` gets `admin`
    (an Address) and `admin_token`."""

    @_ADMIN
    @_option(
        "--admin-token",
        "TOKEN",
        "The token for requests that change state, if the sidecar has one.",
    )
    @_option("--admin-token-file", "FILE", "The file that holds the token.")
    @_CONFIG
    @wraps(command)
    def resolved(config: str | None, **given: Any) -> Any:
        flags = {name: given.pop(_field(name), None) for name in _NAMES[:3]}
        said = {name: text for name, text in flags.items() if text is not None}
        address, token = found(said, os.environ, config or os.environ.get(CONFIG_ENVIRONMENT))
        return command(admin=address, admin_token=token, **given)

    return resolved  # type: ignore[return-value] # with two parameters instead of four


def found(
    flags: Mapping[str, str], environ: Mapping[str, str], config: str | None
) -> tuple[Address, str | None]:
    """The address and the token; ClickException with every mistake in what says them."""
    file = None if config is None else ConfigFile(config, _text(config))
    sources = Sources(flags=flags, environ=environ, file=file)
    path = sources.annotations_file()
    values, mistakes = sources.some(_NAMES, _annotations(path) if path else "")
    if mistakes:
        raise click.UsageError("; ".join(map(str, mistakes)))
    address = values.get("admin", BY_NAME["admin"].default)
    token, token_file = values.get("admin_token"), values.get("admin_token_file")
    if token_file and "admin-token" not in flags:
        token = _text(token_file).strip()
    return Address(_ALL.get(address.host, address.host), address.port), token


def _option(flag: str, metavar: str, text: str) -> Callable[[Command], Command]:
    return click.option(flag, metavar=metavar, help=text)


def _field(name: str) -> str:
    return BY_NAME[name].field


def _annotations(path: str) -> str:
    # A sidecar without its annotations goes by everything else.
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise click.UsageError(f"cannot read {path!r}: {why}") from None
