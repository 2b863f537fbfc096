"""How a pod's last seconds are shared out."""

from typing import Any

import pytest

from drainproxy.config.kinds import parse_duration
from drainproxy.kube.annotations import InjectionOptions
from drainproxy.kube.grace import drain_times
from drainproxy.manifests.podspec import Json, read
from tests.kube.pods import injected, pod

PREFIX = "drainproxy.io/"
RAISE = {"drainproxy.io/raise-grace-period": "true"}
SLEEP: Json = {"preStop": {"exec": {"command": ["sleep", "40"]}}}


def dying(grace: int, annotations: dict[str, str] | None = None, **container: Any) -> Json:
    before = pod(annotations=annotations, **container)
    before["spec"]["terminationGracePeriodSeconds"] = grace
    return before


def times(grace: int, said: dict[str, str] | None = None, raised: bool = False) -> dict[str, str]:
    pod_options = InjectionOptions(raise_grace_period=raised)
    found = drain_times(read(dying(grace)), said or {}, pod_options)
    return {key.removeprefix(PREFIX): text for key, text in found.items()}


def test_the_drain_is_five_seconds_shorter_than_the_grace_period_and_never_nothing() -> None:
    found = {grace: times(grace)["drain-timeout"] for grace in (0, 6, 30, 125)}

    assert found == {0: "1s", 6: "1s", 30: "25s", 125: "2m"}


def test_what_is_waited_for_first_shrinks_with_a_short_grace_period() -> None:
    assert times(5) == {"drain-timeout": "1s", "drain-delay": "200ms", "drain-quiet": "80ms"}
    assert times(20) == {"drain-timeout": "15s", "drain-delay": "3s", "drain-quiet": "1s200ms"}
    assert times(30) == {"drain-timeout": "25s"}
    assert times(600) == {"drain-timeout": "9m55s"}


@pytest.mark.parametrize("grace", range(30))
def test_some_of_a_short_drain_is_always_left_for_the_drain_itself(grace: int) -> None:
    found = {name: parse_duration(text) for name, text in times(grace).items()}

    assert found["drain-delay"] + found["drain-quiet"] < found["drain-timeout"] / 2


def test_a_grace_period_beyond_any_duration_is_one_of_the_longest() -> None:
    found = injected(dying(10**12)).pod["metadata"]["annotations"]

    assert parse_duration(found[PREFIX + "drain-timeout"]) == 8760 * 3600


def test_with_a_timeout_of_ones_own_nothing_shrinks() -> None:
    assert set(times(5, {PREFIX + "drain-timeout": "4s"})) == {"drain-timeout"}


def test_a_raised_grace_period_follows_the_timeout_and_not_the_other_way_round() -> None:
    assert times(5, raised=True) == {"drain-timeout": "25s"}
    assert times(125, raised=True) == {"drain-timeout": "2m"}
    done = injected(dying(5, RAISE))

    assert done.pod["spec"]["terminationGracePeriodSeconds"] == 30
    assert done.pod["metadata"]["annotations"][PREFIX + "drain-timeout"] == "25s"
    assert PREFIX + "drain-delay" not in done.pod["metadata"]["annotations"]
    assert done.warnings == []


def test_the_timeout_that_a_raised_grace_period_follows_may_be_any_default() -> None:
    defaults = {**RAISE, PREFIX + "drain-timeout": "50s"}

    assert injected(dying(5), defaults=defaults).pod["spec"]["terminationGracePeriodSeconds"] == 55


def test_a_short_grace_period_is_told_with_what_will_be_cut() -> None:
    done = injected(dying(20))

    assert done.pod["spec"]["terminationGracePeriodSeconds"] == 20
    assert done.warnings == [
        "terminationGracePeriodSeconds 20 leaves 15s for the drain (drain-delay 3s, drain-quiet"
        " 1s200ms): what takes longer than 13s is cut, and clients that come later are refused;"
        " raise it, or set drainproxy.io/raise-grace-period"
    ]
    said = injected(dying(20, {PREFIX + "drain-delay": "1s"}))
    assert said.pod["metadata"]["annotations"][PREFIX + "drain-delay"] == "1s"
    assert said.warnings == []


def test_a_sleep_that_was_replaced_needs_no_time() -> None:
    replaced = {**RAISE, PREFIX + "replace-prestop-sleep": "true"}
    kept = injected(dying(30, RAISE, lifecycle=SLEEP))
    gone = injected(dying(30, replaced, lifecycle=SLEEP))

    assert kept.pod["spec"]["terminationGracePeriodSeconds"] == 45
    assert gone.pod["spec"]["terminationGracePeriodSeconds"] == 30
    assert gone.warnings == []
