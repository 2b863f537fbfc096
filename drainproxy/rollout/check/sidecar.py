"""The sidecar of a pod, injected or to be injected, with the settings that apply to it."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from drainproxy.config import ANNOTATION_PREFIX, BY_NAME, CONFIG_ENVIRONMENT
from drainproxy.config.addresses import parse_forwards
from drainproxy.config.kinds import parse_duration
from drainproxy.config.values import Forward
from drainproxy.manifests.grace import MARGIN
from drainproxy.manifests.podspec import DEFAULT_GRACE

from .amounts import duration
from .place import FieldPlace
from .workload import CheckedWorkload, is_sidecar

_REDIRECT: Final = "drainproxy-redirect"
# coreutils, sleep(1): a number with a unit, seconds where there is none.
_SLEEP = re.compile(r"\bsleep\s+([0-9]+(?:\.[0-9]+)?)([smhd]?)\b")
_ONLY_SLEEP = re.compile(r"(?:\S*sh -c )?(?:exec )?\S*sleep [0-9.]+[smhd]?")
# What repeats a sleep, cuts it short, or runs beside it.
_LENGTHENS = re.compile(r"\b(?:for|while|until|timeout)\b|(?<!&)&(?![&0-9])")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class WorkloadSidecar:
    """The sidecar of a workload. `container` is None where the injector is still to come."""

    def __init__(self, workload: CheckedWorkload, container: FieldPlace | None) -> None:
        self._workload = workload
        self.container = container

    def setting(self, name: str) -> str:
        """What is said of a setting: the flag beats the environment, that the annotation.

        Several values of one flag are one text, as an annotation has them.
        """
        row = BY_NAME[name]
        if self.container is not None:
            if given := [*_flags(_arguments(self.container), row.flag)]:
                return " ".join(given)
            for each in self.container.at("env").items:
                if each.at("name").text == row.environment:
                    return each.at("value").text
        return annotation(self._workload, name).text

    def place(self, name: str) -> FieldPlace:
        """Where a setting is said, or would be."""
        row = BY_NAME[name]
        if self.container is not None:
            for field in ("args", "command"):
                given = self.container.at(field)
                if any(each.text.partition("=")[0] == row.flag for each in given.items):
                    return given
            for each in self.container.at("env").items:
                if each.at("name").text == row.environment:
                    return each.at("value")
        return annotation(self._workload, name)

    @property
    def reads_a_file(self) -> bool:
        """Whether it has settings in a file, which is not looked at."""
        container = self.container
        return container is not None and (
            any(each.partition("=")[0] == "--config" for each in _arguments(container))
            or any(e.at("name").text == CONFIG_ENVIRONMENT for e in container.at("env").items)
        )

    @property
    def drain_timeout(self) -> float:
        """The longest drain. The injector derives it from the grace period, as we do here."""
        try:
            return parse_duration(self.setting("drain-timeout"))
        except ValueError:
            longest = max(grace(self._workload) - MARGIN, 1)
            default = BY_NAME["drain-timeout"].default if self._is_by_hand else None
            return default if isinstance(default, float) else longest

    @property
    def follows_grace(self) -> bool:
        """Whether the drain is as long as the grace period lets it be, because nothing says how
        long it is."""
        return not self._is_by_hand and duration(self.setting("drain-timeout")) is None

    @property
    def _is_by_hand(self) -> bool:
        return self.container is not None and not annotation(self._workload, "status").exists

    @property
    def raises_grace(self) -> bool:
        """Whether the injector makes room itself."""
        switched = annotation(self._workload, "raise-grace-period").text
        return self.container is None and switched in ("true", "on")

    def replaces(self, container: FieldPlace) -> bool:
        """Whether the injector puts its hook in the place of one that only sleeps."""
        switched = annotation(self._workload, "replace-prestop-sleep").text
        hook = container.at("lifecycle", "preStop")
        command = " ".join(each.text for each in hook.at("exec", "command").items)
        only_sleeps = hook.at("sleep").exists or bool(_ONLY_SLEEP.fullmatch(command))
        return self.container is None and switched in ("true", "on") and only_sleeps

    @property
    def waits_for_the_app(self) -> bool:
        """A native sidecar without a hook hears of the end only when the app is gone."""
        container = self.container
        return (
            container is not None
            and "initContainers" in container.path
            and not container.at("lifecycle", "preStop").exists
        )

    @property
    def listens(self) -> set[str]:
        """The ports at which it answers, by number and by name."""
        found = {str(each.listen.port) for each in self.forwards}
        for each in self.container.at("ports").items if self.container else ():
            found |= {each.at("containerPort").text, each.at("name").text}
        return found - {""}

    @property
    def redirected(self) -> set[str]:
        """The ports of the app from which nftables leads to it."""
        found: set[str] = set()
        for each in self._workload.spec.at("initContainers").items:
            if each.at("name").text == _REDIRECT:
                for numbers in _flags(_arguments(each), "--port"):
                    found |= set(numbers.split(","))
        return found

    def answers(self, port: str) -> bool:
        """Whether what comes to a port of the pod comes to it, not to the app."""
        all_of_them = annotation(self._workload, "capture").text == "redirect"
        is_led = port in self.redirected or (self.container is None and all_of_them)
        return bool(port) and (is_led or port in self.listens)

    @property
    def forwards(self) -> tuple[Forward, ...]:
        """Where it listens, and where what comes there goes."""
        try:
            return parse_forwards(self.setting("forward"))
        except ValueError:
            return ()


def sidecar_of(workload: CheckedWorkload) -> WorkloadSidecar | None:
    """The sidecar, if there is or will be one."""
    for each in workload.every_container:
        if is_sidecar(each):
            return WorkloadSidecar(workload, each)
    return WorkloadSidecar(workload, None) if workload.is_injected else None


def annotation(workload: CheckedWorkload, name: str) -> FieldPlace:
    """An annotation of ours on the pods of a workload."""
    return workload.pod.at("metadata", "annotations", ANNOTATION_PREFIX + name)


def grace(workload: CheckedWorkload) -> int:
    """The seconds between the deletion of a pod and SIGKILL."""
    given = workload.spec.at("terminationGracePeriodSeconds").number
    return DEFAULT_GRACE if given is None else given


def asleep(container: FieldPlace) -> float | None:
    """How long the preStop hook of a container sleeps; None if it does something else, or sleeps
    in a loop or beside something."""
    hook = container.at("lifecycle", "preStop")
    if (native := hook.at("sleep", "seconds")).exists:
        return native.number
    command = " ".join(each.text for each in hook.at("exec", "command").items)
    sleeps = [] if _LENGTHENS.search(command) else _SLEEP.findall(command)
    return sum(float(number) * _UNITS[unit] for number, unit in sleeps) if sleeps else None


def _arguments(container: FieldPlace) -> list[str]:
    lists = (*container.at("command").items, *container.at("args").items)
    return [each.text for each in lists]


def _flags(arguments: list[str], flag: str) -> Iterator[str]:
    """The values of a flag, written `--flag=VALUE` or `--flag VALUE`."""
    for text, following in pairwise([*arguments, ""]):
        if text == flag:
            yield following
        elif text.startswith(flag + "="):
            yield text.partition("=")[2]
