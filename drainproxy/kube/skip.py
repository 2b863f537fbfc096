"""Which pods get no sidecar, and why."""

from collections.abc import Iterator, Mapping
from typing import Final

from drainproxy.config import ConfigError, Mistake
from drainproxy.config.mistakes import shortened
from drainproxy.manifests.podspec import Pod

from .annotations import SWITCH_NAME
from .containers import REDIRECT, SIDECAR, VOLUME

# A pod that the kubelet runs from a file; what the API server knows of it is a mirror.
_MIRROR: Final = "kubernetes.io/config.mirror"
# No two may have the same name.
_OURS: Final = {"container": (SIDECAR, REDIRECT), "volume": (VOLUME,)}


def reason_to_skip(pod: Pod) -> str | None:
    """Why this pod must stay as it is; None if nothing speaks against a sidecar.

    Raises ConfigError if its switch says neither yes nor no.
    """
    if reason := unfit(pod):
        return reason
    for what, name in _names(pod):
        if name in _OURS[what]:
            return f"it has a {what} named {name} already, which the injector has not made"
    return None


def _names(pod: Pod) -> Iterator[tuple[str, object]]:
    yield from (("container", each.name) for _, each in pod.every_container())
    yield from (("volume", each.get("name")) for each in pod.spec.volumes or ())


def unfit(pod: Pod) -> str | None:
    """The same of a pod that may have been injected before: whatever its record says, what a pod
    is now decides."""
    if wanted(pod) is False:
        return f'{SWITCH_NAME} is "false"'
    if pod.spec.host_network:
        return "it uses the network of its node (hostNetwork), where others have ports too"
    if pod.is_windows:
        return "it runs on Windows"
    if _MIRROR in pod.annotations:
        return "it is the mirror of a static pod"
    if not pod.containers:
        return "it has no containers"
    return None


def wanted(pod: Pod) -> bool | None:
    """What the pod says about a sidecar, with its label or else its annotation; None if nothing."""
    for what, texts in (("label", pod.labels), ("annotation", pod.annotations)):
        if SWITCH_NAME in texts:
            return read_switch(what, texts)
    return None


def read_switch(what: str, texts: Mapping[str, str]) -> bool | None:
    """The switch among labels or annotations, as `what` says for messages; None if it is absent."""
    match texts.get(SWITCH_NAME):
        case None:
            return None
        case "true":
            return True
        case "false":
            return False
        case text:
            problem = f'{shortened(text, 80)!r} is neither "true" nor "false"'
            raise ConfigError([Mistake(f"{what} {SWITCH_NAME}", "inject", problem)])
