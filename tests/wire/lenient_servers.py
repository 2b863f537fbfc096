"""What lenient servers read as a whole request: each is what its source says, and was tried."""

import re


def wsgiref_serves(data: bytes) -> bool:
    """And Werkzeug, gevent and Eventlet."""
    line, line_end, rest = data.decode("latin-1").partition("\n")
    words = line.split()
    if len(words) == 3:
        version = words[2].removeprefix("HTTP/").split(".")
        said = words[2].startswith("HTTP/") and len(version) == 2
        served = said and all(number.isdigit() for number in version)
    else:
        served = len(words) == 2 and words[0] == "GET"
    ended = rest.startswith(("\r\n", "\n")) or "\n\n" in rest or "\n\r\n" in rest
    return served and bool(line_end) and ended


def cheroot_serves(data: bytes) -> bool:
    line, _, rest = data.removeprefix(b"\r\n").partition(b"\n")
    words = line.strip().split(b" ", 2)
    if len(words) < 3 or not words[2].startswith(b"HTTP/") or not line.endswith(b"\r"):
        return False
    try:
        version = [int(number) for number in words[2][5:].split(b".", 1)]
    except ValueError:
        return False
    return len(version) == 2 and (rest.startswith(b"\r\n") or b"\r\n\r\n" in rest)


WAITRESS = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) [^ \r\n]+(?: HTTP/[0-9]\.[0-9])?")
FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n]*")


def waitress_serves(data: bytes) -> bool:
    head, end, _ = data.lstrip().partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    method = WAITRESS.fullmatch(line.rstrip())
    return bool(
        end and method and method[1].isupper() and all(FIELD.fullmatch(field) for field in fields)
    )


NODE = re.compile(
    rb"(?:\r\n)*(?:(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE) [!-~]+ HTTP/1\.[01]"
    rb"|(?:GET|OPTIONS|DESCRIBE|SETUP|PLAY|ANNOUNCE) [!-~]+ RTSP/1\.0"
    rb"|SOURCE [!-~]+ ICE/1\.0)\r?\n"
)


def node_serves(data: bytes) -> bool:
    """As far as a request line goes."""
    return bool(NODE.match(data)) and b"\r\n\r\n" in data
