"""A sidecar proxy for deployments that lose no request.

The docstring of `relay` is the map of the data path: read it first. It says who owns whom, how a
byte and a goodbye pass, and where to change what.

drainproxy stands in front of one app, forwards what comes, knows what is in flight, and when the
app must go it says goodbye to each client in the client's own protocol and waits for the last
answer.

The rooms, each of which imports only those above it:

- `extras`: the hint that installs a missing library; `not_http`: log lines for input that is no
  HTTP; they import nothing of ours
- `config`: the one table of settings that flags, environment, file, annotations and docs come from
- `wire`: protocol grammar: bytes in, boundaries out; pure
- `drain`: policy: the phases of a drain, what is in flight, who hears when, the report; pure
- `relay`: the data path: one client connection paired with one app connection
- `sidecar`: the running process: sockets, signals, clock, probes, metrics
- `manifests`: Kubernetes manifests: documents of a file, the objects in them; nothing is decided
- `kube`: pods: what is injected into them, from the command line or by a webhook
- `rollout`: whether a release may go on: checks of manifests, phases of a migration, a gate on its
  signals, smoke tests
- `rehearsal`: a demo app and clients, to see a drain on your own machine
- `cli`: the commands

The words, each for one idea, in code, logs, documents and tests:

- session: a client connection and its app connection; upstream: the app's side of it
- transport: the writing side of a connection; protocol: what the loop calls when bytes come
- context: what all sessions of a process share; registry: the sessions that are connected
- kind: what is spoken: http1, http2, grpc, sse, websocket, tcp
- hold: something in flight that a drain waits for; the ledger has all of them, and how each ended
- drain: a process goes from serving to drained, phase by phase (`drain.machine`)
- leaving: the phase in which clients are asked to go; `context.leaving` stays true from there to
  the end of the drain; undrain: the drain is taken back
- goodbye: asking a client to go, in its own protocol; it is pending until a boundary comes, and
  may be cancelled; carrier: what writes it (HTTP/1, or a stream of HTTP/2)
- boundary: a place in the bytes where a message of ours may stand; `Place` says of which kind
- quiet: a pause in which nothing has passed (drain-quiet: in which no new client has come);
  urgency: how long a goodbye may wait for one, by its reason (`drain.interruption`)
- endless: a response without an end of its own
- latecomer: a client that connects while we are leaving, and a long answer or WebSocket that begins
  then on an older connection
- GOAWAY, Close, `Connection: close`, `retry`: the goodbyes of HTTP/2, WebSocket, HTTP/1 and SSE
- tracked stream: an HTTP/2 stream that is followed because it may need a goodbye of its own
- expired: asked to reconnect because of its age or a rebalance; jitter sample: the random number
  that spreads ages
- expected request: one that may still come on a connection that was kept open
- cut: booked for what we ended before its own end; last goodbye: one that waits for no pause, 2 s
  before the deadline, and that cuts plain requests of HTTP/2; abort: the connection is closed now,
  whatever is on it
- deadline: the moment when a drain must be over, by drain-timeout; of a session its next timer
- inbound, outbound: the halves of an HTTP/2 connection, from the client and from the app
"""

__version__ = "0.1.0"
