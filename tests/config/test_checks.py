"""What settings must not be to each other."""

from itertools import combinations
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config.addresses import parse_forwards, parse_listen
from drainproxy.config.checks import CHECKS
from drainproxy.config.settings import Settings
from drainproxy.config.table import BY_NAME
from drainproxy.config.values import Address, Forward, Secret


def settings(forward: str = "8080=9000", **values: object) -> Settings:
    return Settings(forward=parse_forwards(forward), **values)  # type: ignore[arg-type] # texts


def problems(settings: Settings) -> list[tuple[str, str]]:
    return [problem for check in CHECKS for problem in check(settings)]


def test_ordinary_settings_agree() -> None:
    assert problems(settings("8080=9000 [::1]:8081=unix:/a 127.0.0.1:8082=10.0.0.1:8082")) == []


@pytest.mark.parametrize(
    "forward",
    [
        "8080=1 8080=2",
        "8080=1 127.0.0.1:8080=2",
        "127.0.0.1:8080=1 0.0.0.0:8080=2",
        "[::]:8080=1 [::1]:8080=2",
        "[::]:8080=1 localhost:8080=2",
        "localhost:8080=1 127.0.0.1:8080=2",
        "[::1]:8080=1 localhost:8080=2",
        "9180=1",
        "127.0.0.1:9180=1",
        "[::1]:9180=1",
    ],
)
def test_two_that_listen_at_one_address_are_a_mistake(forward: str) -> None:
    ((name, problem),) = problems(settings(forward))

    assert name == "forward"
    assert "has taken" in problem


@pytest.mark.parametrize(
    "forward",
    [
        "127.0.0.1:8080=1 127.0.0.2:8080=2",
        "0.0.0.0:8080=1 [::]:8080=2",
        "0=1 0=2",
        "127.0.0.1:8080=1 [::1]:8080=2",
    ],
)
def test_two_that_listen_apart_agree(forward: str) -> None:
    assert problems(settings(forward)) == []


HOSTS = ("", "0.0.0.0", "::", "localhost", "127.0.0.1", "::1", "10.0.0.1", "fe80::1", "a.example")


@given(st.lists(st.builds(Address, st.sampled_from(HOSTS), st.integers(1, 2)), max_size=6))
def test_whoever_meets_one_that_was_there_before_is_told_so(listeners: list[Address]) -> None:
    forwards = tuple(Forward(listen, Address("app", 9), "auto") for listen in listeners)
    clashing = {
        str(second)
        for first, second in combinations(listeners, 2)
        if {name for name, _ in problems(settings(f"{first}=app:9 {second}=app:9"))}
    }
    told = {text.split(",")[0] for _, text in problems(Settings(forward=forwards))}
    assert told == {f"listens at {each}" for each in clashing}


def test_an_address_that_is_asked_for_again_and_again_is_one_mistake() -> None:
    assert len(problems(settings("8080=9 " * 200))) == 1
    assert len(problems(settings("8080=8080 " * 200))) == 2


@pytest.mark.parametrize("form", ["8080=9", "127.0.0.{}:8080=9", "0.0.0.0:{}=9"])
def test_many_listeners_take_no_longer_than_their_number(form: str) -> None:
    forward = parse_forwards(form.format(1))[0]
    many = [
        Forward(Address(forward.listen.host.replace("1", str(at)), 8080), forward.app, "auto")
        for at in range(20_000)
    ]
    before = process_time()
    assert len(problems(Settings(forward=tuple(many)))) < 100
    assert process_time() - before < 1


def test_the_grpc_health_listener_needs_an_address_of_its_own() -> None:
    ((name, problem),) = problems(settings(grpc_health=parse_listen("8080")))

    assert (name, problem) == ("grpc-health", "listens at 8080, which forward 8080 has taken")
    assert problems(settings(grpc_health=parse_listen("8081"))) == []


def test_ready_ports_are_ports_that_forwards_lead_to() -> None:
    forward = "8080=9000 8081=10.0.0.1:9001 8082=unix:/a"
    assert problems(settings(forward, ready_ports=(9000, 9001, 8082))) == []
    ((name, problem),) = problems(settings(forward, ready_ports=(9000, 8080)))
    assert name == "ready-ports"
    assert problem == "8080 is not the port of an app in forward: 9000, 9001, 8082"


def test_one_admin_token_is_enough() -> None:
    token = Secret("hunter2")

    ((name, problem),) = problems(settings(admin_token=token, admin_token_file="/t"))

    assert name == "admin-token-file"
    assert "hunter2" not in problem
    assert problems(settings(admin_token=token)) == problems(settings(admin_token_file="/t")) == []


def test_only_what_needs_a_restart_is_checked_so_that_a_reload_need_not_check() -> None:
    checked = {"admin", "forward", "grpc-health", "admin-token", "admin-token-file"}
    checked |= {"app-host", "ready-ports"}

    assert not any(BY_NAME[name].reload for name in checked)
