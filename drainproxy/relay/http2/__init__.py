"""HTTP/2: a connection owns two directions of frames, the table of its streams, and its goodbyes.

    connection ── inbound ──┐                 frames of the client, which go to the app
               ├─ outbound ─┼─ stream_table   frames of the app, which go to the client
               ├─ goaway    │                 GOAWAY, PING, GOAWAY: how the client is asked to go
               ├─ stream_goodbyes ┘           goodbyes to single streams, each in its own language
               └─ deadlines                   of which the earliest is the connection's

Everything passes as it came, flow control included, so each side keeps the other's pace.
"""
