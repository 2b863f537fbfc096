"""HTTP/2: a connection owns two directions of frames, the table of its streams, and its goodbyes.

    connection      the session: it says which of its parts is to act
      inbound       frames of the client, which go to the app     ┐ `direction`: header compression
      outbound      frames of the app, which go to the client     ┘ and SETTINGS, which both have
      stream_table  which streams there are, how they end, and what a client is told of it
        stream      a request and its answer, held in the ledger
        tracked     one in which a goodbye may have to be said: `websocket_stream`, `event_stream`,
                    `grpc_stream`, `endless_stream` carry what `relay.goodbye` says
        windows     what the client takes, of which DATA of ours takes too
      stream_goodbyes   goodbyes to single streams, each in its own language
      shutdown      GOAWAY, PING, GOAWAY: what is said when stands in `goaway`
      floods        the budgets of what a client may cost; `stream_limit`: how many streams
      deadlines     its moments by name, of which the earliest is the connection's
      closing       what is said last, and the lingering close

The directions know the table and nothing above it. Everything passes as it came, flow control
included, so each side keeps the other's pace.
"""
