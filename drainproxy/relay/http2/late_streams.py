"""Streams that begin after their client was asked to go, or while leaving: which of them are told,
and when; see `relay.latecomers`."""

from drainproxy.drain.goodbye import DRAIN
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.stream_table import StreamTable


def tell_as_connection(table: StreamTable, opened: Stream) -> None:
    """One that may last begins where its connection may have been told: it is as old."""
    connection = table.connection
    if connection.age.goodbye_why:
        connection.say_goodbye_to(opened, connection.age.goodbye_why)


def begins_late(table: StreamTable, opened: Stream) -> None:
    """A request has come that may be one of those that a drain ends."""
    connection, context = table.connection, table.context
    limits, sample = context.limits, connection.age.jitter_sample
    if opened.kind in limits.kinds_ended_by_drain or limits.stream_drain.ends(
        opened.kind, opened.path, b""
    ):
        context.latecomers.add(opened, table.moment, sample)
    elif opened.watches_health and context.latecomers.tells(connection.connected_at, sample):
        # On any other connection it ends when that is told.
        connection.say_goodbye_to(opened, DRAIN)
