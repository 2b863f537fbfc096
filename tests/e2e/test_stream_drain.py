"""Answers without an end: those that are named end at leaving, all others are in the report."""

import pytest

from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import begin, connected
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
