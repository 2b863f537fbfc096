"""Where the sidecar listens: at numbers by which no policy lets clients to more than before."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.kube.listeners import ListedPorts, free_numbers
from drainproxy.manifests.podspec import Json
from tests.kube.test_affected_workloads import policy

IN_ORDER = [9181, 9182, 9183]


def listed(*ports: Json) -> ListedPorts:
    return ListedPorts([policy(ingress=[{"ports": [*ports]}])])


def number(port: int, listed: ListedPorts, *names: str, busy: tuple[int, ...] = ()) -> int:
    (found,) = free_numbers([(port, names)], {*busy}, {}, listed)
    return found


def test_without_policies_numbers_follow_each_other() -> None:
    ports = [(80, ()), (8080, ("http",)), (50051, ())]

    assert free_numbers(ports, set(), {}, ListedPorts()) == IN_ORDER
    assert free_numbers(ports, {9182}, {8080: [9182, 9181]}, ListedPorts()) == [9183, 9181, 9184]


@pytest.mark.parametrize(
    ("port", "listen"), [(80, 10080), (8080, 18080), (22767, 32767), (50051, 61551), (5000, 25000)]
)
def test_the_number_for_a_port_that_a_policy_lists_follows_from_that_alone(
    port: int, listen: int
) -> None:
    here = listed({"port": port}, {"port": "web"})

    assert number(port, here) == listen
    assert number(port, listed({"port": "web"}), "web") == listen
    assert number(port, listed({"port": port - 5, "endPort": port + 5})) == listen
    assert number(port + 1, here, "http") == 9181
    assert number(port, listed({"port": port, "protocol": "UDP"})) == 9181


def test_what_is_in_use_or_listed_itself_is_passed_by() -> None:
    assert number(8080, listed({"port": 8080}), busy=(18080,)) == 28080
    assert number(8080, listed({"port": 8080}, {"port": 18080})) == 28080
    assert number(5432, listed({"port": 9181})) == 9182
    assert number(5432, listed({"port": 9100, "endPort": 9185})) == 9186


def test_where_another_app_listens_itself_the_sidecar_does_not() -> None:
    """What the policy is to allow would be allowed in the pod of that app too."""
    lists = policy(ingress=[{"ports": [{"port": 80}]}])

    assert number(80, ListedPorts([lists], [80, 10080])) == 20080
    assert number(81, ListedPorts([lists], [9181])) == 9181


def test_a_range_that_holds_our_numbers_needs_no_others_for_the_ports_in_it() -> None:
    wide = {"port": 8000, "endPort": 9999}

    assert number(8080, listed(wide)) == 9181
    assert number(80, listed(wide)) == 10080
    assert number(8080, listed(wide, {"port": 8080})) == 18080
    assert number(8080, listed(wide, {"port": 9000, "endPort": 9999})) == 18080


def test_where_every_number_is_listed_it_is_one_in_order() -> None:
    assert number(80, listed({"port": 1024, "endPort": 65535})) == 9181
    assert number(80, listed({"port": 1024, "endPort": 65535}, {"port": 9181})) == 9182
    assert number(80, listed({"port": 9181, "endPort": 65535})) == 9181


@given(
    ports=st.sets(st.integers(1, 65_535), min_size=1, max_size=30),
    ranges=st.lists(st.tuples(*[st.integers(1, 65_535)] * 2), max_size=4),
)
def test_no_port_of_a_pod_has_a_number_that_is_in_use(
    ports: set[int], ranges: list[tuple[int, int]]
) -> None:
    here = listed(*({"port": first, "endPort": last} for first, last in ranges))
    busy = {*ports}
    found = free_numbers([(port, ()) for port in ports], busy, {}, here)

    assert len({*found}) == len(ports)
    assert not {*found} & ports
    assert busy == {*ports, *found}
    assert all(1024 <= each < 65_536 for each in found)


def test_two_ports_that_are_listed_seldom_have_one_number_in_two_pods() -> None:
    """Not even beside connections of the app: their ports are from 32768 to 60999."""
    every = listed({"port": 1, "endPort": 9000}, {"port": 10_000, "endPort": 10_010})
    found = {number(port, every) for port in islice(range(1, 9001), None) if port + 10_000 > 10_010}

    assert len(found) == 9000 - 10
    assert not [each for each in found if each in range(32_768, 61_000)]
