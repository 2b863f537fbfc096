"""The running process: the only room with a loop, a clock, sockets and signals."""
