"""Smoke tests: a file of steps, each a request to a service and what its answer must be.

`reading` turns a text into a `SmokeTest`; `talk` makes the request of each step (the only part with
I/O besides `run`, which has the clock); `checks` compares the answer with what is expected;
`result` is the verdict, and `reports` writes it down. A test without steps proves nothing, so it
fails.
"""
