"""Requests over HTTP/2 that the app never gets: what their clients are sent."""

from drainproxy.relay.http2.stream_limit import StreamLimit
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.wire.http2 import NO_ERROR, rst_stream
from drainproxy.wire.http2_head import RequestHead
from drainproxy.wire.logged import Facts


def refuse(table: StreamTable, stream: int, code: int) -> None:
    """Reset the stream of a request."""
    table.connection.to_client(rst_stream(stream, code))
    table.turn_away(stream)


def answer_large_head(
    table: StreamTable, stream: int, words: str, facts: Facts, *, ends: bool
) -> None:
    """Answer 431 to a head that is too large (RFC 6585 5, RFC 9113 10.5.1). `ends`: the request has
    no body; if it has one, RST_STREAM stops it (8.1)."""
    table.reject("malformed", "431 " + words, facts)
    table.answer_unopened(stream, 431, words, facts)
    if ends:
        table.turn_away(stream)
    else:
        refuse(table, stream, NO_ERROR)


def refuses_to_connect(table: StreamTable, stream: int, head: RequestHead, facts: Facts) -> bool:
    """Whether this CONNECT is refused, and answered so: a plain one always, one for a WebSocket
    (RFC 8441) where latecomers get no new one."""
    if not head.protocol:
        table.reject("malformed", "501 CONNECT is not supported", facts)
        table.answer_unopened(stream, 501, "CONNECT is not supported", facts)
    elif head.kind == "websocket" and table.context.latecomers.refuses(
        table.connection.connected_at
    ):
        table.reject("leaving", "503 leaving: no new upgrades here", facts)
        target = head.path.decode("ascii", "replace")
        table.answer_unopened(stream, 503, "leaving: no new upgrades here", facts, target)
    else:
        return False
    table.turn_away(stream)
    return True


def note_last_stream(table: StreamTable, limit: StreamLimit) -> None:
    """Count and log that the stream which begins reaches max-streams: the client now delays further
    ones, and nothing else shows that. Not where the app itself has set the limit."""
    if limit.lowered and len(table.streams) + 1 == limit.most + table.pushed:
        table.context.counters.max_streams_reached += 1
        if not limit.logged:
            limit.logged = True
            peer = table.connection.peer
            table.context.notice("max-streams", peer, limit.most, "further streams wait")
