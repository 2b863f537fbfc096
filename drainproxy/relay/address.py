"""Client addresses as text, and as X-Forwarded-For has them."""

from typing import Any


def address_text(address: Any) -> str:
    """A socket address as `host:port`; `unix` for an unnamed Unix socket."""
    if not isinstance(address, tuple):
        return str(address) if address else "unix"
    host, port = client_ip(address), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def client_ip(address: Any) -> str:
    """The client's IP; an IPv4-mapped address of a dual-stack listener is written as IPv4."""
    if not isinstance(address, tuple):
        return "unknown"
    host: str = address[0]
    return host[7:] if host.startswith("::ffff:") and "." in host else host
