"""drainproxy beside HAProxy, Envoy, nginx and a bare byte pipe, measured in one run.

The room in the order of a run: `__main__` reads the command line, `targets` says how each proxy
is started, `apps` what stands behind it, `processes` starts, pins, measures and ends them all,
`measures` holds the figures, `load` and `idle` the clients, `report` the table and `limits` what
must hold.
"""
