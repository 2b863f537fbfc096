"""The addresses of the apps, and which apps readiness depends on, from forwards and other
settings."""

from collections.abc import Iterator

from msgspec.structs import replace

from .addresses import POD_IP, parse_ip
from .settings import Settings
from .values import Address, Forward, UnixSocket

_UNKNOWN = f"{POD_IP} is the IP address in the environment variable POD_IP (fieldRef status.podIP)"


def app_of(forward: Forward, app_host: str) -> Address | UnixSocket:
    """Where its app is: at `app_host` if it gives the port alone."""
    app = forward.app
    return Address(app_host, app.port) if isinstance(app, Address) and not app.host else app


def located(settings: Settings, pod_ip: str | None) -> tuple[Forward, ...]:
    """The forwards with the whole address of each app. `pod_ip` is the text of POD_IP, in which
    `pod_ip_problems` has found nothing wrong."""
    return tuple(
        replace(forward, app=_located(app_of(forward, settings.app_host), pod_ip))
        for forward in settings.forward
    )


def _located(app: Address | UnixSocket, pod_ip: str | None) -> Address | UnixSocket:
    if isinstance(app, Address) and app.host == POD_IP:
        return Address(parse_ip(pod_ip or ""), app.port)
    return app


def pod_ip_problems(settings: Settings, pod_ip: str | None) -> Iterator[tuple[str, str]]:
    """Which setting asks for the address of the pod while POD_IP does not hold it."""
    forwards = any(
        isinstance(forward.app, Address) and forward.app.host == POD_IP
        for forward in settings.forward
    )
    asking = {"forward": forwards, "app-host": settings.app_host == POD_IP}
    if any(asking.values()) and not _is_ip(pod_ip or ""):
        shown = f", not {pod_ip!r}" if pod_ip else ""
        yield from ((name, f"{_UNKNOWN}{shown}") for name, asks in asking.items() if asks)


def _is_ip(text: str) -> bool:
    try:
        return bool(parse_ip(text))
    except ValueError:
        return False


def ready_port(forward: Forward) -> int:
    """What ready-ports calls it by: the port of its app, or ours before an app without one."""
    return forward.app.port if isinstance(forward.app, Address) else forward.listen.port


def counts(forward: Forward, ready_ports: tuple[int, ...] | None) -> bool:
    """Whether readiness depends on its app from the start."""
    return ready_ports is None or ready_port(forward) in ready_ports
