"""Calls of gRPC: health, bytes, and JSON by reflection."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import trustme
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from drainproxy.rollout.smoke.talk import load
from tests.rollout.smoke.files import read
from tests.rollout.smoke.talk.asked import SHORT, asked
from tests.rollout.smoke.talk.servers import gone, says, serving, silent

HEALTH = "grpc.health.v1.Health"


async def _echo(message: bytes, context: Any) -> bytes:
    metadata = dict(context.invocation_metadata())
    if metadata.get("fail"):
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, metadata["fail"])
    return message


async def _never(_: bytes, __: Any) -> None:
    await asyncio.Event().wait()


def server(*, reflects: bool = True) -> grpc.aio.Server:
    made = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, made)
    methods = {
        "Echo": grpc.unary_unary_rpc_method_handler(_echo),
        "Never": grpc.unary_unary_rpc_method_handler(_never),
    }
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.App", methods),))
    if reflects:
        reflection.enable_server_reflection([HEALTH, reflection.SERVICE_NAME], made)
    made.health = checks
    return made


@pytest.fixture
async def port() -> AsyncIterator[int]:
    made = server()
    port = made.add_insecure_port("127.0.0.1:0")
    await made.start()
    await made.health.set("", health_pb2.HealthCheckResponse.SERVING)
    await made.health.set("down", health_pb2.HealthCheckResponse.NOT_SERVING)
    yield port
    await made.stop(None)


@pytest.mark.parametrize(
    "text",
    [
        "[{grpc: '127.0.0.1:${PORT}'}]",
        "[{grpc: {}}]",
        "[{grpc: {service: down}, expect: {health: NOT_SERVING}}]",
        "[{grpc: {service: nobody}, expect: {status: NOT_FOUND}}]",
        "[{grpc: {method: test.App/Echo, message: hello}, expect: {contains: hell}}]",
        "[{grpc: {method: test.App/Echo, message: !!binary AAE=}, expect: {matches: '\\x01'}}]",
        "[{grpc: {method: test.App/Echo, message: '{\"a\": 1}'}, expect: {json: {a: 1}}}]",
        "[{grpc: {method: test.App/Echo, metadata: {Fail: no}},"
        " expect: {status: failed_precondition}}]",
        f"[{{grpc: {{method: {HEALTH}/Check, json: {{}}}},"
        " expect: {json: {status: SERVING}}}]",
        f"[{{grpc: {{method: {HEALTH}/Check, json: {{service: down}}}},"
        " expect: {contains: NOT_SERVING}}]",
    ],
)
async def test_what_a_service_should_say_it_says(port: int, text: str) -> None:
    assert await asked(port, text) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{grpc: {service: down}}]", "health is NOT_SERVING, not SERVING"),
        ("[{grpc: {service: nobody}}]", "status is NOT_FOUND, not OK"),
        ("[{grpc: {method: test.App/None}}]", "status is UNIMPLEMENTED, not OK: Method not found!"),
        ("[{grpc: {method: test.App/Never}}]", "no answer to the call within 0.3 s"),
        (
            "[{grpc: {method: test.App/Echo, metadata: {fail: why}}}]",
            "status is FAILED_PRECONDITION, not OK: why",
        ),
        (
            f"[{{grpc: {{method: {HEALTH}/Check, json: {{nothing: 1}}}}}}]",
            "json is no grpc.health.v1.HealthCheckRequest: ",
        ),
        (
            f"[{{grpc: {{method: {HEALTH}/None, json: {{}}}}}}]",
            f"the server has no method None of {HEALTH}",
        ),
        *(
            (
                f"[{{grpc: {{method: {HEALTH}/Check, json: {json}}}}}]",
                "json is no grpc.health.v1.HealthCheckRequest: it must be a mapping",
            )
            for json in ("5", "null")
        ),
        ("[{grpc: {method: no.App/A, json: {}}}]", "reflection of no.App: "),
    ],
)
async def test_what_a_service_does_not_say_is_told(port: int, text: str, problem: str) -> None:
    patience = SHORT if "Never" in text else 10.0
    (told,) = await asked(port, text, patience)
    assert told.startswith(problem)


async def test_a_server_without_health_is_said_to_have_none() -> None:
    made = grpc.aio.server()
    port = made.add_insecure_port("127.0.0.1:0")
    await made.start()
    (told,) = await asked(port, "[{grpc: '127.0.0.1:${PORT}'}]")
    assert told == (
        "status is UNIMPLEMENTED, not OK: the server has no grpc.health.v1.Health: name a method"
        " that it has"
    )
    assert not await asked(port, "[{grpc: {}, expect: {status: UNIMPLEMENTED}}]")
    await made.stop(None)


async def test_a_server_without_reflection_is_said_to_have_none() -> None:
    made = server(reflects=False)
    port = made.add_insecure_port("127.0.0.1:0")
    await made.start()
    (told,) = await asked(port, "[{grpc: {method: test.App/Echo, json: {}}}]")
    assert told == "the server has no reflection: send the message as bytes, by message"
    await made.stop(None)


async def _plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def test_who_does_not_speak_grpc_is_said_not_to() -> None:
    async with serving(silent) as port:
        (told,) = await asked(port, "[{grpc: {}}]", SHORT)
        assert told == f"no connection to 127.0.0.1:{port} that speaks HTTP/2 within 0.3 s"
    async with serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        (told,) = await asked(port, "[{grpc: {}}]", 2.0)
        assert "status is UNAVAILABLE" in told or "that speaks HTTP/2 within" in told
    async with serving(gone) as port:
        pass
    (told,) = await asked(port, "[{grpc: {}}]")
    assert told.endswith(f"not OK: nothing listens at 127.0.0.1:{port}: connection refused")
    (told,) = await asked(1, "[{grpc: 'nowhere.invalid:1'}]")
    assert told.endswith("not OK: the name nowhere.invalid cannot be resolved")
    async with serving(_plain) as port:
        (told,) = await asked(port, "[{grpc: {}}]", scheme="https")
        assert f"not OK: no TLS with 127.0.0.1:{port}: WRONG_VERSION_NUMBER" in told


@pytest.mark.parametrize(
    ("name", "trusted", "text", "problem"),
    [
        ("127.0.0.1", True, "{grpc: {}}", ""),
        ("shop", True, "{grpc: {tls: {server-name: shop}}}", ""),
        ("127.0.0.1", False, "{grpc: {}}", "is not valid: unable to get local issuer certificate"),
        ("shop", True, "{grpc: {}}", "is not valid: it is of another name"),
    ],
)
async def test_its_certificate_is_checked(
    name: str, trusted: bool, text: str, problem: str, tmp_path: Path
) -> None:
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    leaf = authority.issue_cert(name)
    chain = b"".join(each.bytes() for each in leaf.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(leaf.private_key_pem.bytes(), chain)])
    made = server()
    port = made.add_secure_port("127.0.0.1:0", credentials)
    await made.start()
    told = await asked(port, f"[{text}]", scheme="https", ca=str(ca) if trusted else "")
    assert "".join(told).endswith(problem)
    assert bool(told) is bool(problem)
    await made.stop(None)


def test_its_library_logs_nothing_beside_the_line_of_a_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.environ", {})
    load(read("[{grpc: {}}]").steps)
    assert os.environ == {"GRPC_VERBOSITY": "ERROR"}
