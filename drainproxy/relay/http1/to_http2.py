"""An HTTP/1 session whose client turns out to speak HTTP/2."""

from drainproxy.relay.http1.exchange import Exchange
from drainproxy.relay.http2.connection import Http2Connection


def go_on_as_http2(old: Exchange, data: bytes) -> None:
    """Go on as a session of HTTP/2: behind `/http` no `detect` has seen its preface before. `data`:
    all that the client has sent."""
    old.context.counters.bytes_from_clients -= len(data)
    session = Http2Connection(old.context, old.route)
    session.take_over(old)
    session.opened = old.opened
    session.begin()
    session.data_received(data)
    if old.client_ended:
        old.client_ended = False
        session.eof_received()
