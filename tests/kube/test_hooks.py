"""What the app's own preStop hooks do."""

import pytest

from drainproxy.kube.annotations import InjectionOptions
from drainproxy.kube.hooks import kept_hook, only_sleeps, seconds_asleep
from drainproxy.manifests.podspec import Action, Container, Exec, Lifecycle, Sleep, Socket


def runs(*command: str) -> Action:
    return Action(exec=Exec([*command]))


def script(text: str) -> Action:
    return runs("/bin/sh", "-c", text)


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (Action(sleep=Sleep(7)), 7),
        (runs("sleep", "5"), 5),
        (runs("/bin/sh", "-c", "nginx -s quit; sleep 2.5"), 2.5),
        (script("sleep 1m && sleep 5s"), 65),
        (script("sleep $DELAY"), None),
        (script("sleep infinity"), None),
        (runs("sleep", "9" * 400), None),
        (Action(exec=Exec(["sleep", None, "5"])), 5),
        (Action(exec=Exec([None])), None),
        (Action(sleep=Sleep(float("inf"))), None),
        (Action(sleep=Sleep(float("nan"))), None),
        (Action(sleep=Sleep(0)), None),
        (Action(sleep=Sleep(None)), None),
        (runs("asleep", "5"), None),
        (Action(exec=Exec()), None),
        (Action(), None),
    ],
)
def test_how_long_a_hook_sleeps_is_read_off_it(hook: Action, seconds: float | None) -> None:
    assert seconds_asleep(hook) == seconds


@pytest.mark.parametrize(
    "hook",
    [
        Action(sleep=Sleep(7)),
        runs("sleep", "5"),
        runs("/bin/sleep", "5"),
        runs("busybox", "sleep", "5"),
        runs("sh", "-c", "sleep 5"),
        runs("/bin/bash", "-ec", "exec sleep 5"),
        runs("/usr/bin/dash", "-c", "/bin/sleep 5"),
        script(" sleep 10s \n"),
        script("sleep 5; exit 0"),
        script("sleep 5 && true"),
        script("sleep 1m 30s"),
        script('sleep "${DELAY:-10}"'),
        script("sleep $DELAY"),
    ],
)
def test_a_hook_that_only_sleeps_is_known_however_it_is_written(hook: Action) -> None:
    assert only_sleeps(hook)


@pytest.mark.parametrize(
    "hook",
    [
        Action(),
        Action(exec=Exec()),
        Action(exec=Exec([])),
        Action(http_get=Socket(80)),
        Action(tcp_socket=Socket(80)),
        runs("asleep", "5"),
        runs("sleep 5"),
        runs("sleep"),
        runs("sh", "sleep", "5"),
        runs("python", "-c", "sleep 5"),
        script("nginx -s quit; sleep 5"),
        script("sleep 5; nginx -s quit"),
        script("sleep 5 || kill 1"),
        script("sleep 5 & kill 1"),
        script("sleep 5 | tee /proc/1/fd/1"),
        script("sleep $(cat /etc/delay)"),
        script("sleep `cat /etc/delay`"),
        script("sleep 5 > /tmp/x"),
        script("true"),
        script(""),
    ],
)
def test_a_hook_that_does_anything_else_is_not_one_that_only_sleeps(hook: Action) -> None:
    assert not only_sleeps(hook)


def test_a_hook_stays_unless_it_only_sleeps_and_we_are_asked_to_replace_it() -> None:
    def container(hook: Action | None) -> Container:
        return Container(name="web", lifecycle=Lifecycle(pre_stop=hook))

    asked, sleep, other = (
        InjectionOptions(replace_prestop_sleep=True),
        runs("sleep", "5"),
        runs("x"),
    )
    assert kept_hook(container(sleep), InjectionOptions()) == sleep
    assert kept_hook(container(sleep), asked) is None
    assert kept_hook(container(other), asked) == other
    assert kept_hook(container(None), asked) is None
