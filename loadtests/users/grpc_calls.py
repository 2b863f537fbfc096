"""gRPC calls and streams on a channel that is kept, with the library's retries off."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import grpc.experimental.gevent
from locust import between, task

from loadtests.users.patient import PatientUser
from loadtests.users.report import Lost, reported

# Before any channel: its threads are greenlets then.
grpc.experimental.gevent.init_gevent()

_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)
_PATIENCE = 10.0


class GrpcUser(PatientUser):
    """The calls of the demo app, whose messages are plain bytes."""

    weight = 2
    wait_time = between(0.05, 0.15)
    COUNT = 15

    def on_start(self) -> None:
        """One channel for its whole life: after a GOAWAY it connects again by itself."""
        host = urlsplit(self.host or "")
        address = self.environment.parsed_options.grpc_host or host.netloc
        self._channel: Any = (
            grpc.secure_channel(address, grpc.ssl_channel_credentials(), options=_OPTIONS)
            if host.scheme == "https"
            else grpc.insecure_channel(address, options=_OPTIONS)
        )
        self._echo = self._channel.unary_unary("/drainproxy.Demo/Echo")
        self._count = self._channel.unary_stream("/drainproxy.Demo/Count")

    def on_stop(self) -> None:
        """Close it."""
        self._channel.close()

    @task(20)
    def call(self) -> None:
        """A question that the app thinks about for 20 ms."""
        question = uuid4().hex.encode()
        with reported(self.environment, "gRPC", "Echo"):
            if self._echo(question, timeout=_PATIENCE) != question:
                raise Lost("the answer to another request")

    @task(1)
    def stream(self) -> None:
        """15 numbers in 3 seconds, in order and to the end."""
        with reported(self.environment, "gRPC", "Count"):
            numbers = list(self._count(b"%d" % self.COUNT, timeout=_PATIENCE))
            if numbers != [b"%d" % number for number in range(self.COUNT)]:
                raise Lost("the stream has a gap")
