"""Where the apps are."""

import pytest

from drainproxy.config.addresses import parse_forwards
from drainproxy.config.apps import counts, located, pod_ip_problems
from drainproxy.config.settings import Settings

FORWARDS = "1=9000 2=localhost:9000 3=10.0.0.1:9000/tcp 4=unix:/a 5=pod-ip:9000"


def apps(app_host: str, pod_ip: str | None = "192.0.2.2") -> list[str]:
    settings = Settings(forward=parse_forwards(FORWARDS), app_host=app_host)
    assert list(pod_ip_problems(settings, pod_ip)) == []
    return [str(forward.app) for forward in located(settings, pod_ip)]


@pytest.mark.parametrize(
    ("app_host", "first"),
    [
        ("localhost", "localhost:9000"),
        ("127.0.0.9", "127.0.0.9:9000"),
        ("::1", "[::1]:9000"),
        ("pod-ip", "192.0.2.2:9000"),
    ],
)
def test_app_host_is_for_forwards_that_give_a_port_alone(app_host: str, first: str) -> None:
    others = ["localhost:9000", "10.0.0.1:9000", "unix:/a", "192.0.2.2:9000"]
    assert apps(app_host) == [first, *others]


def test_the_pods_address_may_be_of_ipv6() -> None:
    assert apps("pod-ip", " 2001:DB8:0::2 ".strip())[0] == "[2001:db8::2]:9000"


def test_the_rest_of_a_forward_stays() -> None:
    settings = Settings(forward=parse_forwards("1=9000/tcp"))
    (forward,) = located(settings, None)
    assert str(forward) == "1=localhost:9000/tcp"


@pytest.mark.parametrize("pod_ip", [None, "", "me", "10.0.0"])
@pytest.mark.parametrize(
    ("forward", "app_host", "names"),
    [
        ("1=9000", "pod-ip", ["app-host"]),
        ("1=pod-ip:9000", "localhost", ["forward"]),
        ("1=pod-ip:9000 2=3", "pod-ip", ["forward", "app-host"]),
        ("1=9000", "localhost", []),
    ],
)
def test_who_asks_for_the_pods_address_is_told_where_it_should_be(
    forward: str, app_host: str, names: list[str], pod_ip: str | None
) -> None:
    settings = Settings(forward=parse_forwards(forward), app_host=app_host)
    found = list(pod_ip_problems(settings, pod_ip))
    assert [name for name, _ in found] == names
    assert all("POD_IP" in problem for _, problem in found)


def test_what_counts_is_named_by_the_port_of_the_app() -> None:
    app, socket = parse_forwards("8080=9000 8081=unix:/a")
    assert counts(app, None)
    assert counts(app, (9000,))
    assert not counts(app, (8080,))
    assert counts(socket, (8081,))
    assert not counts(socket, ())
