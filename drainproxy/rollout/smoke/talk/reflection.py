"""The methods of a gRPC server by reflection (grpc.reflection.v1, or v1alpha with the same
messages)."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
from google.protobuf import descriptor_pb2, json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2

from drainproxy.rollout.smoke.answers import GrpcAnswer
from drainproxy.rollout.smoke.model import Grpc
from drainproxy.rollout.smoke.stage import Failed, Stage

Call = Callable[[grpc.aio.Channel, Grpc, bytes], Awaitable[GrpcAnswer]]

_VERSIONS = ("v1", "v1alpha")


async def called(channel: grpc.aio.Channel, action: Grpc, stage: Stage, call: Call) -> GrpcAnswer:
    """The answer as JSON; Failed if the server does not describe the method, or the message does
    not fit it."""
    stage.waiting_for = "no answer of the server's reflection"
    method = await _method(channel, action.method)
    question = GetMessageClass(method.input_type)()
    try:
        json_format.ParseDict(action.json, question)
    except json_format.ParseError as error:
        first = str(error).splitlines()[0]  # the rest is its traceback
        raise Failed(f"json is no {method.input_type.full_name}: {first}") from None
    except (TypeError, AttributeError, ValueError):  # of what is no mapping where one must be
        raise Failed(f"json is no {method.input_type.full_name}: it must be a mapping") from None
    stage.waiting_for = "no answer to the call"
    answer = await call(channel, action, question.SerializeToString())
    if answer.status != "OK":
        return answer
    try:
        message = GetMessageClass(method.output_type).FromString(answer.message)
    except DecodeError:
        raise Failed(f"the answer is no {method.output_type.full_name}") from None
    value = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return GrpcAnswer("OK", message=answer.message, json=value)


async def _method(channel: grpc.aio.Channel, path: str) -> MethodDescriptor:
    service, _, name = path.removeprefix("/").partition("/")
    pool = DescriptorPool()
    files = await _files(channel, service)
    added: set[str] = set()

    def add(file: descriptor_pb2.FileDescriptorProto) -> None:
        """After those that it imports."""
        if file.name not in added:
            added.add(file.name)
            for needed in file.dependency:
                if needed in files:
                    add(files[needed])
            pool.Add(file)

    for file in files.values():
        add(file)
    try:
        found = pool.FindServiceByName(service).FindMethodByName(name)
    except KeyError:
        raise Failed(f"the server has no method {name} of {service}") from None
    return found


async def _files(
    channel: grpc.aio.Channel, service: str
) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """The file that describes the service, and all that it needs."""
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    first = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
    version, answer = await _reflected(channel, first)
    asked: set[str] = set()
    while True:
        if answer.HasField("error_response"):
            raise Failed(f"reflection of {service}: {answer.error_response.error_message}")
        for data in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file
        needed = {name for file in files.values() for name in file.dependency}
        lacking = needed - files.keys() - asked
        if not lacking:
            return files
        asked.add(name := lacking.pop())
        question = reflection_pb2.ServerReflectionRequest(file_by_filename=name)
        answer = await _ask(channel, version, question)
        if answer is None:
            raise Failed(f"reflection of {name}: UNIMPLEMENTED")


async def _reflected(channel: grpc.aio.Channel, question: Any) -> tuple[str, Any]:
    for version in _VERSIONS:
        if (answer := await _ask(channel, version, question)) is not None:
            return version, answer
    raise Failed("the server has no reflection: send the message as bytes, by message")


async def _ask(channel: grpc.aio.Channel, version: str, question: Any) -> Any:
    """The answer; None if the server does not have this version. Failed if it has no answer.

    The method takes a stream. One question and its end look the same as a single request, which
    grpcio sends in one batch: of a stream that the server refuses while it is written grpcio says
    `INTERNAL: Internal error from Core` (grpc/grpc#36066), and UNIMPLEMENTED would be lost.
    """
    call: Any = channel.unary_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )(question)
    try:
        answer = await call.read()
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return None
        raise Failed(f"reflection: {error.code().name}: {error.details()}") from None
    if answer is grpc.aio.EOF:
        raise Failed("reflection: the server gave no answer")
    call.cancel()
    return answer
