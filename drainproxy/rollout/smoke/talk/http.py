"""Makes an HTTP request, and reads its whole response."""

from asyncio import sleep

import aiohttp

from drainproxy.rollout.smoke.answers import HttpAnswer
from drainproxy.rollout.smoke.model import Http
from drainproxy.rollout.smoke.stage import Stage

from .coding import Decoder
from .sessions import MOST_REDIRECTS, in_body, in_words, must_be_http1, session

# So much of a body is kept for the checks, in bytes; the rest is read and counted.
KEPT = 1 << 20


async def ask(action: Http, stage: Stage) -> HttpAnswer:
    """Ask once; the body is read whole, for an answer without an end is none."""
    with in_words(action.url):
        async with (
            session(action.url, action.tls, stage) as client,
            client.request(
                action.method,
                action.url,
                headers=list(action.headers),
                data=action.body,
                allow_redirects=action.follows,
                max_redirects=MOST_REDIRECTS,
                server_hostname=action.tls.server_name or None,
            ) as answer,
        ):
            must_be_http1(answer)
            with in_body():
                body, size = await _body(answer, stage)
    headers = tuple((name, value) for name, value in answer.headers.items())
    return HttpAnswer(answer.status, headers, body, size)


async def _body(answer: aiohttp.ClientResponse, stage: Stage) -> tuple[bytes, int]:
    kept, size = bytearray(), 0
    hint = " (an event stream: an sse step reads those)" if _is_stream(answer) else ""
    decoder = Decoder(answer.headers.get("Content-Encoding", ""))
    while True:
        stage.waiting_for = f"status {answer.status} came, {size} bytes and no end{hint}"
        piece = await answer.content.readany()
        if not piece:
            decoder.end()
            return bytes(kept), size
        for part in decoder.feed(piece):
            size += len(part)
            kept += part[: KEPT - len(kept)]
            # A few bytes may become many, and the time of a test may be over meanwhile.
            await sleep(0)


def _is_stream(answer: aiohttp.ClientResponse) -> bool:
    return answer.content_type == "text/event-stream"
