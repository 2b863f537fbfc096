"""Nothing that a report shows holds the password, or the token, of a URL."""

import json
from asyncio import StreamReader, StreamWriter
from base64 import b64encode

import pytest

from drainproxy.config import ConfigError
from drainproxy.rollout.smoke.credentials import in_words, shown, without
from drainproxy.rollout.smoke.reading import SmokeOptions, read_url
from drainproxy.rollout.smoke.reports import as_human, as_json, as_junit
from drainproxy.rollout.smoke.run import run
from drainproxy.rollout.smoke.talk import talk
from tests.rollout.smoke.files import mistakes, read
from tests.rollout.smoke.talk.asked import Nobody
from tests.rollout.smoke.talk.servers import Script, gone, says, serving


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://app/x", "https://app/x"),
        ("https://ann:pass@app:81/x", "https://app:81/x"),
        ("https://token@app", "https://app"),
        ("https://app/x?sig=pass&v=1", "https://app/x?sig=...&v=..."),
        ("https://app/x?pass", "https://app/x?..."),
        ("https://app/x?a=1#pass", "https://app/x?a=..."),
        ("https://app/@me?to=https://b:pass@c", "https://app/@me?to=..."),
        ("/x?a=pass", "/x?a=..."),
        ("/@me", "/@me"),
        ("/x?a=${TOKEN}&b=1&${C}", "/x?a=${TOKEN}&b=...&${C}"),
        ("", ""),
        # What must be encoded in a password, and is not (RFC 3986, 3.2.1).
        ("https://ann:pa/ss@app/x", "https://app/x"),
        ("https://ann:pa?ss@app/x", "https://app/x"),
        ("https://ann:p@ss@app/x", "https://app/x"),
        ("https://ann:pass@[::1/x", "https://[::1/x"),
        ("ann:pass@app/x", "app/x"),
        ("ann:pass@app:81", "app:81"),
        # A URL with a slash too many has no host, and is shown in a mistake that says so.
        ("http:///ann:pass@app", "http:///app"),
        ("http:////ann:pa/ss@app/x", "http:////app/x"),
        ("file:///x/@me", "file:///x/@me"),
    ],
)
def test_a_url_is_shown_without_what_is_secret_in_it(url: str, said: str) -> None:
    assert shown(url) == said


def test_a_command_is_shown_without_the_passwords_of_its_urls() -> None:
    assert in_words("curl 'https://a:b@app/x?k=v' -f") == "curl 'https://app/x?k=...' -f"
    assert in_words("psql postgres://a:b'c@db/shop && echo a@b") == (
        "psql postgres://db/shop && echo a@b"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Cannot GET /x?key=tops3cret&v=1", "Cannot GET /x?key=...&v=..."),
        ("no such key: tops3cret", "no such key: ..."),
        ("no such key: tops3cret/", "no such key: .../"),
        ("who is ann:pass%21@app", "who is app"),
        ("wrong password pass!", "wrong password ..."),
        (b64encode(b"ann:pass!").decode(), "..."),
        ("goes to ftp://eve:other@b/?x=1", "goes to ftp://b/?x=1"),
        ("v is 1 or 2", "v is 1 or 2"),
    ],
)
def test_what_a_server_repeats_of_a_url_is_not_said(text: str, said: str) -> None:
    assert without(text, ("", "https://ann:pass%21@app/x?key=tops3cret&v=1")) == said


