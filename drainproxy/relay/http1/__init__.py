"""HTTP/1: one exchange at a time, whose two messages are followed to their ends (RFC 9112).

connection   the session: requests go to the app, answers to the client
exchange     where both stand, how an exchange is booked, and how it ends
state        what is expected of the client, and what of the app
heads        what is read of heads, and remembered of the last ones
body         a body whose length is known
events       an answer that is an event stream: the carrier of its goodbye
endless      another answer without an end of its own, likewise
"""
