"""What users report to locust: each request once, with its time, and why it failed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from locust.env import Environment


class Lost(Exception):
    """Something did not come back as it should have."""


@contextmanager
def reported(environment: Environment, kind: str, name: str) -> Iterator[None]:
    """Report the block as one request; an exception is its failure, and goes on."""
    began = time.perf_counter()
    try:
        yield
    except Exception as error:
        report(environment, kind, name, began, error)
        raise
    report(environment, kind, name, began)


def report(
    environment: Environment,
    kind: str,
    name: str,
    began: float,
    error: Exception | None = None,
) -> None:
    """Report one request that began then, by `time.perf_counter`."""
    environment.events.request.fire(
        request_type=kind,
        name=name,
        response_time=1000 * (time.perf_counter() - began),
        response_length=0,
        exception=error,
        context={},
    )