@pytest.mark.parametrize(
    ("url", "text", "said"),
    [
        ("http://app/?q=ab+cdefghi", "no ab cdefghi", "no ..."),
        ("http://app/?q=ab+cdefghi", "no ab%20cdefghi, ab%2bcdefghi", "no ..., ..."),
        ("http://app/?q=ab%2Fcdefg", "no ab%2fcdefg, ab/cdefg, ab%2Fcdefg", "no ..., ..., ..."),
        ("http://app/?q=ab/cdefgh", "at /?q=ab%2fcdefgh", "at /?q=..."),
        ("http://app/?q=%C3%A4bcdefgh", "no äbcdefgh, %c3%a4bcdefgh", "no ..., ..."),
        ("http://app/?q=%FFbcdefgh", "no \ufffdbcdefgh, %ffbcdefgh", "no ..., ..."),
        ("http://app/?q=%61%2Fcdefgh", "no %61%2fcdefgh, a/cdefgh", "no ..., ..."),
        ("http://app/?q=%2F%2F%2F", "no %2f%2f%2f, but ///", "no ..., but ///"),
        ("http://app/?q=a.cdefghi\\", "no abcdefghi\\, a.cdefghi\\", "no abcdefghi\\, ..."),
        ("http://a:p%2Fss@app/", "p%2fss, p/ss, a:p%2fss@app", "..., ..., app"),
        ("http://app/", "goes to x:///ann:pass@b", "goes to x:///b"),
    ],
)
def test_a_secret_is_known_however_a_server_spells_it(url: str, text: str, said: str) -> None:
    """RFC 3986, 6.2.2: the same URL may be written in several ways."""
    assert without(text, [url]) == said


def test_a_grpc_target_is_named_without_its_user() -> None:
    (step,) = read("[{grpc: 'bob:hunter2@app:81'}]").steps
    assert step.name == "grpc health of app:81"


def test_a_step_that_is_called_by_a_url_is_called_without_its_password() -> None:
    (step,) = read("[{name: 'asks https://a:b@app/x?k=v', http: /}]").steps
    assert step.name == "asks https://app/x?k=..."


SECRETS = ("hunter2+x", "hunter2%2Bx", "t0ken-of-mine")


def assert_silent(text: str) -> None:
    assert not [each for each in SECRETS if each in text], text


@pytest.mark.parametrize(
    "step",
    [
        "{http: '%s'}",
        "{http: a b '%s'}",
        "{http: {url: 'ftp%s'}}",
        "{websocket: '%s#a'}",
        "{sse: {url: 'ftp%s'}}",
        "{grpc: '%s/x'}",
    ],
)
def test_mistakes_do_not_hold_it(step: str) -> None:
    for url in ("://ann:hunter2+x@app:x/?t0ken-of-mine", "x://ann:hunter2+x@app/?a=t0ken-of-mine"):
        told = mistakes(f"[{step.replace('%s', url).replace(': a b', ': A B')}]")
        assert told
        assert_silent(" ".join(told))
    told = mistakes("{url: 'ftp://ann:hunter2+x@app/?t0ken-of-mine', steps: [{exec: a}]}")
    assert_silent(" ".join(told))
    for url in ("ftp://ann:hunter2+x@app/?t0ken-of-mine", "https://ann:hunter2+x/@app"):
        with pytest.raises(ConfigError) as raised:
            read_url(url, SmokeOptions())
        assert_silent(str(raised.value))


async def echo(reader: StreamReader, writer: StreamWriter) -> None:
    """The head of each request is the body of its answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n%b" % (len(head), head))
    await writer.drain()


MOVED = b"HTTP/1.1 302 Found\r\nLocation: /?t=t0ken-of-mine\r\nContent-Length: 0\r\n\r\n"
ASTRAY = MOVED.replace(b": /", b": ftp://ann:hunter2+x@b/")


@pytest.mark.parametrize(
    "script",
    [gone, echo, says(MOVED), says(ASTRAY), says(b"nonsense\r\n\r\n"), says(b"HTTP/1.1 2")],
)
@pytest.mark.parametrize("kind", ["http", "sse", "websocket"])
async def test_no_report_holds_it(script: Script, kind: str) -> None:
    async with serving(script) as port:
        base = f"http://ann:hunter2%2Bx@127.0.0.1:{port}"
        url = f"{base}/x?key=t0ken-of-mine"
        test = read(f"[{{{kind}: '/x?key=t0ken-of-mine'}}]", SmokeOptions(url=base, timeout=5.0))
        result = await run(test, talk, Nobody())
        assert result.verdict == "fail"
        for report in (as_human, as_json, as_junit):
            assert_silent(report(result))
        result = await run(read_url(url, SmokeOptions(timeout=5.0)), talk, Nobody())
    for report in (as_human, as_json, as_junit):
        assert_silent(report(result))
    assert json.loads(as_json(result))["url"] == f"http://127.0.0.1:{port}/x?key=..."
