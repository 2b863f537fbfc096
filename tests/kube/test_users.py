"""As whom the sidecar runs."""

from typing import Any, Literal

import pytest

from drainproxy.kube.annotations import InjectionOptions
from drainproxy.kube.users import USER, RunsAs, runs_as
from drainproxy.manifests.podspec import read
from tests.kube.pods import pod

Said = int | Literal["image"] | None


def whom(
    user: Said = None, group: Said = None, context: Any = None, redirects: bool = False
) -> RunsAs:
    before = pod()
    if context is not None:
        before["spec"]["securityContext"] = context
    pod_options = InjectionOptions(run_as_user=user, run_as_group=group)
    return runs_as(pod_options, read(before), redirects)


@pytest.mark.parametrize("context", [None, {}, {"runAsUser": 1000}, {"runAsGroup": 0}])
def test_no_user_is_said_where_none_is_needed(context: Any) -> None:
    assert whom(context=context) == RunsAs(None, None)
    assert RunsAs(None, None).fields() == {}


def test_a_pod_that_runs_as_root_does_not_make_us_root() -> None:
    assert whom(context={"runAsUser": 0}) == RunsAs(USER, USER)


def test_a_redirect_needs_a_user_that_it_can_tell_from_others() -> None:
    assert whom(redirects=True) == RunsAs(USER, USER)
    assert whom("image", redirects=True).user == USER


def test_what_is_said_holds_and_the_group_follows_the_user() -> None:
    assert whom(1234) == RunsAs(1234, 1234)
    assert whom(1234, 0) == RunsAs(1234, 0)
    assert whom("image", context={"runAsUser": 0}) == RunsAs(None, None)
    assert whom(1234, "image", redirects=True) == RunsAs(1234, None)
    assert RunsAs(1234, 0).fields() == {"runAsUser": 1234, "runAsGroup": 0}
