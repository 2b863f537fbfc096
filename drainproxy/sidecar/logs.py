"""Log lines on stderr, as text for people or as JSON for machines."""

import json
import logging
import sys
import time
from typing import Any

log = logging.getLogger("drainproxy")


def configure(level: str, form: str) -> None:
    """Set up the log of this process: `form` is `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    log.handlers[:] = [handler]
    log.propagate = False
    set_level(level)


def set_level(level: str) -> None:
    """`debug`, `info`, `warning` or `error`."""
    log.setLevel(level.upper())


def utc(created: float) -> str:
    """Seconds since 1970 as RFC 3339 writes them."""
    seconds, fraction = divmod(created, 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(fraction * 1000):03}Z"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was logged with `extra={"fields": {...}}`."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


class TextFormatter(logging.Formatter):
    """`time level message key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = "".join(f" {key}={_plain(value)}" for key, value in _fields(record).items())
        line = f"{utc(record.created)} {record.levelname.lower():7} {record.getMessage()}{fields}"
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry = {
            "time": utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
