"""File descriptors bound the connections."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable

import pytest

from drainproxy.sidecar import rlimits

OPEN = 5


@pytest.fixture
def granted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """The system grants so many."""
    monkeypatch.setattr(rlimits, "_open_at_start", OPEN)
    return lambda limit: monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))


@pytest.mark.parametrize("grpc", [False, True])
@pytest.mark.parametrize("wanted", [1, 100, 10_000])
@pytest.mark.parametrize("limit", [200, 256, 1024, 4096, 20_000, 1 << 20])
def test_all_of_them_together_are_never_more_than_are_granted(
    granted: Callable[[int], None], limit: int, wanted: int, grpc: bool
) -> None:
    granted(limit)
    clients, refused, admin, health = rlimits.shares(wanted, grpc=grpc)
    assert 1 <= clients <= wanted
    assert 2 * clients + refused + admin + health + OPEN + 48 <= limit
    assert admin >= 4
    assert bool(health) is grpc


def test_a_client_needs_two_and_the_others_have_theirs(granted: Callable[[int], None]) -> None:
    granted(1024)
    # 1024 less 5 that were open, 48 for what else there is and 100 for admin: an eighth for those
    # who are refused, and from the rest two for each.
    assert rlimits.shares(10_000) == rlimits.Shares(381, 109, 100, 0)


def test_where_fewer_clients_are_wanted_more_can_hear_that_they_are_refused(
    granted: Callable[[int], None],
) -> None:
    granted(1024)
    assert rlimits.shares(100) == rlimits.Shares(100, 671, 100, 0)


@pytest.mark.parametrize("limit", [1 << 20, resource.RLIM_INFINITY])
def test_where_there_are_enough_a_setting_is_in_force_as_it_is(
    granted: Callable[[int], None], limit: int
) -> None:
    granted(limit)
    assert rlimits.shares(10_000, grpc=True) == rlimits.Shares(10_000, 1000, 100, 32)


@pytest.mark.parametrize(("limit", "admin"), [(3, 4), (10, 4), (60, 6)])
def test_with_next_to_nothing_one_client_is_let_in(
    granted: Callable[[int], None], limit: int, admin: int
) -> None:
    granted(limit)
    assert rlimits.shares(10_000, grpc=True) == rlimits.Shares(1, 0, admin, 2)


def test_those_that_whoever_started_us_has_left_open_are_counted() -> None:
    program = "from drainproxy.sidecar import rlimits; print(rlimits._open_at_start)"
    counts = []
    for inherited in ([], [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]):
        done = subprocess.run(
            [sys.executable, "-c", program],
            pass_fds=inherited,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        counts.append(int(done.stdout))
        for descriptor in inherited:
            os.close(descriptor)
    assert counts[1] == counts[0] + 20


def test_where_the_system_does_not_tell_what_is_open_the_usual_three_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(folder: object) -> list[str]:
        raise FileNotFoundError(folder)

    monkeypatch.setattr(os, "listdir", nothing)
    assert rlimits._count_open() == 3


def test_a_system_that_grants_less_than_it_says_leaves_it_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(kind: int, limits: object) -> None:
        raise ValueError(limits)

    monkeypatch.setattr(resource, "setrlimit", refuse)
    rlimits.raise_limit()


def test_what_we_raise_for_ourselves_is_not_for_a_child() -> None:
    program = (
        "import resource, subprocess, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))\n"
        "from drainproxy.sidecar import rlimits\n"
        "rlimits.raise_limit()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "rlimits.give_inherited_limit(child.pid)\n"
        "print(resource.prlimit(child.pid, resource.RLIMIT_NOFILE)[0])\n"
        "child.kill()\n"
        "child.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["200", "100"]
