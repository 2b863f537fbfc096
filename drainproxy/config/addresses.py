"""How addresses are written: `LISTEN=APP[/PROTOCOL]` and its parts. A mistake is a `ValueError`."""

import re
from typing import Final, cast, get_args

from .entries import parse_entries
from .values import Address, Forward, Protocol, UnixSocket

_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")
_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.]+)(%[A-Za-z0-9_.-]+)?\]")
_SEPARATORS = re.compile(r"[\s,]+")

# The pod's own address, which only the process that runs there knows.
POD_IP = "pod-ip"

# sun_path on Linux is 108 bytes, the closing NUL included.
_LONGEST_PATH = 107

# Each forward is a listener of its own; a pod with more ports than this has lost count of them.
MOST_FORWARDS: Final = 1000


def parse_listen(text: str) -> Address:
    """`PORT`, `HOST:PORT` or `[IPV6]:PORT`; port 0 lets the kernel choose."""
    host, port = _split(text)
    return Address(host, _port(port, lowest=0))


def parse_app(text: str) -> Address | UnixSocket:
    """`PORT` (at app-host), `HOST:PORT`, `[IPV6]:PORT`, `pod-ip:PORT` or `unix:PATH`."""
    if text.startswith("unix:"):
        return UnixSocket(_socket_path(text.removeprefix("unix:")))
    host, port = _split(text)
    return Address(POD_IP if host == "POD_IP" else host, _port(port, lowest=1))


def parse_app_host(text: str) -> str:
    """`localhost`, `pod-ip` or an IP address."""
    try:
        return text if text in ("localhost", POD_IP) else parse_ip(text)
    except ValueError:
        raise ValueError("is not localhost, pod-ip or an IP address") from None


def parse_app_source(text: str) -> str | None:
    """An IP address that a connection can come from, or `off`."""
    try:
        address = None if text == "off" else parse_ip(text)
    except ValueError:
        raise ValueError("is not an IP address, such as 127.0.0.6, nor off") from None
    if address in ("0.0.0.0", "::"):
        raise ValueError("is no address that a connection can come from, such as 127.0.0.6")
    return address


def parse_ip(text: str) -> str:
    """An IP address in its usual spelling; IPv6 may stand in brackets."""
    from ipaddress import ip_address  # only who writes numbers pays for the import

    return str(ip_address(text[1:-1] if _BRACKETS.fullmatch(text) else text))


def parse_ready_ports(text: str) -> tuple[int, ...] | None:
    """`8080,9090`: numbers of ports; `all` is None, `none` is empty."""
    if text in ("all", "none"):
        return None if text == "all" else ()
    parts = [*filter(None, _SEPARATORS.split(text))]
    if not parts or not all(map(_PORT.fullmatch, parts)):
        raise ValueError("is no list of numbers of ports, such as 8080,9090, nor all or none")
    return tuple(_port(part, lowest=1) for part in parts)


def parse_forward(text: str) -> Forward:
    """`LISTEN=APP[/PROTOCOL]`, for instance `8080=9000` or `5432=unix:/run/db.sock/tcp`."""
    listen, equals, target = text.partition("=")
    if not equals:
        raise ValueError("is not LISTEN=APP, such as 8080=9000")
    if "://" in target and not target.startswith("unix:"):
        raise ValueError("has a URL: write PORT or HOST:PORT, as in 8080=localhost:9000")
    app, protocol = _split_protocol(target)
    return Forward(parse_listen(listen), parse_app(app), protocol)


def parse_forwards(text: str) -> tuple[Forward, ...]:
    """Several forwards, separated by blanks or commas; all that is wrong is told at once."""
    forwards = parse_entries(text, parse_forward, MOST_FORWARDS)
    if not forwards:
        raise ValueError("is empty: write LISTEN=APP, such as 8080=9000")
    return forwards


def _split_protocol(target: str) -> tuple[str, Protocol]:
    app, slash, last = target.rpartition("/")
    if slash and last in get_args(Protocol):
        return app, cast(Protocol, last)
    if slash and not target.startswith("unix:"):
        raise ValueError("has an unknown protocol: write /auto, /http or /tcp")
    return target, "auto"


def _split(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    return _host(host) if colon and host else "", port


def _port(text: str, lowest: int) -> int:
    if not _PORT.fullmatch(text) or not lowest <= int(text) <= 65535:
        raise ValueError(f"has no port between {lowest} and 65535: write PORT or HOST:PORT")
    return int(text)


def _host(text: str) -> str:
    if bracketed := _BRACKETS.fullmatch(text):
        if _is_ip(bracketed[1], 6):
            return text[1:-1]
    elif _DIGITS_AND_DOTS.fullmatch(text):
        if _is_ip(text, 4):
            return text
    elif _HOST.fullmatch(text):
        return text
    elif ":" in text:
        raise ValueError("needs brackets around an IPv6 address, as in [::1]:9180")
    raise ValueError("has no valid host: write a name, 127.0.0.1 or [::1]")


def _is_ip(text: str, version: int) -> bool:
    from ipaddress import ip_address  # only who writes numbers pays for the import

    try:
        return ip_address(text).version == version
    except ValueError:
        return False


def _socket_path(path: str) -> str:
    if not path or "\0" in path or len(path.encode(errors="surrogateescape")) > _LONGEST_PATH:
        raise ValueError(f"needs a socket path of 1 to {_LONGEST_PATH} bytes, as in unix:/run/app")
    return path
