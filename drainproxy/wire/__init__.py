"""Protocol grammar: bytes in, boundaries out. Pure: no clock, no sockets, no policy."""
