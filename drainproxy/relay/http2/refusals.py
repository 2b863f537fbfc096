"""Requests over HTTP/2 that the app never hears of: what their clients are told."""

from drainproxy.relay.http2.stream_limit import StreamLimit
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.wire.http2 import NO_ERROR, rst_stream
from drainproxy.wire.http2_head import RequestHead
from drainproxy.wire.logged import Facts


def refuse(table: StreamTable, stream: int, code: int) -> None:
    """Reset it."""
    table.connection.to_client(rst_stream(stream, code))
    table.turn_away(stream)


def answer_large_head(
    table: StreamTable, stream: int, words: str, facts: Facts, *, ends: bool
) -> None:
    """RFC 6585 5, RFC 9113 10.5.1: 431. That is the whole answer, what is still sent of the request
    is not wanted (8.1)."""
    table.reject("malformed", "431 " + words, facts)
    table.answer_unopened(stream, 431, words, facts)
    if ends:
        table.turn_away(stream)
    else:
        refuse(table, stream, NO_ERROR)


def refuses_to_connect(table: StreamTable, stream: int, head: RequestHead, facts: Facts) -> bool:
    """CONNECT asks for a tunnel; with :protocol it is what an upgrade is in HTTP/1."""
    if not head.protocol:
        peer, words = table.connection.peer, "501 CONNECT is not supported"
        table.context.refusal("malformed", peer, words, facts)
        table.answer_unopened(stream, 501, "CONNECT is not supported", facts)
    elif table.context.latecomers.refuses(table.connection.connected_at):
        table.reject("leaving", "503 leaving: no new upgrades here", facts)
        target = head.path.decode("ascii", "replace")
        table.answer_unopened(stream, 503, "leaving: no new upgrades here", facts, target)
    else:
        return False
    table.turn_away(stream)
    return True


def note_last_stream(table: StreamTable, limit: StreamLimit) -> None:
    """If the one that begins is the last stream that there may be, the client waits with the next
    one, which nobody would see; where the app has set that limit it would do so without us too."""
    if limit.lowered and len(table.streams) + 1 == limit.most + table.pushed:
        table.context.counters.max_streams_reached += 1
        if not limit.logged:
            limit.logged = True
            peer = table.connection.peer
            table.context.notice("max-streams", peer, limit.most, "further streams wait")
