"""What a redirect may be, and the rules that it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config import ConfigError
from drainproxy.kube.redirect import UNINSTALL, Redirect, pair

PORTS = st.lists(st.integers(1, 65535), min_size=1, max_size=8, unique=True)


def mistakes(port: str, to: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        pair(port, to, uid=65532, admin=9180)
    return list(map(str, raised.value.mistakes))


def written(ports: list[int]) -> str:
    return ",".join(map(str, ports))


def test_each_port_leads_to_the_one_in_the_same_place() -> None:
    assert pair("8080, 8081", "15080,15081", 65532, 9180) == Redirect(
        ((8080, 15080), (8081, 15081)), 65532
    )


def test_rules_take_the_place_of_those_before() -> None:
    assert Redirect(((8080, 15080),), 1).ruleset().startswith(UNINSTALL)


def test_only_what_the_sidecar_itself_sends_is_left_alone() -> None:
    incoming, local = Redirect(((8080, 15080),), 1337).ruleset().split("chain output")
    redirect = "tcp dport { 8080 } redirect to :tcp dport map { 8080 : 15080 }"
    assert f"\t{redirect}\n" in incoming
    assert f'oifname "lo" meta skuid != 1337 {redirect}\n' in local


@given(PORTS, PORTS)
def test_the_sidecars_own_traffic_is_never_redirected(apps: list[int], sidecars: list[int]) -> None:
    try:
        rules = pair(written(apps), written(sidecars), 65532, 9180)
    except ConfigError:
        assert {*apps} & {*sidecars} or 9180 in apps + sidecars or len(apps) != len(sidecars)
    else:
        redirected = {app for app, _ in rules.ports}
        assert not redirected & ({9180} | {sidecar for _, sidecar in rules.ports})


@pytest.mark.parametrize(
    ("port", "to", "told"),
    [
        ("8080", "8080", ["flag --port: 8080 is a port of --to"]),
        ("15080,8080", "15081,15080", ["flag --port: 15080 is a port of --to"]),
        ("9180", "15080", ["flag --port: 9180 is the sidecar's admin port"]),
        ("8080", "9180", ["flag --to: 9180 is the sidecar's admin port"]),
        ("8080,8081", "15080", ["flag --to: has 1 ports for the 2 of --port"]),
        ("8080,8080", "1,2", ["flag --port: 8080 stands there twice"]),
        ("http", "", ["flag --port: 'http' is no port", "flag --to: '' is no port"]),
        ("0", "65536", ["flag --port: '0' is no port", "flag --to: '65536' is no port"]),
        ("-1", "٣", ["flag --port: '-1' is no port", "flag --to: '٣' is no port"]),
        ("9" * 10_000, "1", ["flag --port: '99"]),
    ],
)
def test_every_mistake_is_named_with_its_flag(port: str, to: str, told: list[str]) -> None:
    found = mistakes(port, to)
    assert len(found) == len(told)
    for mistake, beginning in zip(found, told, strict=True):
        assert mistake.startswith(beginning)
        assert len(mistake) < 200
