"""No report holds what a test keeps secret, whoever repeats it."""

import json
import re
from asyncio import StreamReader, StreamWriter
from base64 import b64encode
from hashlib import sha256
from time import monotonic
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.smoke.credentials import spelt
from drainproxy.rollout.smoke.hiding import (
    Hiding,
    _forms,
    _Patterns,
    hiding_of,
    is_secret,
    variables,
)
from drainproxy.rollout.smoke.reading import SmokeOptions
from drainproxy.rollout.smoke.reports import as_human, as_json, as_junit
from drainproxy.rollout.smoke.result import Attempt, StepResult
from drainproxy.rollout.smoke.run import run
from drainproxy.rollout.smoke.talk import talk
from tests.rollout.smoke.files import mistakes, read
from tests.rollout.smoke.talk.asked import Nobody
from tests.rollout.smoke.talk.servers import says, serving

SECRET = "s3cr3t/of+mine"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Authorization", True),
        ("AUTHORISATION", True),
        ("X-Auth", True),
        ("Set-Cookie", True),
        ("X-Api-Key", True),
        ("DB_PASSWORD", True),
        ("AWS_ACCESS_KEY_ID", True),
        ("sessionId", True),
        ("Author", False),
        ("authority", False),
        ("Key", False),
        ("TOKEN_FILE", False),
        ("token_type", False),
        ("SSH_AUTH_SOCK", False),
    ],
)
def test_a_name_says_whether_it_is_secret(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("KEY", "0a1b2c3d", True),
        ("KEY", "0a1b2c3", False),
        ("PIN_TOKEN", "1234", True),
        ("BASE", "https://shop.example:8443/a", False),
        ("BASE", "https://ann:pw@shop.example", True),
        ("HOST", "shop.example:8080", False),
        ("HOST", "localhost:80", False),
        ("HOST", "[::1]:80", False),
        ("HOST", "10.12.13.14:80", False),
        ("CA", "/etc/ssl/ca.pem", False),
        ("JWT", "eyJhbGci.eyJzdWIi.c2lnbmF0", True),
        ("NUMBER", "12345678", False),
        ("GIT_SHA", "0a1b2c3d4e5f", False),
        ("APP_VERSION", "v1.24.3-rc1", False),
        ("IMAGE", "docker://ann:pw@shop", True),
        ("TOKEN_VERSION", "0a1b2c3d", True),
    ],
)
def test_a_variable_is_secret_unless_it_plainly_is_not(name: str, value: str, secret: bool) -> None:
    assert bool(variables({name: value})) is secret


CODED = b64encode(SECRET.encode()).decode()
BASIC = b64encode(f"ann:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    "step",
    [
        f"{{http: {{url: /, headers: {{Authorization: Bearer {SECRET}}}}}}}",
        f"{{http: {{url: /, headers: {{authorization: Basic {BASIC}}}}}}}",
        f"{{http: {{url: /, headers: {{Cookie: 'a=b; id={SECRET}'}}}}}}",
        f"{{websocket: {{url: /, headers: {{X-Api-Key: {SECRET}}}}}}}",
        f"{{sse: {{url: /, headers: {{X-Api-Key: [other, {SECRET}]}}}}}}",
        f"{{grpc: {{metadata: {{x-token: {SECRET}, x-bin: !!binary AP8=, x: y}}}}}}",
        f"{{grpc: {{metadata: {{x-token-bin: !!binary {CODED}}}}}}}",
        f"{{grpc: {{method: a.B/C, json: {{a: [{{token: {SECRET}}}, 1]}}}}}}",
        f"{{http: {{url: /, json: {{password: {SECRET}}}}}}}",
        f"{{http: {{url: /, json: [[], {{passwords: [{SECRET}]}}]}}}}",
        f"{{http: {{url: /, form: {{password: {SECRET}, a: b}}}}}}",
        f"{{exec: [./check, --token, {SECRET}]}}",
        f"{{exec: [./check, '--token={SECRET}']}}",
        f"{{exec: [curl, -u, 'ann:{SECRET}', /]}}",
        f"{{exec: [curl, '-uann:{SECRET}', /]}}",
        f"{{exec: [curl, '--user=ann:{SECRET}', /]}}",
        f"{{exec: 'curl --proxy-user ann:{SECRET} /'}}",
        f"{{exec: [curl, -u, '{SECRET}:', /]}}",
        f"{{exec: \"curl -H 'Authorization: Bearer {SECRET}' /\"}}",
        f"{{exec: DB_PASSWORD={SECRET} ./check}}",
    ],
)
def test_what_stands_under_a_name_that_says_so_is_hidden(step: str) -> None:
    hide = hiding_of(read(f"[{step}]")).text

    assert hide(f"it is {SECRET}, or") == "it is ..., or"
    assert hide("a b, y, instead of check") == "a b, y, instead of check"


