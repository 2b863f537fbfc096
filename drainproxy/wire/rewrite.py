"""What the proxy changes in a head, and the responses of its own."""

from drainproxy.wire.fields import Field, field_of, forwarded_parameters, plain_line, tokens

END_OF_HEAD = b"\r\n\r\n"


def close_after(head: bytes) -> bytes:
    """The response head with `Connection: close`, which takes the place of keep-alive."""
    kept, others = [], []
    for line in head[:-4].split(b"\r\n"):
        meaning = field_of(line)
        if meaning == Field.CONNECTION:
            others += [t for t in tokens(line.partition(b":")[2]) if t not in _PERSISTENCE]
        elif meaning != Field.KEEP_ALIVE:
            kept.append(line)
    kept.append(b"Connection: " + b", ".join([b"close", *others]))
    return b"\r\n".join(kept) + END_OF_HEAD


_PERSISTENCE = (b"", b"close", b"keep-alive")


def without_framing(head: bytes) -> bytes:
    """The head of an answer without a body, without the fields that a 1xx or 204 must not have
    (RFC 9112 6.1, RFC 9110 8.6): some clients wait for the body that these announce."""
    kept = [line for line in head[:-4].split(b"\r\n") if field_of(line) not in _FRAMING]
    return b"\r\n".join(kept) + END_OF_HEAD


_FRAMING = (Field.TRANSFER_ENCODING, Field.CONTENT_LENGTH)


def with_upgrade(head: bytes, connection: tuple[bytes, ...], upgrade: bytes) -> bytes:
    """The request head with this Upgrade instead of its own; with none at all if it is empty."""
    kept = [
        line
        for line in head[:-4].split(b"\r\n")
        if field_of(line) not in (Field.UPGRADE, Field.HTTP2_SETTINGS, Field.CONNECTION)
    ]
    tokens = [t for t in connection if t not in (b"", b"upgrade", b"http2-settings")]
    if upgrade:
        tokens.append(b"upgrade")
        kept.append(b"Upgrade: " + upgrade)
    if tokens:
        kept.append(b"Connection: " + b", ".join(tokens))
    return b"\r\n".join(kept) + END_OF_HEAD


def with_host(head: bytes, host: bytes) -> bytes:
    """The request head with this Host instead of its own, at the place that RFC 9110 7.2 likes."""
    line, *fields = head[:-4].split(b"\r\n")
    kept = [field for field in fields if field_of(field) != Field.HOST]
    return b"\r\n".join([line, b"Host: " + host, *kept]) + END_OF_HEAD


def with_plain_lines(head: bytes) -> bytes:
    """The request head with its fields in the one spelling that nobody can misread."""
    line, *fields = head[:-4].split(b"\r\n")
    pairs = (field.partition(b":") for field in fields)
    plain = [plain_line(name, value) for name, _, value in pairs]
    return b"\r\n".join([line, *plain]) + END_OF_HEAD


def append_forwarded(head: bytes, host: bytes | None, client: bytes, scheme: bytes) -> bytes:
    """The head of a request that came through proxies before: the client is appended to
    X-Forwarded-For; the first proxy's word on protocol and host stands, for it saw the client,
    whether it said so in fields of this kind or in the standard one (RFC 7239)."""
    lines = head[:-4].split(b"\r\n")
    seen = [field_of(line) for line in lines]
    said: set[bytes] = set()
    for line, meaning in zip(lines, seen, strict=True):
        if meaning == Field.FORWARDED:
            said |= forwarded_parameters(line.partition(b":")[2])
    if Field.FORWARDED_FOR in seen:
        last = len(seen) - 1 - seen[::-1].index(Field.FORWARDED_FOR)
        name, _, others = lines[last].rstrip(b" \t").partition(b":")
        # RFC 9110 5.6.1: no list is written with an empty member.
        lines[last] = name + (b":" + others + b", " if others else b": ") + client
    else:
        lines.append(b"X-Forwarded-For: " + client)
    if Field.FORWARDED_PROTO not in seen and b"proto" not in said:
        lines.append(b"X-Forwarded-Proto: " + scheme)
    if Field.FORWARDED_HOST not in seen and b"host" not in said and host is not None:
        lines.append(b"X-Forwarded-Host: " + host)
    return b"\r\n".join(lines) + END_OF_HEAD


_PHRASES = {
    400: b"Bad Request",
    408: b"Request Timeout",
    414: b"URI Too Long",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
}


def answer(status: int, reason: str, *, body: bool = True, retry_after: int | None = None) -> bytes:
    """A final answer of our own that ends the connection; without a body for HEAD."""
    text = f"drainproxy: {reason}\n".encode()
    # RFC 9209: tells our answers from the app's.
    lines = [
        b"HTTP/1.1 %d %s" % (status, _PHRASES[status]),
        b'Proxy-Status: drainproxy; details="%s"' % reason.replace('"', "'").encode(),
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(text),
        b"Connection: close",
    ]
    if retry_after is not None:
        lines.append(b"Retry-After: %d" % retry_after)
    return b"\r\n".join(lines) + END_OF_HEAD + (text if body else b"")
