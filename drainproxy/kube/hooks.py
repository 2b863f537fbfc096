"""The app's own preStop hooks: a container gets SIGTERM when its hook has ended.

A hook that only sleeps waits for the endpoint removal to propagate. The sidecar's hook waits for
that and for everything in flight, so it may replace such a hook. Any other hook does something that
the app may need, and stays.
"""

import re
from collections.abc import Sequence
from posixpath import basename
from typing import Final

from drainproxy.manifests.podspec import Action, Container

from .annotations import InjectionOptions

_SLEEP: Final = re.compile(r"\bsleep\s+([0-9]+(?:\.[0-9]+)?)([smhd]?)\b")
# In seconds. No grace period is a century, whatever somebody has typed.
_FOR_EVER: Final = 100 * 365 * 86400
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

_SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_SHELL_OPTIONS: Final = re.compile(r"-[a-z]*c")
_SEPARATORS: Final = re.compile(r"[;\n]|&&")
# A number, with a unit or not, or a variable.
_LENGTH: Final = r"""["']?(?:[0-9.]+[smhd]?|\$\w+|\$\{\w+(?::?-[0-9.]+[smhd]?)?\})["']?"""
_ONLY_SLEEP: Final = re.compile(rf"(?:exec\s+)?(?:/\S*/)?sleep(?:\s+{_LENGTH})+")
_NOTHING: Final = re.compile(r"|:|true|exit 0")


def kept_hook(container: Container, pod_options: InjectionOptions) -> Action | None:
    """The preStop hook of the app's own that stays; None if ours comes."""
    hook = container.pre_stop
    return None if hook and pod_options.replace_prestop_sleep and only_sleeps(hook) else hook


def only_sleeps(hook: Action) -> bool:
    """Whether a hook does nothing else."""
    if hook.http_get or hook.tcp_socket:
        return False
    return bool(hook.sleep) or bool(hook.exec and _is_sleep(hook.exec.words))


def seconds_asleep(hook: Action) -> float | None:
    """How long a hook sleeps, whatever else it does; None if that is not known, or for ever."""
    if hook.sleep:
        seconds = hook.sleep.seconds or 0
    else:
        found = _SLEEP.findall(" ".join(hook.exec.words if hook.exec else ()))
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in found)
    return seconds if 0 < seconds < _FOR_EVER else None


def _is_sleep(command: Sequence[str]) -> bool:
    program = basename(command[0]) if command else ""
    if program == "busybox":
        return _is_sleep(command[1:])
    if program not in _SHELLS:
        return program == "sleep" and bool(_ONLY_SLEEP.fullmatch(" ".join(command)))
    options, script = command[1:-1], command[-1]
    if len(options) != 1 or not _SHELL_OPTIONS.fullmatch(options[0]):
        return False
    steps = [step.strip() for step in _SEPARATORS.split(script)]
    sleeps = [bool(_ONLY_SLEEP.fullmatch(step)) for step in steps]
    return any(sleeps) and all(
        is_sleep or _NOTHING.fullmatch(step) for is_sleep, step in zip(sleeps, steps, strict=True)
    )
