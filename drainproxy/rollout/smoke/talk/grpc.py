"""Makes a unary gRPC call: health, raw bytes, or JSON by server reflection."""

import re
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from msgspec import UNSET

from drainproxy.rollout.smoke.answers import GrpcAnswer
from drainproxy.rollout.smoke.kinds import HEALTH_STATUSES
from drainproxy.rollout.smoke.model import Grpc
from drainproxy.rollout.smoke.stage import Failed, Stage

from .sessions import AGENT

_HEALTH = "/grpc.health.v1.Health/Check"
# Servers say of it what they say of any method that they lack.
_NO_HEALTH = "the server has no grpc.health.v1.Health: name a method that it has"
# Of a connection that there is not it tells much, and the reason last.
_REASONS = (
    (
        re.compile(r"CERTIFICATE_VERIFY_FAILED: (.*?)(?:: OK)?$"),
        "the certificate of {target} is not valid: {reason}",
    ),
    (
        re.compile("(Hostname Verification Check failed)"),
        "the certificate of {target} is not valid: it is of another name",
    ),
    (re.compile(r"handshake failed.*OPENSSL_internal:(\w+)"), "no TLS with {target}: {reason}"),
    (
        re.compile("(Failed parsing HTTP/2)"),
        "{target} does not speak HTTP/2, and so no gRPC{hint}",
    ),
    (
        re.compile("(Socket closed|Connection reset by peer)"),
        "{target} closed the connection before an answer{hint}",
    ),
    (re.compile("(Connection refused)"), "nothing listens at {target}: connection refused"),
    (re.compile("(address lookup failed|errors resolving)"), "the name {host} cannot be resolved"),
)
_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.primary_user_agent", AGENT),
    ("grpc.max_receive_message_length", 1 << 26),
)


async def ask(action: Grpc, stage: Stage) -> GrpcAnswer:
    """Call once, on a connection of its own."""
    async with _channel(action) as channel:
        await _connected(channel, action, stage)
        if not action.method:
            return await _health(channel, action)
        if action.json is UNSET:
            return await _call(channel, action, action.message)
        from .reflection import called

        return await called(channel, action, stage, _call)


def _channel(action: Grpc) -> grpc.aio.Channel:
    if not action.secure:
        return grpc.aio.insecure_channel(action.target, options=_OPTIONS)
    tls = action.tls
    credentials = grpc.ssl_channel_credentials(_read(tls.ca), _read(tls.key), _read(tls.cert))
    named = [("grpc.ssl_target_name_override", tls.server_name)] if tls.server_name else []
    return grpc.aio.secure_channel(action.target, credentials, options=(*_OPTIONS, *named))


def _read(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise Failed(f"tls: {path!r}: {error.strerror}") from None


async def _health(channel: grpc.aio.Channel, action: Grpc) -> GrpcAnswer:
    from grpc_health.v1 import health_pb2

    question = health_pb2.HealthCheckRequest(service=action.service).SerializeToString()
    answer = await _call(channel, action, question, _HEALTH)
    if answer.status == "UNIMPLEMENTED":
        return GrpcAnswer(answer.status, _NO_HEALTH)
    if answer.status != "OK":
        return answer
    number = health_pb2.HealthCheckResponse.FromString(answer.message).status
    named = number < len(HEALTH_STATUSES)
    return GrpcAnswer("OK", health=HEALTH_STATUSES[number] if named else str(number))


async def _call(
    channel: grpc.aio.Channel, action: Grpc, message: bytes, method: str = ""
) -> GrpcAnswer:
    ask = channel.unary_unary(method or action.method)
    call: Any = ask(message, metadata=list(action.metadata))
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return GrpcAnswer(error.code().name, _reason(error.details(), action))
    return GrpcAnswer("OK", message=answer)


async def _connected(channel: grpc.aio.Channel, action: Grpc, stage: Stage) -> None:
    """Wait for the connection; its library says why there is none only to a call."""
    stage.waiting_for = f"no connection to {action.target} that speaks HTTP/2"
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            break
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)
    stage.waiting_for = "no answer to the call"


def _reason(details: str | None, action: Grpc) -> str:
    """What the library says, in a line; why there is no connection in the words of other steps."""
    line = next(iter((details or "").splitlines()), "")
    for pattern, words in _REASONS:
        if match := pattern.search(line):
            target, hint = action.target, "" if action.secure else " (if it wants TLS: grpcs://)"
            host = target.rpartition(":")[0]
            return words.format(target=target, host=host, reason=match[1], hint=hint)
    return line.rpartition("; last error: ")[2]
