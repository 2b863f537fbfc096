"""The running process: the only room with a loop, a clock, sockets and signals.

The end of a drain is an event: the ledger calls when its last hold is closed, the registry when its
last session is gone. A timer runs where no event exists:

- sessions have deadlines and ages: one sweep for all, each 0.25 s (`supervisor`), in place of a
  timer for each; for connections of the admin port one each second, while there are any
- the kernel does not report listeners or connections of other processes: `restart` looks each
  0.25 s during a drain, `readiness` each second, `bypass` each 2 s
- the kernel does not report when a client has acknowledged the last byte: `final_flush`, each
  0.05 s at the very end
- the kernel does not report when a grandchild has ended, or when we come to the foreground:
  `child`, while the app is being stopped, or waits for the terminal
- whether a request may still come on a connection depends on time alone: `drain_control`, each
  0.05 s, only once nothing is in flight in `closed` and `cutting`
- health is known only by asking the app: `grpc_health`, each 0.1 s for each watcher
- the annotations file is replaced by links (`reload`, each second), the deadline of a drain may
  change while a preStop hook waits for it (`admin`, each second), and a port that was taken
  becomes free without notice (`drain_control`, each second)
"""
