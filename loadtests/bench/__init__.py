"""drainproxy beside HAProxy, Envoy, nginx and a bare byte pipe, measured in one run.

The room in the order of a run: `__main__` reads the command line, `targets` says how each proxy
is started (`envoy` has a file of its own), `apps` what stands behind it, `launch` what both come
to, `processes` starts, pins, measures and ends them all, `measures` and `http2` hold the figures,
`load`, `calls` and `idle` the clients, `report` the table and `limits` what must hold.
"""
