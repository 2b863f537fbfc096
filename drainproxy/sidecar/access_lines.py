"""The access log: one line for each exchange, when it has ended."""

import logging
from typing import Any

from drainproxy.drain.ledger import Hold
from drainproxy.relay.context import Access, AccessLog
from drainproxy.wire.logged import (
    HOST,
    REQUEST_ID,
    TRACE,
    USER_AGENT,
    Facts,
    trace_id,
)

# A field that a client has sent is truncated to so many characters: it only has to be found.
_LONGEST = 200

# Field of the line -> field of the request.
_TOLD = {"host": HOST, "user_agent": USER_AGENT, "request_id": REQUEST_ID}

log = logging.getLogger("drainproxy.access")


def writer(*, query: bool) -> AccessLog:
    """The function that writes a line. Without `query` the target is written without its query,
    which may hold secrets."""

    def write(access: Access) -> None:
        target = access.target if query else access.target.partition("?")[0]
        log.info("%s %s", access.method, target, extra={"fields": fields(access)})

    return write


def fields(access: Access) -> dict[str, Any]:
    """The fields of the line beside method and target; those that the request lacks are absent."""
    told = {
        name: access.facts[field].decode("utf-8", "replace")[:_LONGEST]
        for name, field in _TOLD.items()
        if field in access.facts
    }
    return {
        "kind": access.kind,
        "peer": access.peer,
        "status": access.status,
        "seconds": round(access.seconds, 6),
        "bytes": access.received,
        **told,
        **trace(access.facts),
    }


def trace_of(hold: Hold) -> dict[str, str]:
    """`trace` of the request of a hold. Empty for other holds, and for HTTP/2 without an access
    log, since only that has the fields kept."""
    return trace(getattr(hold, "facts", {}))


def trace(facts: Facts) -> dict[str, str]:
    """The trace id of a request as a field of log lines; empty without one."""
    found = trace_id(facts.get(TRACE, b"").decode("latin-1"))
    return {"trace_id": found} if found else {}
