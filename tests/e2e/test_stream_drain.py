"""Answers without an end: those that are named end at leaving, all others are in the report."""

import asyncio

import pytest

from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import begin, connected
from tests.e2e.hyper_app import hyper_app
from tests.e2e.hyper_client import connected as connected_over_http2
from tests.e2e.process import sidecar

DRAIN = ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-spread", "0s")
# Its bytes come steadily, in chunks.
LONG = "/download?size=60000&seconds=60&chunked=1"


@pytest.mark.parametrize("named", ["/download=end", "application/octet-stream=end,/other=end"])
def test_what_is_named_ends_as_a_whole_answer_and_nothing_is_cut(
    named: str, demo_app: DemoApp
) -> None:
    arguments = (*DRAIN, "--drain-timeout", "10s", "--stream-drain", named)
    with sidecar(demo_app.address, *arguments) as running, connected(running.port) as client:
        answer = begin(client, LONG)
        report = running.post("/drain?wait=1")[1]
        # An end that is missing would be an error.
        assert len(answer.read()) < 60000
        assert report["verdict"] == "clean"
        assert report["ended"]["http1"]["goodbye"] == 1


def test_what_is_not_named_is_waited_for_and_the_report_says_so(demo_app: DemoApp) -> None:
    arguments = (*DRAIN, "--drain-timeout", "600ms", "--stream-drain", "/other=end")
    with sidecar(demo_app.address, *arguments) as running, connected(running.port) as client:
        begin(client, LONG)
        report = running.post("/drain?wait=1")[1]
        assert report["verdict"] == "cut 1"
        assert [each["path"] for each in report["blockers"]] == ["/download"]


@pytest.mark.parametrize(
    ("named", "within", "verdict"),
    [("/held=end", "10s", "clean"), ("/other=end", "600ms", "cut 1")],
)
async def test_over_http2_the_same_is_told_by_end_stream_and_by_a_reset(
    named: str, within: str, verdict: str
) -> None:
    """RFC 9113 8.1: END_STREAM ends a whole answer, RST_STREAM one that is not."""
    held = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/held"),
        (":authority", "a.example"),
    ]
    async with hyper_app() as app:
        arguments = (*DRAIN, "--drain-timeout", within, "--stream-drain", named)
        with sidecar(app.address, *arguments) as running:
            async with connected_over_http2(running.port) as client:
                stream = client.begin([*held, ("x-name", "one")], ends=True)
                answer = client.streams[stream]
                await client.until(lambda: bool(answer.status))
                _, report = await asyncio.to_thread(running.post, "/drain?wait=1")
                await client.until(lambda: bool(client.end))
    is_whole = verdict == "clean"
    assert (report["verdict"], answer.ended, answer.reset is None) == (verdict, is_whole, is_whole)
    ending = "goodbye" if is_whole else "cut"
    assert [(each["path"], each["ending"]) for each in report["blockers"]] == [("/held", ending)]
