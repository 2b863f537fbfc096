"""Streams that begin after their client was asked to go, or while leaving: which of them get a
goodbye, and when; see `relay.latecomers`."""

from drainproxy.drain.goodbye import DRAIN
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.stream_table import StreamTable


def tell_as_connection(table: StreamTable, opened: Stream) -> None:
    """Say goodbye to a long-lived stream that begins on a connection that has expired."""
    connection = table.connection
    if connection.age.goodbye_why:
        connection.say_goodbye_to(opened, connection.age.goodbye_why)


def begins_late(table: StreamTable, opened: Stream) -> None:
    """A request has come while leaving: if a drain ends its stream, it is a latecomer."""
    connection, context = table.connection, table.context
    limits, sample = context.limits, connection.age.jitter_sample
    if opened.kind in limits.kinds_ended_by_drain or limits.stream_drain.ends(
        opened.kind, opened.path, b""
    ):
        context.latecomers.add(opened, table.moment, sample)
    elif opened.watches_health and context.latecomers.tells(connection.connected_at, sample):
        # A connection that was not told yet ends its health watches with its GOAWAY.
        connection.say_goodbye_to(opened, DRAIN)
