"""HTTP/1: one exchange at a time, whose two messages are tracked to their ends (RFC 9112).

connection   the session: requests go to the app, answers to the client
exchange     the state of an exchange, how it is booked, and how it ends
state        what is expected next of the client, and of the app
heads        parses heads, and remembers the last ones
body         a body with Content-Length
events       an answer that is an event stream: the carrier of its goodbye
endless      any other answer without an end of its own, likewise
"""
