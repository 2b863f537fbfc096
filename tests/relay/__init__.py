"""The relay from outside: bytes of a client and of an app go in, and what comes out is compared.

There are two ways to write a test, and both run without a loop, a socket or a clock of their own.

By hand, a test is a conversation:

    talk = Conversation()                      # `conversation`: bytes, as HTTP/1 and TCP have them
    talk.client_sends(request("/"))
    assert talk.app_got() == request("/")
    talk.app_sends(response(body=b"hello"))
    assert talk.client_got() == response(body=b"hello")

    talk = Streaming()                         # `streaming`: the same in frames of HTTP/2
    talk.client_begins(GET)                    # the preface, SETTINGS and a request

What holds for a kind of stream whatever carries it is written once, in `goodbye`: the classes
of `goodbye.carried` speak payloads, and a fixture runs each law over every transport.
`aged` and `upgraded` make conversations that have come to a point where many tests begin.

At random, Hypothesis makes the conversation and a model knows what must hold after every step:
`http2_story` writes what both sides say, `h2_model` plays both peers with a library of HTTP/2, and
`goodbye_model` adds goodbyes to that. A law that a model can state belongs there; a moment that has
a name (an issue, a line of an RFC) is a conversation by hand.

`talk.proxy` is the process around the session: its limits, its counters, its ledger (`Books`, which
remembers how everything ended). `talk.proxy.wait(seconds)` moves the only clock.
"""
