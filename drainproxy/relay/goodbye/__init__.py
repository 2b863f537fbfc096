"""How clients are asked to go, in the protocol of each kind of stream; one file for each.

A goodbye is an object that is fed what passes in both directions. `say` asks for it, `cancel` takes
that back, and `poll(now)` sends it when `drain.interruption` allows it. It does not know what
carries the stream: that is the `carrier`, which writes raw bytes, chunks, or DATA with windows.
"""
