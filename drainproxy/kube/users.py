"""The user that the sidecar runs as.

OpenShift's restricted SCC, among others, refuses a fixed user, so none is set unless it is needed:
the image's own user is not root. Two kinds of pods need one: those with a redirect, which tells the
sidecar's connections by their user, and those that would run the sidecar as root.
"""

from typing import Final

from msgspec import Struct

from drainproxy.manifests.podspec import Json, Pod

from .annotations import IMAGES_OWN, InjectionOptions

# That of the image.
USER: Final = 65532


class RunsAs(Struct, frozen=True):
    """A user and a group; None is what the cluster, the pod or the image says."""

    user: int | None
    group: int | None

    def fields(self) -> Json:
        """In a security context."""
        given = {"runAsUser": self.user, "runAsGroup": self.group}
        return {key: number for key, number in given.items() if number is not None}


def runs_as(pod_options: InjectionOptions, pod: Pod, redirects: bool) -> RunsAs:
    """The user and the group of the sidecar in this pod."""
    usual = USER if redirects or pod.is_root else None
    user = _number(pod_options.run_as_user, usual)
    if user is None and redirects:
        user = USER
    return RunsAs(user, _number(pod_options.run_as_group, user))


def _number(said: int | str | None, usual: int | None) -> int | None:
    if isinstance(said, int):
        return said
    return None if said == IMAGES_OWN else usual
