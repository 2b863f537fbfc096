"""HTTP/2: a connection owns two directions of frames, the table of its streams, and its goodbyes.

    connection      the session: it calls the part that has to act
      inbound       frames from the client to the app     ┐ `direction`: header compression and
      outbound      frames from the app to the client     ┘ SETTINGS (`announced`), which both have
      stream_table  the open streams, how they end, and what the client is sent then
        stream      a request and its answer, held in the ledger
        tracked     a stream that may need a goodbye: `websocket_stream`, `event_stream`,
                    `grpc_stream`, `endless_stream` carry the goodbyes of `relay.goodbye`
        windows     the client's flow-control windows, reduced by DATA of our own
      stream_goodbyes   goodbyes to single streams, each in its own protocol; they are polled
                        where a read has moved something (`touched`), or when they are due
      late_streams  streams that begin when their client was asked to go, or while leaving
      shutdown      the graceful GOAWAY, by the table of steps in `goaway`
      floods        rate limits against abuse; `stream_limit`: max-streams
      deadlines     deadlines by name; the earliest is that of the session
      overdue       what is done when they are over
      client_end    what a client may still get that has ended its side
      closing       last frames, and the lingering close

The directions know the table and nothing above it. Everything passes as it came, flow control
included, so each side keeps the other's pace.
"""