@pytest.mark.parametrize(
    "command",
    [
        f"[curl, -v, -u, 'ann:{SECRET}', /]",
        f"[curl, -v, '-uann:{SECRET}', /]",
        f"'curl -v --user ann:{SECRET} /'",
        "[curl, -v, 'http://ann:s3cr3t%2Fof%2Bmine@127.0.0.1/']",
        "'curl -v http://[ http://ann:s3cr3t%2Fof%2Bmine@127.0.0.1/ >&2'",
    ],
)
def test_what_a_program_makes_of_a_user_is_hidden(command: str) -> None:
    """curl says with -v what it sends."""
    test = read(f"[{{exec: {command}}}]")
    said = f"Authorization: Basic {b64encode(f'ann:{SECRET}'.encode()).decode()}"
    assert hiding_of(test).of(test.steps[0].action)(said) == "Authorization: Basic ..."


@pytest.mark.parametrize(
    "step",
    [
        "{exec: [mysql, -u, html, -url://a:body, --user, plain]}",
        "{http: {url: /, headers: {authorization: Basic --}, body: '{nothing'}}",
        "{http: {url: /, headers: {accept: text/html}, method: PUT, body: plain}}",
        "{exec: [./check, --author, somebody, --token, a]}",
    ],
)
def test_what_nothing_is_known_of_is_said(step: str) -> None:
    said = "text/html by somebody for plain {nothing"
    assert hiding_of(read(f"[{step}]")).text(said) == said


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (SECRET, "s3cr3t%2Fof%2bmine"),
        ('a"quote', '{"x": "a\\"quote"}'),
        ("a\\back", "'a\\\\back'"),
        ("schön/n", '"sch\\u00f6n/n"'),
        (SECRET, '"s3cr3t\\/of+mine"'),
        ("s3cr3t&<>", '"s3cr3t\\u0026\\u003c\\u003e"'),
        ("s3cr3t&<>'", "s3cr3t&amp;&lt;&gt;&#x27;"),
        ("first line\nsecond line", "no 'first line', second line"),
        ("x" * 5000, "x" * 4096),
    ],
)
def test_a_secret_is_known_as_others_write_it(secret: str, said: str) -> None:
    hidden = Hiding([secret]).text(said)
    assert "..." in hidden
    assert not {"s3cr3t", "quote", "back", "sch", "line", "xxxx"} & {
        word for word in {"s3cr3t", "quote", "back", "sch", "line", "xxxx"} if word in hidden
    }


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        (f"it began with '{SECRET[:7]}'", "it began with '...'"),
        (f"it is {SECRET[:5]}...", "it is ......"),
        (f"it is {SECRET[:5]}", f"it is {SECRET[:5]}"),
        ("it is 'nothing'", "it is 'nothing'"),
    ],
)
def test_the_beginning_of_a_secret_is_hidden_where_a_quotation_is_cut_off(
    said: str, hidden: str
) -> None:
    assert Hiding([SECRET]).text(said) == hidden


