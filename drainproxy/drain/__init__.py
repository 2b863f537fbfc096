"""The policy of a drain: phases, what is in flight, when clients are told. Pure: time is an
argument."""
