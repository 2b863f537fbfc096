"""The messages of gRPC health checks: `grpc.health.v1`, in the encoding of protocol buffers.

Each has one field of its own, number 1; what else a peer may put in is read over.
"""

from collections.abc import Iterator

SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3

# The wire types that are in use; 3 and 4, groups, are none of them.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
# Field 1: the service of a request, the status of a response.
_SERVICE = 1 << 3 | _BYTES
_STATUS = 1 << 3 | _VARINT
# What does not fit into 64 bits is no varint.
_MOST_BYTES = 10


class Malformed(ValueError):
    """Bytes that are no such message."""


def request(service: str) -> bytes:
    """A HealthCheckRequest; the empty service is the server as a whole."""
    name = service.encode()
    return _varint(_SERVICE) + _varint(len(name)) + name if name else b""


def response(status: int) -> bytes:
    """A HealthCheckResponse."""
    return _varint(_STATUS) + _varint(status)


def requested_service(message: bytes) -> str:
    """What a HealthCheckRequest asks for; Malformed if it is none."""
    name = b""
    for tag, value in _fields(message):
        if tag == _SERVICE and isinstance(value, bytes):
            name = value
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise Malformed("the name of the service is not UTF-8") from None


def answered_status(message: bytes) -> int:
    """What a HealthCheckResponse says, 0 (unknown) if nothing; Malformed if it is none."""
    status = 0
    for tag, value in _fields(message):
        if tag == _STATUS and isinstance(value, int):
            status = value
    return status


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Tag and value of each field in order; of one that comes again the last counts."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _read_varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _read_varint(message, at)
            yield tag, number
            continue
        if kind == _BYTES:
            length, at = _read_varint(message, at)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise Malformed(f"a field of type {kind}")
        if at + length > end:
            raise Malformed("a field goes on beyond the message")
        yield tag, message[at : at + length]
        at += length


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends."""
    number = 0
    for shift, byte in enumerate(message[at : at + _MOST_BYTES]):
        number |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return number, at + shift + 1
    raise Malformed("a number without an end")


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
