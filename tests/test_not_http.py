"""Garbage on a port of ours is a line of the log, and not one for each piece of it."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from aiohttp import web

from drainproxy.not_http import Brief, brief
from tests.e2e.process import PATIENCE

NAME = "a.server"
GARBAGE = (
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    found = brief(NAME)
    yield found
    found.filters.clear()


class Heard(logging.Handler):
    """Keeps what is logged; `event` is set when something is."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.event.set()


async def sent(garbage: bytes, logger: logging.Logger, heard: Heard) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, logger=logger)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
    writer.write(garbage)
    assert await reader.read(1)
    # It may be logged behind the answer.
    await asyncio.wait_for(heard.event.wait(), PATIENCE)
    writer.close()
    await runner.cleanup()


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_it_is_a_warning_of_one_line(garbage: bytes, logger: logging.Logger) -> None:
    heard = Heard()
    logger.addHandler(heard)
    await sent(garbage, logger, heard)
    logger.removeHandler(heard)
    (record,) = heard.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert record.getMessage().startswith("no HTTP request: ")
    assert "\n" not in record.getMessage()


def test_of_many_one_a_second_is_logged() -> None:
    one, told = Brief(), []
    for moment in (10.0, 10.5, 10.9, 11.0, 11.5):
        record = logging.makeLogRecord({"exc_info": (None, web.RequestPayloadError("x"), None)})
        record.created = moment
        told.append(one.filter(record))
    assert told == [True, False, False, True, False]


def test_an_error_of_ours_keeps_its_traceback(logger: logging.Logger) -> None:
    record = logging.makeLogRecord({"exc_info": (None, ValueError("x"), None)})
    assert logger.filter(record)
    assert record.exc_info


def test_a_logger_has_one_such_filter_however_often_it_is_asked_for() -> None:
    assert brief("another.server") is brief("another.server")
    assert len(brief("another.server").filters) == 1
