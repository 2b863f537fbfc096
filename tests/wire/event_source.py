"""What an EventSource makes of a stream: the specification to the letter, and no tracker."""

import re

BOM = b"\xef\xbb\xbf"


class Read:
    """A stream by the letter of the specification (WHATWG HTML 9.2.5 and 9.2.6)."""

    def __init__(self, stream: bytes) -> None:
        *lines, self.rest = re.split(rb"\r\n|\n|\r", stream.removeprefix(BOM))
        self.block: list[bytes] = []
        self.last_id = buffer = b""
        for line in lines:
            name, _, value = line.partition(b":")
            if not line:
                self.block.clear()
                self.last_id = buffer
            elif name not in (b"", b"retry"):
                self.block.append(line)
            if name == b"id" and b"\0" not in value:
                buffer = value.removeprefix(b" ")

    @property
    def may_end(self) -> bool:
        return not (self.rest or self.block)
