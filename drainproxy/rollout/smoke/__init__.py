"""Smoke tests: a file of steps, each a question to a service and what its answer must be.

A text becomes a `SmokeTest` (`reading`), each of its steps is asked (`talk`, the only part that
does I/O besides `run`, which has the clock), what came back is compared with what was expected
(`checks`), and the whole is one verdict (`result`) that `reports` writes down. A test without a
step proves nothing, so it fails.
"""
