"""Log lines on stderr, as text for people or as JSON for programs."""

import json
import logging
import sys
import time
from typing import Any, TextIO

log = logging.getLogger("drainproxy")


def configure(level: str, form: str) -> None:
    """Set up the log of this process: `form` is `text` or `json`."""
    log.handlers[:] = [_handler(form)]
    log.propagate = False
    set_level(level)
    # Libraries' lines may contain text of clients, and need our formatter too.
    logging.lastResort = _handler(form)
    logging.lastResort.setLevel(logging.WARNING)


def _handler(form: str) -> logging.StreamHandler[TextIO]:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    return handler


def set_level(level: str) -> None:
    """Set the level: `debug`, `info`, `warning` or `error`."""
    log.setLevel(level.upper())


def utc(created: float) -> str:
    """Seconds since 1970 as an RFC 3339 date and time."""
    seconds, fraction = divmod(created, 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(fraction * 1000):03}Z"


def printable(text: str) -> str:
    """The text with control characters escaped: line ends, those of terminals, and those that
    change the direction of text (CWE-117)."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line, logged with `extra={"fields": {...}}`."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


class TextFormatter(logging.Formatter):
    """Formats lines as `time level message key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and those of a traceback, each made `printable`."""
        fields = "".join(f" {key}={_plain(value)}" for key, value in _fields(record).items())
        said = f"{record.getMessage()}{fields}"
        line = f"{utc(record.created)} {record.levelname.lower():7} {printable(said)}"
        if not record.exc_info:
            return line
        traceback = self.formatException(record.exc_info).splitlines()
        return "\n".join([line, *map(printable, traceback)])


class JsonFormatter(logging.Formatter):
    """Formats each line as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The line as a JSON object."""
        entry = {
            "time": utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
            # Details that would make a text line too long.
            **getattr(record, "details", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def _plain(value: Any) -> str:
    """The value as text, quoted where its end would not be clear."""
    bare = not isinstance(value, dict | list) and not set(' "=') & set(str(value))
    return str(value) if bare else json.dumps(value, ensure_ascii=False)