class Listening(Nobody):
    """Writes down all that it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def begins(self, step: Any) -> None:
        self.heard.append(step.name)

    def retries(self, step: Any, number: int, attempt: Attempt) -> None:
        self.heard += [step.name, attempt]

    def ended(self, result: StepResult) -> None:
        self.heard.append(result)


async def told(text: str, port: int = 1) -> str:
    """Everything that anybody hears of a run of this test, which fails."""
    environ = {"KEY": SECRET, "PATH": "/usr/bin:/bin", "MY_TOKEN": "unused-in-the-file"}
    options = SmokeOptions(url=f"http://127.0.0.1:{port}", timeout=5.0, retries=1, retry_interval=0)
    watcher = Listening()
    result = await run(read(text, options, environ), talk, watcher)
    assert result.verdict == "fail"
    reports = [report(result) for report in (as_human, as_json, as_junit)]
    return "\n".join([*reports, repr(watcher.heard)])


async def echo(reader: StreamReader, writer: StreamWriter) -> None:
    """Repeats what it is sent: behind so many characters that a quotation ends within it."""
    head = await reader.readuntil(b"\r\n\r\n")
    value = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"x-key"))[7:]
    body = b"." * 110 + value
    writer.write(b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()


@pytest.mark.parametrize("kind", ["http", "sse", "websocket"])
async def test_what_a_server_repeats_is_in_no_report(kind: str) -> None:
    async with serving(echo) as port:
        said = await told(f"[{{{kind}: {{url: /, headers: {{X-Key: '${{KEY}}'}}}}}}]", port)
    assert "....." in said
    assert SECRET[:4] not in said


@pytest.mark.parametrize("kind", ["http", "sse", "websocket"])
@pytest.mark.parametrize(
    "answer",
    [
        f"HTTP/1.1 302 Found\r\nLocation: /{SECRET}\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 302 Found\r\nLocation: ftp://a/{SECRET}\r\nContent-Length: 0\r\n\r\n",
        f"I was sent {SECRET}\r\n\r\n",
        f"and what I was sent is as follows: {SECRET}\r\n\r\n",
    ],
)
async def test_neither_is_it_where_it_redirects_to_or_what_it_says_instead(
    kind: str, answer: str
) -> None:
    async with serving(says(answer.encode())) as port:
        said = await told(f"[{{{kind}: {{url: /, headers: {{X-Key: '${{KEY}}'}}}}}}]", port)
    assert SECRET[:4] not in said


@pytest.mark.parametrize(
    "step",
    [
        "{exec: ['sh', '-c', 'echo $KEY; exit 1', '${KEY}']}",
        "{exec: ['./${KEY}']}",
        "{exec: 'echo $MY_TOKEN; exit 1'}",
        "{exec: 'seq 100; echo ${KEY}12; exit 1', expect: {contains: ['${KEY}', x]}}",
        "{exec: ['false', '--password', 's3cr3t/of+mine']}",
        "{name: 'with ${KEY}', exec: 'false'}",
        "{exec: 'echo a', expect: {contains: '${KEY}'}}",
        "{exec: 'echo a', expect: {matches: '${KEY}'}}",
    ],
)
async def test_neither_is_what_a_program_repeats_or_a_step_is_called(step: str) -> None:
    said = await told(f"{{name: '${{KEY}}', steps: [{step}]}}")
    assert SECRET[:4] not in said
    assert "unused-in" not in said


def test_neither_is_it_in_a_mistake() -> None:
    said = mistakes("[{http: '/ ${KEY} a', timeout: '${KEY}'}]", KEY=SECRET)
    assert len(said) == 2
    assert SECRET[:4] not in "".join(said)


ALPHABET = 'ab%4/+ \\"<é2B'


def encoded(secret: str, how: str) -> str:
    """A form of it as somebody writes it."""
    if how == "plain":
        return secret
    if how == "quoted":
        return quote(secret, safe="")
    return quote_plus(secret).lower() if how == "form" else json.dumps(secret)[1:-1]


@given(
    st.lists(st.text(ALPHABET, min_size=4, max_size=8), min_size=1, max_size=6),
    st.data(),
)
def test_secrets_are_hidden_as_one_pattern_of_all_forms_hides_them(
    secrets: list[str], data: st.DataObject
) -> None:
    parts = st.one_of(
        st.text(ALPHABET, max_size=6),
        st.builds(
            encoded, st.sampled_from(secrets), st.sampled_from(["plain", "quoted", "form", "json"])
        ),
    )
    text = "".join(data.draw(st.lists(parts, max_size=6)))
    known = [each.strip() for each in secrets if len(each.strip()) >= 4]
    forms = sorted(dict.fromkeys(f for each in known for f in _forms(each)), key=len, reverse=True)
    one = re.compile("|".join(map(spelt, forms)))
    assert not known or _Patterns(forms).hidden_in(text) == one.sub("...", text)


def test_many_secrets_take_little_time() -> None:
    secrets = [sha256(str(number).encode()).hexdigest() for number in range(1800)]
    hiding = Hiding(secrets)
    text = "a body with nothing in it, " * 800 + secrets[7]
    began = monotonic()
    assert secrets[7] not in hiding.text(text)
    assert monotonic() - began < 0.5
