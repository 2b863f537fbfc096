"""Client addresses as text, and as X-Forwarded-For has them."""

from typing import Any


def address_text(address: Any) -> str:
    """A socket address as a person writes it; empty for an unnamed Unix socket."""
    if not isinstance(address, tuple):
        return str(address) if address else "unix"
    host, port = client_ip(address), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def client_ip(address: Any) -> str:
    """The client's IP; an IPv4 client of a dual-stack listener in its own spelling."""
    if not isinstance(address, tuple):
        return "unknown"
    host: str = address[0]
    return host[7:] if host.startswith("::ffff:") and "." in host else host
