"""The relay from outside: bytes of a client and of an app go in, and what comes out is compared.

There are two ways to write a test, and both run without a loop, a socket or a clock of their own.

By hand, a test is a conversation:

    talk = Conversation()
    talk.client_sends(request("/"))
    assert talk.app_got() == request("/")
    talk.app_sends(response(body=b"hello"))
    assert talk.client_got() == response(body=b"hello")

`conversation` says how, for bytes and for frames of HTTP/2; `streams`, `upgraded` and `aged` make
conversations that have come to a point where many tests begin.

What holds for a kind of stream whatever carries it is written once, in `goodbye`: a fixture opens
one over each transport, and `carried` has its two sides say the same in payloads:

    def test_a_law(websocket: type[WebSocket]) -> None:
        talk = websocket()
        talk.app_sends(TEXT)
        assert talk.client_got() == TEXT

At random, Hypothesis makes the conversation and a `Model` knows what must hold after every step:
`peers` plays both sides with a library of HTTP/2, and `http2_story` writes what they say by hand. A
law that a model can state belongs there; a moment that has a name (an issue, a line of an RFC) is a
conversation by hand.

`talk.proxy` is the process around the session: its limits, its counters, its ledger (`Books`, which
remembers how everything ended). `talk.proxy.wait(seconds)` moves the only clock.
"""
