"""The data path: each client connection is paired with one app connection, and bytes pass through.

Who owns whom:

    context                        what the sessions of one process share
      ├─ registry ── sessions      who is connected, and who is overdue
      ├─ latecomers                who has come during a drain, and was not told yet
      ├─ ledger ── holds           what is in flight, and how each hold ended
      ├─ deliveries                goodbyes that are written and not acknowledged yet
      ├─ turns, slices             work that is left to later turns of the loop
      └─ counters, limits

    session                        one client connection and its app connection
      ├─ age                       when its client is asked to reconnect
      ├─ upstream                  the asyncio protocol of the app's connection
      │
      ├─ detect                    protocol not known yet; goes on as one of these
      ├─ http1.connection          its base class is http1.exchange: state and ends of an exchange
      │     ├─ heads, body         parse what client and app send
      │     ├─ events              an event stream, the carrier of its goodbye: EventAnswer
      │     │    └─ goodbye.events      EventBody, and in it EventGoodbye
      │     └─ endless             another long answer, the carrier: EndlessAnswer
      │          └─ goodbye.endless     EndlessGoodbye
      ├─ http2.connection          see relay.http2 for what it owns
      │     └─ stream_table        a Stream for each request; beside some of them, in `tracked`,
      │          └─ tracked        the carrier, a TrackedStream, which owns the goodbye
      ├─ websocket                 is the carrier itself, and owns its goodbye
      └─ tcp                       opaque: no goodbye

    goodbye.websocket, .events, .grpc, .endless   the goodbye of a stream, whatever carries it
    goodbye.requests                              what the client of a plain request is told
    drain.interruption                            when a goodbye may be sent

A hold of the ledger is a session (HTTP/1 while an exchange is in flight, WebSocket, TCP) or a
Stream of HTTP/2; once it has ended with a goodbye, a Delivery until that is acknowledged.

The path of a byte. The loop calls `data_received` of the session, which counts the bytes, finds
where messages end (`wire`), and writes them to the other transport; as a rule it is the very object
that came. There is no task, no queue and no object per chunk. A full write buffer pauses reading
from the other side (`pause_writing`).

The path of a goodbye. The sidecar calls `say_goodbye(why)` of a session, or of a hold in the
ledger. HTTP/1 sends `Connection: close` with its next answer (`http1.exchange`), HTTP/2 GOAWAY
(`http2.shutdown`). A stream without an end of its own has an object of `goodbye`, which is asked
`poll(now, carrier)`; `drain.interruption` decides whether the goodbye may be sent here and now, and
the carrier writes it. `cancel_goodbye` cancels one that was not sent. Shortly before the deadline
the sidecar calls `say_last_goodbye(why)`, which waits for no pause, and at the deadline
`abort(why)`.

Turns of the loop. What one connection may do in one turn is bounded, whatever it sends, and so is
what all do together:

- Reading. libuv reads a connection up to 32 times in a turn. Behind a full buffer (`FULL_READ` in
  `turns`) reading pauses until the next turn. A client that may send much is read 32 KiB at a time,
  and pauses behind four full reads, in however many turns (`small_reads`).
- Parsing. Of one read, at most so much is parsed: 800 lines of a chunked body (`_LINES_AT_ONCE` in
  `wire.chunked`), 800 frames of a WebSocket (`_FRAMES_AT_ONCE` in `wire.websocket`), 8192 bytes of
  HTTP/2 without payloads of DATA (`_BYTES_AT_ONCE` in `wire.frames`), 32 interim answers
  (`_INTERIM_AT_ONCE` in `http1.connection`). The parser tells where it has stopped (`stopped`,
  `rest`, or the number of bytes read), and the session passes the rest to `client_in_next_turn` or
  `app_in_next_turn`. A WebSocket on an HTTP/2 stream also reports its `steps`, which count against
  the bytes of HTTP/2.
- All that is deferred. `turns` takes four steps or 4 ms of it in a turn. While more waits
  (`crowded`), each read of 16 KiB and more is deferred too.
- Work on all sessions, such as a sweep or the goodbyes of a drain: `slices`, 100 sessions or 4 ms.
- The exception: once the app's connection is lost no turn follows for it, so what it has sent is
  read at once (`upstream.connection_lost`), up to one read and the kernel's receive buffer.

Where to change what:

- The pause before a WebSocket Close: `quiet` of `_WEBSOCKET_PATIENT` in `drain.interruption`, from
  which `_WEBSOCKET_DRAIN` is made; `goodbye.websocket` acts on it (`goodbye.pause` is that of gRPC
  and of endless answers). While a question of the client is open, the pause is
  websocket-answer-timeout if that is longer. A `quiet` over PATIENCE has no effect, since by then
  Close may be sent without a pause. One below QUIET has little, since a pause is looked for 0.1 s
  after the last byte (`new_pending`, `Pending.move`). A pause is found by the sweep, each 0.25 s,
  or earlier if another read comes: over HTTP/1 of the WebSocket, over HTTP/2 of any stream of its
  connection.
- Which event streams end, and when their clients reconnect. Four places decide: whether a drain
  asks at all, `kinds_ended_by_drain` in `sidecar.wiring` (not with `sse-drain` wait); which answers
  have a goodbye, those to GET without content-encoding, `_answer_with_events` in `http1.connection`
  and `_answered` in `http2.outbound`; which of them may end, and their `retry`, `EVENT_RULES` in
  `drain.interruption`; whether the client can resume, `EventTracker.resumable` in `wire.sse`.
  `stream-drain` (`drain.stream_drain`) is about other long answers, never about event streams.
- How SIGTERM becomes a GOAWAY: `sidecar.supervisor` handles it, and `sidecar.drain_control` steps
  `drain.machine`. After drain-delay that returns the effect LEAVE, which calls
  `context.begin_leaving` and `say_goodbye("drain")` of each HTTP/2 session. `http2.shutdown` takes
  the steps of `http2.goaway`: GOAWAY 2**31-1 and PING once the connection is in use (the app's
  SETTINGS have passed, and a request has, or the connection is 1 s old); and on the PING's
  acknowledgement, or after 5 s, GOAWAY with the last stream. Clients that connect later are told by
  `latecomers`.
  With a preStop hook the hook begins the drain (`Input.DRAIN`), so GOAWAY usually precedes SIGTERM.
  A SIGTERM while the sidecar's own hook is unanswered means that SIGKILL is near: LEAVE, CLOSE and
  LAST_GOODBYE follow at once, and ABORT 1.2 s later (`TIME_BEFORE_SIGKILL`). A second SIGTERM skips
  LEAVE: `say_last_goodbye` sends GOAWAY with the last stream, and `abort` follows at once.
- What happens to a POST in flight at the deadline. The effect LAST_GOODBYE, 2 s before it (half of
  drain-timeout if that is less), calls `say_last_goodbye("deadline")`; the effect ABORT, at the
  deadline, calls `abort`. Why it ends so: `goodbye.requests`.
  Over HTTP/1 LAST_GOODBYE leaves a plain request alone. ABORT answers 503 if no answer has begun,
  and else breaks it off (`http1.exchange`): with RST where the body ends with the connection, so
  that the client sees that it is incomplete.
  Over HTTP/2 LAST_GOODBYE itself ends the stream: with 503, with RST_STREAM if the answer has
  begun, or for a gRPC call with UNAVAILABLE in trailers (`end_early` in `http2.stream_table`). In
  the middle of a frame of the app these frames wait for its end; if that does not come before
  ABORT, they are lost, and the client sees the connection end.
  Both are booked as cut; but as finished if the answer is complete and only the upload still runs.
- Which files a new protocol touches, always: its grammar in `wire`; a session beside `tcp`, which
  calls `latecomers.add` where it begins while leaving, as `Tcp.go_on` does; its kind in
  `drain.ledger`; its ages and whether a drain ends it in `config` and `sidecar.wiring`; in
  `sidecar.rebalance` only if it cannot be told to go. `sidecar.drain_control` takes it from
  `kinds_ended_by_drain` as it is.
  If it is detected by its first bytes: `wire.sniff`, and `_SESSIONS` in `detect`. If a forward can
  name it, as `/tcp`: `config.values.Protocol`, `session_for` in `detect`, `kube.protocols` and
  `kube.ports`. If it is begun by an upgrade: `_switch` in `http1.connection`; for RFC 8441
  `wire.http2_head` and `_open_special` in `http2.inbound`.
  If it has a goodbye: a file in `goodbye`, rows in `drain.interruption`, and in `limits` what of it
  is a setting. If its session is no `Tcp` with an empty path: a case in `sidecar.new_clients`, by
  which a new client holds up `leaving`.
  Beside the data path: its signals in `rollout.gate` and `deploy/monitoring`, an action in
  `rollout.smoke.talk`, and visitors in `rehearsal`.
"""
