"""What this machine is called."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drainproxy.config import Settings
from drainproxy.config.addresses import parse_forwards
from drainproxy.sidecar import own_addresses


def settings(forward: str, **values: object) -> Settings:
    return Settings(forward=parse_forwards(forward), **values)  # type: ignore[arg-type] # texts


def resolver(names: dict[str, str]) -> Callable[..., Any]:
    """What stands in for `getaddrinfo`."""

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (names[host], 0))]

    return resolve


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1"])
def test_loopback_is_ours(address: str) -> None:
    assert own_addresses.is_ours(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_nobody_is_not_ours(address: str) -> None:
    assert not own_addresses.is_ours(address)


@pytest.mark.parametrize("name", ["me.example", "localhost.", "0x7f.1", "me"])
def test_a_name_that_leads_here_is_seen_through(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver({name: "127.0.0.1"}))
    ((setting, problem),) = own_addresses.problems(settings(f"8080={name}:9180"), None)
    assert setting == "forward"
    assert "sidecar's own admin" in problem


@pytest.mark.parametrize("names", [{}, {"db.example": "192.0.2.1"}])
def test_a_name_that_leads_elsewhere_or_nowhere_is_another_host(
    names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(names))
    assert list(own_addresses.problems(settings("8080=db.example:9180"), None)) == []


def test_nobody_is_asked_about_ports_that_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert list(own_addresses.problems(settings("8080=db.example:9000"), None)) == []


@pytest.mark.parametrize(
    ("pod_ip", "problems"),
    [
        (
            "127.0.0.1",
            ["8080=pod-ip:9180/auto leads to the sidecar's own admin at 9180, not to an app"],
        ),
        (None, ["pod-ip is the IP address in the environment variable POD_IP"]),
    ],
)
def test_the_pods_own_address_is_ours(pod_ip: str | None, problems: list[str]) -> None:
    found = list(own_addresses.problems(settings("8080=pod-ip:9180"), pod_ip))
    assert all(any(problem in text for _, text in found) for problem in problems)


@pytest.mark.parametrize(
    ("source", "wrong"), [("127.0.0.6", False), ("::1", False), ("192.0.2.1", True), (None, False)]
)
def test_app_source_is_an_address_of_this_machine(source: str | None, wrong: bool) -> None:
    found = [
        name for name, _ in own_addresses.problems(settings("8080=9000", app_source=source), None)
    ]
    assert found == (["app-source"] if wrong else [])


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
ROUTES6 = (
    f"{'0' * 32} 00 {'0' * 32} 00 20010db8000000000000000000000001 00000400 1 0 00000003 eth0\n"
    f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 1 0 00200200 lo\n"
    f"20010db8{'0' * 24} 40 {'0' * 32} 00 {'0' * 32} 00000100 1 0 00000001 eth0\n"
)


@pytest.mark.skipif(sys.byteorder != "little", reason="the table is one of such a machine")
@pytest.mark.parametrize(
    ("host_ip", "told"),
    [
        (None, []),
        ("192.0.2.9", ["192.0.2.9"]),
        ("192.0.2.9,2001:db8::9", ["192.0.2.9", "2001:db8::9"]),
        ("nobody", []),
    ],
)
def test_the_node_is_what_host_ip_says_and_the_gateways(
    host_ip: str | None, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ipv4, ipv6 = tmp_path / "route", tmp_path / "ipv6_route"
    ipv4.write_text(ROUTES)
    ipv6.write_text(ROUTES6)
    monkeypatch.setattr(own_addresses, "ROUTES", (str(ipv4), str(ipv6)))
    environ = {} if host_ip is None else {"HOST_IP": host_ip}
    assert own_addresses.node_addresses(environ) == [*told, "10.0.0.1", "2001:db8::1"]


def test_a_system_without_routes_has_no_gateways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_addresses, "ROUTES", ("/no/route", "/no/ipv6_route"))
    assert own_addresses.node_addresses({}) == []
