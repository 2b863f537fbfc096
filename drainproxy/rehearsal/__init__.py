"""A drain on your own machine: a demo app, real clients, sidecars, and what the clients lost.

- `app`: an app with an answer of every kind, short and long; `grpc_app`: its gRPC part
- `clients`: clients of every kind that notice whatever goes wrong for them, those of gRPC in
  `grpc_clients`; `crowd`: many of them
- `balancer`: sends new connections to the sidecar that is ready
- `processes`: programs started, waited for and always ended; `scene`: the app and its sidecars
- `demo`: one drain in the middle of the clients' work; `story`: what it tells meanwhile
- `table`: what came of it, and whether that is good; pure
"""
