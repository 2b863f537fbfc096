"""gRPC as Node speaks it, client and app: it is not the C library that all others share."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.grpc_calls import CALLS, Call, grpc_app, made
from tests.e2e.process import Sidecar, accepts, program, sidecar
from tests.e2e.programs import JS, node_modules, output, tool

TRAILING = {"x-trailing": ["last"], "x-trailing-bin": ["\u00ff\x00"]}
INITIAL_BIN = "".join(map(chr, range(256)))

SCENARIOS: dict[str, Any] = {
    "unary": {"answer": "hello", "initial": {}, "code": "OK", "details": "", "trailing": {}},
    "metadata": {
        "answer": [["x-name", "a"], ["x-name", "b"], ["x-name-bin", "00ff"]],
        "initial": {"x-initial": ["one, two"], "x-initial-bin": [INITIAL_BIN]},
        "code": "OK",
        "details": "",
        "trailing": TRAILING,
    },
    "error": {
        "code": "NOT_FOUND",
        "details": "gr\u00fc\u00df % \u6f22\n",
        "trailing": TRAILING,
    },
    "stream": {"count": 1000, "inOrder": True, "code": "OK"},
    "conversation": {"answers": 200, "code": "OK"},
    "cancel": {"code": "CANCELLED", "seen": True},
    "deadline": {"code": "DEADLINE_EXCEEDED", "seen": True},
    "crowd": 500,
    "large": True,
}


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    """The environment in which node finds grpc-js."""
    tool("node")
    return {"NODE_PATH": str(node_modules())}


@pytest.fixture(scope="module")
def before_python(modules: dict[str, str]) -> Iterator[Sidecar]:
    port = free_ports(1)[0]
    with grpc_app(port), sidecar(f"127.0.0.1:{port}") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def seen(before_python: Sidecar, modules: dict[str, str]) -> Any:
    """What one client saw, by scenario."""
    script = str(JS / "grpc_client.js")
    return json.loads(output(tool("node"), script, str(before_python.port), env=modules))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_client_sees_what_the_app_did(scenario: str, seen: Any) -> None:
    assert seen[scenario] == SCENARIOS[scenario]


@pytest.fixture(scope="module")
def node_app(modules: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Its port, and that of the sidecar before it."""
    port = free_ports(1)[0]
    command = (tool("node"), str(JS / "grpc_app.js"), str(port))
    with (
        program(*command, ready=lambda: accepts(port), env=modules),
        sidecar(f"127.0.0.1:{port}") as proxy,
    ):
        yield port, proxy.port


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_shows_what_it_shows_without_us(call: Call, node_app: tuple[int, int]) -> None:
    direct, through = node_app
    assert made(through, call) == made(direct, call)
