"""The table of settings in sections, as help shows it."""

from typing import Final

from .table import TABLE

# The first setting of each: those behind it belong to it too, so that a new row needs no other
# place than its own.
_BEGIN: Final = {
    "forward": "Forwarding",
    "admin": "Admin port",
    "drain-delay": "Drain",
    "max-connection-age": "Age of connections and streams",
    "max-connections": "Limits and timeouts",
    "forwarded": "Client address for the app",
    "tls-cert": "TLS",
    "app-health": "Readiness",
    "access-log": "Logs and reports",
    "annotations-file": "Annotations of the pod",
}


def _sections() -> dict[str, str]:
    found, section = {}, ""
    for row in TABLE:
        found[row.name] = section = _BEGIN.get(row.name, section)
    return found


# Setting -> the heading above it.
SECTIONS: Final = _sections()
