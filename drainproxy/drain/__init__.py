"""The policy of a drain: its phases, what is in flight, when clients are told. Pure: time is an
argument."""
