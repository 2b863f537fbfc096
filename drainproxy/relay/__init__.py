"""The data path: each client connection is paired with one app connection, bytes just pass.

A session is the protocol of its client's connection, and has one more for the app's (`app_side`).
What either sends at once is read in parts, so that nobody keeps the others waiting (`turns`), and
of an upload little is read ahead of the app (`small_reads`).
"""
