"""The data path: each client connection is paired with one app connection, bytes just pass."""
