"""How clients are asked to go, in the protocol of each kind of stream.

    websocket, events, grpc, endless   one class each: the goodbye of a stream without an end
    pause                              when the goodbyes of `grpc` and `endless` may be sent
    requests                           no class: how the client of a plain request is told
    carrier                            the interface between a goodbye and its carrier

`say` asks for a goodbye, `cancel` takes it back, and `poll(now, carrier)` sends it once
`drain.interruption` allows it. A goodbye does not know how its stream is transported: its carrier
writes raw bytes, chunks, or DATA within flow control. A WebSocket's goodbye is fed the bytes of
both directions, that of an event stream the app's; the other two learn only when bytes moved.
"""
