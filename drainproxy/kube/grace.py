"""Shares out the termination grace period of a pod between the drain and the app.

The last five seconds are for the app to exit. If the grace period is shorter than the usual 30 s,
drain-delay and drain-quiet shrink with it, or the grace period is raised.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from drainproxy.config import ANNOTATION_PREFIX, BY_NAME, Settings
from drainproxy.config.kinds import format_duration
from drainproxy.manifests.grace import CUTTING, MARGIN
from drainproxy.manifests.podspec import Pod

from .annotations import InjectionOptions
from .hooks import kept_hook, seconds_asleep

# No duration may be longer: a year.
_LONGEST: Final = 8760 * 3600

_TIMEOUT: Final = BY_NAME["drain-timeout"]
# What is waited for before anybody is told to leave, and before the listeners are closed.
_SHARES: Final = (BY_NAME["drain-delay"], BY_NAME["drain-quiet"])


def drain_times(pod: Pod, said: Mapping[str, str], pod_options: InjectionOptions) -> dict[str, str]:
    """Annotations that make the drain fit into the pod's grace period, where nothing is `said`."""
    left = min(pod.grace - MARGIN, _LONGEST)
    if pod_options.raise_grace_period:
        return {_TIMEOUT.annotation: format_duration(max(left, _TIMEOUT.default))}
    times = {_TIMEOUT.annotation: format_duration(max(left, 1))}
    if _TIMEOUT.annotation not in said and left < _TIMEOUT.default:
        part = max(left, 1) / _TIMEOUT.default
        times |= {row.annotation: format_duration(row.default * part) for row in _SHARES}
    return times


def needed_grace(pod: Pod, settings: Settings, pod_options: InjectionOptions) -> int:
    """The grace period into which everything fits."""
    need, _ = max(_needs(pod, settings, pod_options))
    return max(pod.grace, int(need) + (need > int(need)))


def time_warnings(
    pod: Pod, settings: Settings, pod_options: InjectionOptions, grace: int, derived: Sequence[str]
) -> Iterator[str]:
    """What will be cut, and what would be right. `derived` are the annotations that nobody gave."""
    delay, timeout = settings.drain_delay, settings.drain_timeout
    if _SHARES[0].annotation in derived:
        yield _shortened(pod, settings)
    elif delay + CUTTING >= timeout:
        yield (
            f"drain-delay {format_duration(delay)} leaves nothing of drain-timeout"
            f" {format_duration(timeout)} for the drain itself, which cuts in the last {CUTTING}s"
        )
    need, what = max(_needs(pod, settings, pod_options))
    if need > grace:
        yield (
            f"{what} and {MARGIN}s for the app's own end need {need:g}s, but"
            f" terminationGracePeriodSeconds is {grace}: what is left then is killed"
            f" (raise it, or set {ANNOTATION_PREFIX}raise-grace-period)"
        )


def _shortened(pod: Pod, settings: Settings) -> str:
    timeout = settings.drain_timeout
    waits = ", ".join(
        f"{row.name} {format_duration(getattr(settings, row.field))}" for row in _SHARES
    )
    # Of a drain that is shorter than that, half is for cutting.
    uncut = format_duration(timeout - min(CUTTING, timeout / 2))
    return (
        f"terminationGracePeriodSeconds {pod.grace} leaves {format_duration(timeout)} for the drain"
        f" ({waits}): what takes longer than {uncut} is cut, and clients that come later are"
        f" refused; raise it, or set {ANNOTATION_PREFIX}raise-grace-period"
    )


def _needs(
    pod: Pod, settings: Settings, pod_options: InjectionOptions
) -> Iterator[tuple[float, str]]:
    """The seconds that the end of the pod may take, and why.

    All hooks of a pod begin together, so a preStop of the app's own runs beside the drain.
    """
    timeout = settings.drain_timeout
    yield timeout + MARGIN, f"drain-timeout {format_duration(timeout)}"
    for container in pod.containers:
        hook = kept_hook(container, pod_options)
        if hook and (asleep := seconds_asleep(hook)):
            yield asleep + MARGIN, f"the preStop of {container.name} ({asleep:g}s)"
