"""How clients are asked to go, each kind of stream in its own language; one file for each.

A goodbye is an object that is fed what passes in both directions. It is asked for with `say`, taken
back with `cancel`, and `poll(now)` says it when `drain.interruption` allows that. It knows nothing
of what carries the stream: that is the `carrier`, the bytes of a connection, a chunked body, or
DATA with windows.
"""
