"""What leads back to us, by whatever name."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config.addresses import parse_forwards, parse_listen
from drainproxy.config.checks import check_loops
from drainproxy.config.loops import _leads, _reaches, certainly_ours, loops, plain
from drainproxy.config.settings import Settings
from drainproxy.config.values import Address

LOCALHOST = [
    *("", "localhost:", "LocalHost:", "127.0.0.1:", "127.1.2.3:", "0.0.0.0:"),
    *("[::1]:", "[0:0:0:0:0:0:0:1]:", "[::]:", "[::ffff:127.0.0.1]:", "[::ffff:7f00:1]:"),
]


def settings(forward: str, **values: object) -> Settings:
    return Settings(forward=parse_forwards(forward), **values)  # type: ignore[arg-type] # texts


def problems(settings: Settings) -> list[str]:
    return [problem for _, problem in check_loops(settings)]


@pytest.mark.parametrize("host", [*LOCALHOST, "pod-ip:", "POD_IP:"])
def test_a_forward_to_our_own_admin_port_is_a_mistake(host: str) -> None:
    (problem,) = problems(settings(f"8080={host}9180"))
    assert "leads to the sidecar's own admin at 9180" in problem


@pytest.mark.parametrize("host", LOCALHOST)
def test_a_forward_to_our_own_grpc_health_is_a_mistake(host: str) -> None:
    (problem,) = problems(settings(f"8080={host}9181", grpc_health=parse_listen("9181")))
    assert "leads to the sidecar's own grpc-health at 9181" in problem


@pytest.mark.parametrize("app_host", ["localhost", "127.0.0.1", "::1", "127.0.0.9", "pod-ip"])
def test_a_port_alone_is_one_at_app_host(app_host: str) -> None:
    (problem,) = problems(settings("8080=9180", app_host=app_host))
    assert "sidecar's own admin" in problem
    assert problems(settings("8080=9180", app_host="10.0.0.1")) == []


@pytest.mark.parametrize(
    ("admin", "forward", "leads_back"),
    [
        ("127.0.0.1:9180", "8080=127.0.0.1:9180", True),
        ("127.0.0.1:9180", "8080=localhost:9180", True),
        ("127.0.0.1:9180", "8080=[::1]:9180", False),
        ("127.0.0.1:9180", "8080=127.0.0.2:9180", False),
        ("localhost:9180", "8080=[::1]:9180", True),
        ("0.0.0.0:9180", "8080=127.0.0.7:9180", True),
        ("0.0.0.0:9180", "8080=[::1]:9180", False),
        ("[::]:9180", "8080=[::1]:9180", True),
        ("[::]:9180", "8080=127.0.0.1:9180", False),
        ("10.0.0.1:9180", "8080=10.0.0.1:9180", True),
        ("10.0.0.1:9180", "8080=9180", False),
        ("9180", "8080=db.example:9180", False),
        ("9180", "8080=10.0.0.1:9180", False),
        ("9180", "8080=9181", False),
        ("9180", "8080=unix:/9180", False),
    ],
)
def test_another_address_is_another_address(admin: str, forward: str, leads_back: bool) -> None:
    assert bool(problems(settings(forward, admin=parse_listen(admin)))) is leads_back


@pytest.mark.parametrize(
    "forward",
    [
        "8080=8080",
        "0.0.0.0:8080=8080",
        "[::]:8080=8080",
        "127.0.0.1:8080=localhost:8080",
        "10.0.0.1:8080=10.0.0.1:8080",
        "[::1]:8080=[::1]:8080",
    ],
)
def test_a_forward_to_itself_is_a_mistake(forward: str) -> None:
    (problem,) = problems(settings(forward))
    assert "leads to itself" in problem


@pytest.mark.parametrize(
    "forward", ["8080=10.0.0.1:8080", "127.0.0.1:8080=127.0.0.2:8080", "0.0.0.0:8080=[::1]:8080"]
)
def test_the_same_port_of_another_host_is_another_address(forward: str) -> None:
    assert problems(settings(forward)) == []


def test_forwards_to_each_other_are_a_mistake_and_one_that_leads_there_is_none() -> None:
    found = problems(settings("1=2 2=3 3=2 4=5"))
    assert len(found) == 2
    assert all("leads back to itself" in problem for problem in found)
    assert problems(settings("1=2 2=3 3=4")) == []


@given(st.dictionaries(st.integers(1, 6), st.integers(1, 6), min_size=1))
def test_a_forward_is_reported_if_and_only_if_it_comes_back(leads: dict[int, int]) -> None:
    def comes_back(start: int) -> bool:
        at = start
        for _ in leads:
            at = leads.get(at, 0)
            if at == start:
                return True
        return False

    found = problems(settings(" ".join(f"{listen}={app}" for listen, app in leads.items())))
    assert len(found) == sum(map(comes_back, leads))


def test_a_name_is_what_whoever_knows_says_it_is() -> None:
    asked = settings("8080=me.example:9180 8081=other.example:9180")

    def known(host: str) -> tuple[str, ...]:
        return ("192.0.2.1",) if host == "me.example" else ()

    (problem,) = loops(asked, asked.forward, known)
    assert problem.startswith("8080=me.example:9180")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("::ffff:0.0.0.0", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_what_is_connected_to(host: str, address: str) -> None:
    assert plain(host) == address


HOSTS = ("", "0.0.0.0", "::", "localhost", "127.0.0.1", "127.0.0.2", "::1", "10.0.0.1", "a.example")
_ADDRESSES = st.builds(Address, st.sampled_from(HOSTS), st.integers(1, 2))


@given(
    st.lists(_ADDRESSES, max_size=5),
    st.lists(_ADDRESSES.filter(lambda each: each.host != ""), max_size=5),
)
def test_who_is_looked_up_is_who_would_be_found_by_comparing(
    listeners: list[Address], apps: list[Address]
) -> None:
    compared = [
        next((at for at, each in enumerate(listeners) if _reaches(app, each, certainly_ours)), None)
        for app in apps
    ]
    assert _leads(apps, listeners, certainly_ours) == compared


@pytest.mark.parametrize("app", ["127.2.{}.{}", "localhost"])
def test_many_forwards_take_no_longer_than_their_number(app: str) -> None:
    places = [(at // 250, at % 250 + 1) for at in range(1000)]
    text = " ".join(f"127.1.{a}.{b}:8080={app.format(a, b)}:8080" for a, b in places)
    known = settings(text)
    before = process_time()
    assert problems(known) == []
    assert process_time() - before < 1
