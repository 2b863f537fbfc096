"""Log lines of aiohttp servers for input that is not HTTP: a port scan, TLS, a mistake."""

import logging

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

# Seconds: who scans a port must not fill the log.
_EVERY = 1.0
_LONGEST = 200


class Brief(logging.Filter):
    """For the logger of such a server: it has an error with its traceback for each, of which this
    makes one line that is a warning, and no more than one each second."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is logged; the record of such a request is changed."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError | RequestPayloadError):
            return True
        if record.created < self._next:
            return False
        self._next = record.created + _EVERY
        record.exc_info, record.args = None, None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        said = error.message if isinstance(error, HttpProcessingError) else str(error)
        record.msg = f"no HTTP request: {' '.join(said.split())[:_LONGEST]}"
        return True


def brief(name: str) -> logging.Logger:
    """The logger of this name, with such a filter."""
    logger = logging.getLogger(name)
    if not any(isinstance(each, Brief) for each in logger.filters):
        logger.addFilter(Brief())
    return logger
