"""A sidecar that makes deployments invisible to the clients of the app behind it.

drainproxy stands in front of one app, forwards what comes, knows what is in flight, and when the
app must go it says goodbye to each client in the client's own protocol and waits for the last
answer.

The rooms, each of which imports only those above it:

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
"""

__version__ = "0.1.0"
