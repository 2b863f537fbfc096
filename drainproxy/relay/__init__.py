"""The data path: each client connection is paired with one app connection, and bytes pass through.

Who owns whom:

    context                        what the sessions of one process share
      ├─ registry ── sessions      who is connected, and who is overdue
      ├─ latecomers                who has connected during a drain, and was not told yet
      └─ ledger, counters, turns, slices, deliveries, limits

    session                        one client connection and its app connection
      ├─ age                       when its client is asked to reconnect
      ├─ upstream                  the asyncio protocol of the app's connection
      │
      ├─ detect                    protocol not known yet; goes on as one of these
      ├─ http1.connection          ─┬─ heads, body         parse what client and app send
      │                             └─ events, endless     carry the goodbye of a long answer
      ├─ http2.connection          ─┬─ inbound, outbound   the two directions of frames
      │                             ├─ stream_table        the streams; some carry a goodbye
      │                             ├─ stream_goodbyes     which streams are told to end
      │                             ├─ shutdown, goaway    the graceful GOAWAY
      │                             ├─ client_end          a client that has ended its side
      │                             └─ deadlines, overdue, closing  its timers, its end
      ├─ websocket                 carries its own goodbye
      └─ tcp                       opaque

    goodbye.websocket, .events, .grpc, .endless   the goodbye of a stream, whatever carries it
    goodbye.requests                              what the client of a plain request is told
    drain.interruption                            when a goodbye may be said

The path of a byte. The loop calls `data_received` of the session, which counts the bytes, finds
where messages end (`wire`), and writes them to the other transport; as a rule it is the very object
that came. There is no task, no queue and no object per chunk. A full write buffer pauses reading
from the other side (`pause_writing`); long work goes on in the next turn of the loop (`turns`), and
an upload is read only a little ahead of the app (`small_reads`). What concerns all sessions, as a
sweep or the goodbyes of a drain, is done for some of them in each turn (`slices`).

The path of a goodbye. The sidecar calls `say_goodbye(why)` of a session, or of a hold in the
ledger. HTTP/1 sends `Connection: close` with its next answer (`http1.exchange`), HTTP/2 GOAWAY
(`shutdown`). A stream without an end of its own has an object of `goodbye`, which is fed what
passes and asked `poll(now)`; `drain.interruption` decides whether this is the place and the moment,
and the carrier writes it.
`cancel_goodbye` cancels one that has not been said. Shortly before the deadline the sidecar calls
`say_last_goodbye(why)`, which waits for no pause, and at the deadline `abort(why)`.

Where to change what:

- The pause before a WebSocket Close: `RULES` in `drain/interruption`; `QUIET` there is that of all
  kinds, and how soon a pause is looked for (over HTTP/1 at the next sweep, each 0.25 s). Which
  event streams may end, and when their clients reconnect: `EVENT_RULES` there.
- How SIGTERM becomes a GOAWAY: `sidecar.supervisor` handles it, and `sidecar.drain_control` steps
  `drain.machine`. After drain-delay that returns the effect LEAVE, which calls
  `context.begin_leaving` and `say_goodbye("drain")` of each HTTP/2 session. `http2.shutdown` takes
  the steps of `http2.goaway`: GOAWAY 2**31-1 and PING, and on its answer GOAWAY with the last
  stream. Clients that connect later are told by `latecomers`; a second SIGTERM skips LEAVE, and
  `say_last_goodbye` sends one GOAWAY at once.
- What happens to a POST in flight at the deadline: the effect LAST_GOODBYE, 2 s before it, calls
  `say_last_goodbye("deadline")`. Over HTTP/1 that leaves a plain request alone for these 2 s. Then
  ABORT calls `abort`, which gives the answer of `goodbye.requests` (503) if none has begun, and
  else breaks it off so that the client can tell (`http1.exchange`). Over HTTP/2 `say_last_goodbye`
  ends the stream at once, with the same answer or with RST_STREAM (`stream_table.end_early`); a gRPC
  call gets UNAVAILABLE in trailers. Both are booked as cut.
- Which files a new protocol touches: its grammar in `wire/`; a session beside `tcp`. If detected by
  its first bytes: `wire/sniff` and a line in `detect`; if begun by an upgrade: `_switch` in
  `http1.connection`, and `http2.inbound` for RFC 8441. Its kind in `drain/ledger`. If
  its streams have no end of their own, a file in `goodbye/` and rows in `drain/interruption`. Who
  begins a drain's goodbyes and who holds it up: `sidecar.drain_control` and `sidecar.new_clients`;
  what `stream-drain` and a rebalance may end: `drain.stream_drain` and `sidecar.rebalance`. Its
  settings in `config` and `sidecar/wiring`; its signals in `rollout/gate` and `deploy/monitoring`.
"""
