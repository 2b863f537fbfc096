"""The sockets that `sock_diag` lists, from /proc/net/tcp and tcp6 (proc(5)), where it is missing.

Every socket of the namespace is a line of 150 bytes there, so the file is read in parts.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from drainproxy.sidecar.sock_diag import Entry

TABLES: dict[int, Path] = {
    socket.AF_INET: Path("/proc/self/net/tcp"),
    socket.AF_INET6: Path("/proc/self/net/tcp6"),
}
_PART = 1 << 16


def dump(family: int, state: int, ports: Sequence[int] = ()) -> Iterator[list[Entry]]:
    """The sockets of `family` in `state`, of these local ports or of all, in parts. OSError if
    there is no such table."""
    wanted = {b"%04X" % port for port in ports}
    rest = b""
    with TABLES[family].open("rb", buffering=0) as table:
        while part := table.read(_PART):
            *lines, rest = (rest + part).split(b"\n")
            yield list(_entries(lines, b"%02X" % state, wanted))


def _entries(lines: Sequence[bytes], state: bytes, ports: set[bytes]) -> Iterator[Entry]:
    for line in lines:
        words = line.split(None, 4)
        if len(words) < 4 or words[3] != state:
            continue
        local, _, port = words[1].partition(b":")
        if not ports or port in ports:
            peer, _, peer_port = words[2].partition(b":")
            yield (_bytes(port) + _bytes(peer_port) + _address(local) + _address(peer))


def _bytes(digits: bytes) -> bytes:
    return bytes.fromhex(digits.decode("ascii"))


def _address(digits: bytes) -> bytes:
    """An address in 16 bytes, padded; it is written as words of 32 bits, each a number in this
    machine's byte order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return b"".join(word.to_bytes(4, sys.byteorder) for word in words).ljust(16, b"\0")
