"""HTTP/2: a connection owns two directions of frames, the table of its streams, and its goodbyes.

Indented: owned by the part above.

    connection      the session: it calls the part that has to act
      inbound       frames from the client to the app     ┐ `direction`: header compression and
      outbound      frames from the app to the client     ┘ SETTINGS (`announced`), which both have
        request_heads   of `inbound` alone: the cache of request heads
        floods          of both, one object: rate limits against abuse by the client
        stream_limit    of both, one object: max-streams
      stream_table  the open streams, how they end, and what the client is sent then
        stream      a request and its answer, a hold of the ledger (`table.streams`)
        tracked     beside some of them (`table.tracked`) the carrier of its goodbye, which owns an
                    object of `relay.goodbye`: `websocket_stream` and `event_stream` from their
                    beginning, `grpc_stream` and `endless_stream` from when they have to end
        windows     the client's flow-control windows, reduced by DATA of our own
      stream_goodbyes   goodbyes of single streams (`table.pending`); they are polled after a read
                        in which their bytes have moved (`table.touched`), or when they are due
      shutdown      the graceful GOAWAY, by the table of steps in `goaway`
      deadlines     deadlines by name; the earliest is that of the session
      overdue       what is done when they are over
      client_end    what a client may still get that has ended its side
      closing       last frames, and the lingering close

    refusals        functions of `inbound`: requests that the app never gets
    late_streams    functions of both directions: the goodbyes of streams that begin when their
                    client was asked to go, or while leaving

Who knows whom: each direction knows the table and the other direction, the table knows both, and
all of them call a few methods of the connection (`tracked.StreamConnection`), such as `to_client`.
A stream knows the connection as its `owner`.

As a rule frames pass as they came, flow control included, so each side keeps the other's pace.
"""
