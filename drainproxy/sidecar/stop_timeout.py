"""The time between SIGTERM and SIGKILL, on platforms where it is known."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from drainproxy.config import format_duration
from drainproxy.sidecar.namespaces import own_processes


class Platform(NamedTuple):
    """A platform that sends SIGTERM and SIGKILL. It is recognised by one of `variables`, or, in a
    container, by one of `files`, which a virtual machine made from an image may have too.
    `seconds`: its default between the two signals, which the option `changed_by` changes."""

    name: str
    variables: tuple[str, ...]
    files: tuple[str, ...]
    seconds: float
    changed_by: str


_KUBERNETES = "KUBERNETES_SERVICE_HOST"
# The first match counts, since ECS tasks are Docker containers too.
_PLATFORMS = (
    Platform("ECS", ("ECS_CONTAINER_METADATA_URI_V4",), (), 30.0, "stopTimeout"),
    Platform("Nomad", ("NOMAD_ALLOC_ID",), (), 5.0, "kill_timeout"),
    Platform("Fly", ("FLY_MACHINE_ID",), (), 5.0, "kill_timeout"),
    Platform(
        "Docker or Podman",
        (),
        ("/.dockerenv", "/run/.containerenv"),
        10.0,
        "docker run --stop-timeout, docker stop -t, or stop_grace_period",
    ),
)


def problem(
    drain_timeout: float,
    told: float | None,
    environ: Mapping[str, str] = os.environ,
    exists: Callable[[str], bool] = lambda path: Path(path).exists(),
    contained: Callable[[], bool] = own_processes,
) -> str:
    """Why SIGKILL may cut a drain of `drain_timeout`; empty if it does not, or if that is unknown.

    `told`: the setting stop-timeout, None without it. In Kubernetes the injector has compared the
    grace period.
    """
    if told is not None:
        if not told or drain_timeout <= told:
            return ""
        return (
            f"{_shown(drain_timeout)}, but by stop-timeout SIGKILL comes"
            f" {format_duration(told)} after SIGTERM"
        )
    if _KUBERNETES in environ:
        return ""
    platform = _platform(environ, lambda path: exists(path) and contained())
    if platform is None or drain_timeout <= platform.seconds:
        return ""
    return (
        f"{_shown(drain_timeout)}, but {platform.name} sends SIGKILL"
        f" {format_duration(platform.seconds)} after SIGTERM: raise that ({platform.changed_by})"
        " and set stop-timeout to the same, or lower drain-timeout"
    )


def _shown(drain_timeout: float) -> str:
    return f"drain-timeout is {format_duration(drain_timeout)}"


def _platform(environ: Mapping[str, str], exists: Callable[[str], bool]) -> Platform | None:
    for platform in _PLATFORMS:
        if any(name in environ for name in platform.variables) or any(map(exists, platform.files)):
            return platform
    return None
