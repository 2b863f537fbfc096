"""Warnings about whatever lets clients bypass the sidecar, each with its remedy."""

from collections.abc import Iterator
from typing import Final

from drainproxy.manifests.endpoints import resolve

from .capture import Capture
from .leads import CaptureQuestion
from .ports import listed, own

_REDIRECT: Final = "drainproxy.io/capture: redirect"


def bypasses(capture: Capture, question: CaptureQuestion) -> Iterator[str]:
    """Each way past it, and each Service that leads nowhere, once."""
    for text in capture.obstacles:
        yield f"{text}, past the sidecar: {_remedy(text, question)}"
    for text in capture.left:
        yield f"{text}, which the sidecar has not taken over"
    yield from capture.nowhere
    if capture.mode != "redirect":
        yield from _unnamed(capture, question)
        yield from _namesakes(capture, question)
        yield from _host_ports(question)
    yield from _headless(capture, question)


def _remedy(obstacle: str, question: CaptureQuestion) -> str:
    why = question.no_redirect
    redirect = f"a redirect is not possible: {why}" if why else f"set {_REDIRECT}"
    if obstacle.endswith("headless"):
        return f"its clients connect to the pods themselves; {redirect}"
    return f"let it target the name of a port{'; ' if why else ', or '}{redirect}"


def _unnamed(capture: Capture, question: CaptureQuestion) -> Iterator[str]:
    if not question.by_name_alone:
        return
    taken = {each.port for each in capture.ports}
    for each in own(question.pod):
        if not each.port.name and each.number not in taken:
            yield (
                f"containerPort {each.number} of {each.container} has no name, so the sidecar"
                " cannot take it over: name it and let the Service target that name"
            )


def _namesakes(capture: Capture, question: CaptureQuestion) -> Iterator[str]:
    """Ports that have the name of one that is taken over: a pod may have several, as long as they
    are in different containers, and Services come to the first."""
    named = {each.name: each.port for each in capture.ports if each.name}
    taken = {each.port for each in capture.ports}
    others: dict[str, list[int]] = {}
    for _, port in question.pod.tcp_ports:
        if port.name in named and port.container_port not in taken:
            others.setdefault(port.name, []).append(port.container_port)
    for name, numbers in others.items():
        are = "is" if len({*numbers}) == 1 else "are"
        yield (
            f"{listed(numbers)} {are} called {name} too, but Services that target {name} come to"
            f" port {named[name]} alone, which the sidecar has taken over: name them differently,"
            f" or set {_REDIRECT}"
        )


def _host_ports(question: CaptureQuestion) -> Iterator[str]:
    for each in own(question.pod):
        if each.port.host_port:
            yield (
                f"hostPort {each.port.host_port} leads to {each.container} and bypasses the"
                f" sidecar: its connections are not drained; set {_REDIRECT} to drain them"
            )


def _headless(capture: Capture, question: CaptureQuestion) -> Iterator[str]:
    """A headless Service beside others: most often for what the pods say to each other."""
    ours = question.listens | {each.listen for each in capture.ports}
    remedy = f"set {_REDIRECT}"
    if capture.mode == "redirect":
        ours |= {each.port for each in capture.ports}
        remedy = "name the port with drainproxy.io/ports"
    for service in question.around.services or ():
        if not service.is_headless:
            continue
        numbers = [resolve(question.pod, each.target) for each in service.ports]
        past = [each for each in numbers if each and each not in ours]
        known = (f"Service {service.name} is headless", f"Service {service.name} targets ")
        told = known[0] in capture.obstacles or any(
            each.startswith(known[1]) for each in capture.left
        )
        if past and not told:
            yield (
                f"Service {service.name} is headless: clients that connect to the pods' IPs"
                f" ({listed(past)}) bypass the sidecar; {remedy} to drain them"
            )
