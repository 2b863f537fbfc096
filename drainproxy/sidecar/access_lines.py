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

# At most so much of what a client has sent: the line must be found, not hold everything.
_LONGEST = 200

# Field of the line -> field of the request.
_TOLD = {"host": HOST, "user_agent": USER_AGENT, "request_id": REQUEST_ID}

log = logging.getLogger("drainproxy.access")


def writer(*, query: bool) -> AccessLog:
    """What writes a line; without `query` it ends the target at its question mark, behind which
    people put their keys."""

    def write(access: Access) -> None:
        target = access.target if query else access.target.partition("?")[0]
        log.info("%s %s", access.method, target, extra={"fields": fields(access)})

    return write


def fields(access: Access) -> dict[str, Any]:
    """What the line says beside method and target; what the request does not tell is not there."""
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
    """`trace` of what is in flight, if it is a request; one over HTTP/2 keeps what its fields tell
    for the access log alone."""
    return trace(getattr(hold, "facts", {}))


def trace(facts: Facts) -> dict[str, str]:
    """The trace of a request as a field of its lines; none if it is in none."""
    found = trace_id(facts.get(TRACE, b"").decode("latin-1"))
    return {"trace_id": found} if found else {}
