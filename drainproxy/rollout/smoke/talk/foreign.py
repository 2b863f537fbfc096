"""Answers that are not in HTTP/1, by their first bytes."""

from typing import Final

# So many of them say it.
ENOUGH: Final = 40
_ALERT: Final = b"\x15\x03"  # RFC 8446, 5.1: an alert, and its legacy version
_SETTINGS: Final = b"\x04"  # RFC 9113, 3.4: what an HTTP/2 server begins with


def not_http(where: str, began: bytes, *, is_first: bool = True) -> str:
    """What `HOST:PORT` says instead of an answer that begins with these bytes; unless they are the
    first on a connection they may also stand behind an answer (RFC 9112, 6.3: its length ends it).
    """
    if began.startswith(_ALERT):
        return f"{where} did not answer in HTTP but by an alert of TLS: is it https:// or wss://?"
    if began[3:4] == _SETTINGS and began[5:9] == bytes(4):
        return f"{where} did not answer in HTTP/1 but in HTTP/2, without being asked for it"
    if not is_first:
        return (
            f"{where} sent what cannot be read as HTTP, alone or behind an answer: {_text(began)}"
        )
    return f"{where} did not answer in HTTP: it began with {_text(began)}"


def may_be_http(began: bytes) -> bool:
    """Whether these are, or may become, the first bytes of an answer (RFC 9112, 4)."""
    return began[:5] == b"HTTP/"[: len(began)]


def _text(began: bytes) -> str:
    return repr(began[:ENOUGH].decode("ascii", "backslashreplace").rstrip("\r\n"))
