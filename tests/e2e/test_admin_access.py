"""Who is not in the pod tries to drain it, from an address that is no loopback."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from drainproxy.sidecar.auth import TOKEN_HEADER
from tests.e2e.netns import POD, Namespace, pod
from tests.e2e.process import PATIENCE, Sidecar, is_up, started

ADMIN, TOKEN = 9180, "of-this-pod"
CHANGES = [
    *(("GET", "/prestop"), ("POST", "/drain"), ("POST", "/drain?wait=1"), ("POST", "/undrain")),
    ("POST", "/rebalance?percent=50"),
]
LOOPBACK = {"IPv4": "127.0.0.1", "IPv6": "::1"}

# What a client can say of itself to seem to be somebody else.
PRETENCES: list[Mapping[str, str]] = [
    {},
    {"Host": "localhost", "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    {"X-Real-IP": "127.0.0.1", "Authorization": "Bearer"},
    {TOKEN_HEADER: ""},
    {TOKEN_HEADER: TOKEN[:-1]},
    {"Authorization": f"Basic {TOKEN}"},
    {"Cookie": f"{TOKEN_HEADER}={TOKEN}"},
]

Network = tuple[Namespace, Namespace]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with pod() as network:
        yield network


@contextmanager
def sidecar_in(inside: Namespace, *arguments: str) -> Iterator[Sidecar]:
    """A sidecar in the pod that answers at all its addresses."""
    with started(
        *("drainproxy", "run", "--forward", "8080=9000", "--admin", str(ADMIN), *arguments),
        *("--drain-delay", "0s", "--drain-quiet", "0s"),
        place=inside.place,
        ready=lambda: inside.enter(lambda: is_up(ADMIN)),
    ) as process:
        yield Sidecar(process, 8080, ADMIN)
        assert process.stop() == 0


def ask(
    client: Namespace, host: str, method: str, path: str, headers: Mapping[str, str]
) -> tuple[int, str]:
    """The status, and the phase or the reason."""

    def asked() -> tuple[int, str]:
        connection = HTTPConnection(host, ADMIN, timeout=PATIENCE)
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return answer.status, body.get("phase") or body["reason"]

    return client.enter(asked)


@pytest.mark.parametrize("token", [(), ("--admin-token", TOKEN)], ids=["no token", "a token"])
def test_nobody_outside_changes_anything_without_the_token(
    network: Network, token: tuple[str, ...]
) -> None:
    inside, outside = network
    # Whoever guesses must not be helped by there being no token.
    guesses = PRETENCES if token else [*PRETENCES, {TOKEN_HEADER: TOKEN}]
    with sidecar_in(inside, *token) as running:
        for host in POD.values():
            for method, path in CHANGES:
                for headers in guesses:
                    status, _ = ask(outside, host, method, path, headers)
                    assert status in (401, 403), (host, method, path, headers)
        assert inside.enter(lambda: running.phase) == "serving"


@pytest.mark.parametrize("family", POD)
def test_who_has_the_token_may(network: Network, family: str) -> None:
    inside, outside = network
    with sidecar_in(inside, "--admin-token", TOKEN):
        # The kubelet's way: from outside, to the pod's address, with the header of the hook.
        given = {TOKEN_HEADER: TOKEN}
        assert ask(outside, POD[family], "GET", "/prestop", given) == (200, "drained")
        assert ask(inside, LOOPBACK[family], "POST", "/undrain", given) == (200, "serving")


@pytest.mark.parametrize("family", LOOPBACK)
def test_with_a_token_being_in_the_pod_is_not_enough(network: Network, family: str) -> None:
    """Whoever can have the app fetch a URL is in the pod too (server-side request forgery)."""
    inside, _ = network
    with sidecar_in(inside, "--admin-token", TOKEN) as running:
        for method, path in CHANGES:
            for headers in PRETENCES:
                status, _ = ask(inside, LOOPBACK[family], method, path, headers)
                assert status in (401, 403), (method, path, headers)
        assert inside.enter(lambda: running.phase) == "serving"


@pytest.mark.parametrize("family", LOOPBACK)
def test_without_a_token_loopback_may(network: Network, family: str) -> None:
    inside, _ = network
    with sidecar_in(inside):
        assert ask(inside, LOOPBACK[family], "GET", "/prestop", {}) == (200, "drained")
        assert ask(inside, LOOPBACK[family], "POST", "/undrain", {}) == (200, "serving")


def test_the_pods_own_address_is_not_loopback(network: Network) -> None:
    inside, _ = network
    with sidecar_in(inside) as running:
        for host in POD.values():
            assert ask(inside, host, "POST", "/drain", {})[0] == 403
        assert inside.enter(lambda: running.phase) == "serving"
