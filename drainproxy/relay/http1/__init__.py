"""HTTP/1: one exchange at a time, whose two messages are tracked to their ends (RFC 9112).

connection   the session: forwards requests to the app and answers to the client
exchange     its base class: the state of the exchange, how it is booked, and how it ends
state        what is expected next of the client, and of the app
heads        parses heads, and caches the last ones
body         a body with Content-Length; `wire.chunked` has the other kind
events       an answer that is an event stream: the carrier of its goodbye
endless      any other answer without an end of its own: the carrier of its goodbye
"""
