"""Which ports are taken over, where the sidecar listens, and what they are called then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config import UnixSocket
from drainproxy.config.addresses import parse_forwards
from drainproxy.kube.annotations import Choice, Wishes
from drainproxy.kube.ports import Taken, as_forwarded, take_over
from drainproxy.manifests.podspec import Json, read
from tests.kube.pods import pod

HTTP: Json = {"name": "http", "containerPort": 8080}
GRPC: Json = {"name": "grpc", "containerPort": 50051}
NAMELESS: Json = {"containerPort": 7000}
DNS: Json = {"name": "dns", "containerPort": 53, "protocol": "UDP"}


def taken(
    *ports: Json,
    targets: set[str] | None = None,
    hints: dict[str | int, str] | None = None,
    reserved: tuple[int, ...] = (9180,),
    **wishes: object,
) -> list[Taken]:
    asked = Wishes(**wishes)  # type: ignore[arg-type] # the fields under test
    return take_over(read(pod(*ports)), asked, targets or set(), hints or {}, reserved)


def names(found: list[Taken]) -> list[str | None]:
    return [each.name for each in found]


def test_every_tcp_port_that_has_a_name_is_taken_over() -> None:
    assert taken(HTTP, NAMELESS, DNS, GRPC) == [
        Taken(port=8080, listen=9181, name="http", renamed="app-http"),
        Taken(port=50051, listen=9182, name="grpc", renamed="app-grpc"),
    ]


def test_services_in_the_same_input_narrow_it_to_what_they_target() -> None:
    assert names(taken(HTTP, GRPC, targets={"grpc", "other"})) == ["grpc"]
    assert names(taken(HTTP, GRPC, targets={"other"})) == ["http", "grpc"]


def test_the_pod_chooses_by_name_or_number_and_says_what_is_spoken() -> None:
    choices = (Choice("50051", "http"), Choice("http"), Choice("8080"))
    found = taken(HTTP, GRPC, ports=choices, targets={"http"})

    assert [(each.port, each.protocol) for each in found] == [(50051, "http"), (8080, "auto")]


def test_a_choice_that_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(ValueError, match="'https' is no TCP port of this pod: it has http, 7000"):
        taken(HTTP, NAMELESS, DNS, ports=(Choice("https"),))
    with pytest.raises(ValueError, match="it has none"):
        taken(DNS, ports=(Choice("dns"),))
    with pytest.raises(ValueError, match="port 7000 has no name to take over"):
        taken(NAMELESS, ports=(Choice("7000"),))


def test_a_redirect_takes_every_port_and_renames_none() -> None:
    assert taken(HTTP, NAMELESS, DNS, capture="redirect", targets={"http"}) == [
        Taken(port=8080, listen=9181),
        Taken(port=7000, listen=9182),
    ]


def test_the_sidecar_listens_where_nobody_else_does() -> None:
    busy = [{"containerPort": 9181}, {"containerPort": 9183}]

    assert [each.listen for each in taken(HTTP, GRPC, *busy, reserved=(9180, 9182))] == [9184, 9185]


@pytest.mark.parametrize(
    ("name", "hints", "protocol"),
    [
        ("mysql", {}, "tcp"),
        ("tcp-game", {}, "tcp"),
        ("http-api", {}, "auto"),
        ("mail", {"mail": "smtp"}, "tcp"),
        ("mail", {8080: "SMTP"}, "tcp"),
        ("mysql", {"mysql": "kubernetes.io/h2c"}, "auto"),
    ],
)
def test_where_the_server_speaks_first_nobody_waits_for_the_client(
    name: str, hints: dict[str | int, str], protocol: str
) -> None:
    (found,) = taken({"name": name, "containerPort": 8080}, hints=hints)

    assert found.protocol == protocol
    assert found.forward() == "9181=8080" + ("/tcp" if protocol == "tcp" else "")


_NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,13}[a-z])?", fullmatch=True)


@given(own=st.lists(_NAMES, unique=True, min_size=1, max_size=8))
def test_new_names_are_valid_and_no_name_comes_twice(own: list[str]) -> None:
    found = taken(*({"name": name, "containerPort": 1000 + at} for at, name in enumerate(own)))

    new = [each.renamed or "" for each in found]
    assert len({*new, *own}) == 2 * len(own)
    assert all(0 < len(name) <= 15 and name.strip("-") == name for name in new)


def test_a_name_that_a_probe_refers_to_is_not_taken() -> None:
    before = pod(HTTP, livenessProbe={"tcpSocket": {"port": "app-http"}})
    (found,) = take_over(read(before), Wishes(), set(), {}, ())

    assert found.renamed == "app1-http"


def test_where_the_pod_says_what_is_forwarded_that_holds() -> None:
    forwards = parse_forwards("9999=8080/tcp 7001=7000 6000=unix:/run/app 6001=db:8080")
    assert isinstance(forwards[2].app, UnixSocket)

    assert as_forwarded(read(pod(HTTP, NAMELESS)), Wishes(), forwards) == [
        Taken(port=8080, listen=9999, protocol="tcp", name="http", renamed="app-http"),
        Taken(port=7000, listen=7001),
    ]
    (redirected, _) = as_forwarded(read(pod(HTTP)), Wishes(capture="redirect"), forwards)
    assert redirected.name is None
