"""Compares an answer with what is expected: values in, sentences out."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from .answers import (
    Answer,
    Event,
    ExecAnswer,
    GrpcAnswer,
    HttpAnswer,
    SseAnswer,
    WebSocketAnswer,
)
from .credentials import shown
from .model import (
    CLOSE_CODE,
    Action,
    ExecAction,
    ExecExpect,
    Grpc,
    GrpcExpect,
    Headers,
    Http,
    HttpExpect,
    Sse,
    SseExpect,
    Text,
    WebSocketAction,
)

# Which part of a text was kept, where it was too long.
Part = Literal["first", "last"]

# Normal closure, and going away.
_GOODBYES = (1000, 1001)

# How much of a text is shown to say what came instead, and how much of it is searched for what
# must not be shown, in characters.
_SHOWN = 120
LOOKED_AT = 4 * _SHOWN + 4096
# A quotation within a problem, and which part of it is shown.
_BEGIN, _END, _FIRST, _LAST = "\x02", "\x03", "f", "l"
_QUOTATION = re.compile(f"{_BEGIN}([^{_END}]+){_END}")


def problems(
    action: Action,
    answer: Answer,
    seconds: float,
    unmatched: Collection[str] = (),
    hide: Callable[[str], str] = str,
) -> tuple[str, ...]:
    """Everything that is wrong with an answer that took so many seconds and does not match these
    of the expected expressions; empty if it is right. `hide` takes out of what is quoted what
    nobody should read, before the quotation is cut off: the half of a secret is not known again."""
    found = [*_problems(action, answer), *_unmatched(action, answer, unmatched)]
    within = action.expect.within
    if within is not None and seconds > within:
        found.append(f"took {seconds:.3g} s, more than {within:g} s")
    return tuple(readable(each, hide) for each in found)


def readable(problem: str, hide: Callable[[str], str] = str) -> str:
    """A problem as people read it: the texts that it quotes without what is to be hidden, and
    short."""
    return _QUOTATION.sub(lambda quoted: _line(quoted[1][0], hide(quoted[1][1:])), problem)


def searched(action: Action, answer: Answer) -> tuple[tuple[str, ...], str]:
    """The expressions that an answer is to match, and its text; none where no whole text is there
    to be matched, for `problems` says that."""
    match action, answer:
        case Http(expect=expect), HttpAnswer():
            return _whole(expect.text, answer.body.decode(errors="replace"), _part(answer))
        case Grpc(expect=expect), GrpcAnswer() if action.method and answer.status == "OK":
            return _whole(expect.text, _message_text(answer), None)
        case ExecAction(expect=expect), ExecAnswer():
            return _whole(expect.text, answer.stdout, _part(answer))
    return (), ""


def _whole(expect: Text, text: str, part: Part | None) -> tuple[tuple[str, ...], str]:
    return ((), "") if part else (expect.matches, text)


def _unmatched(action: Action, answer: Answer, patterns: Collection[str]) -> Iterator[str]:
    what = {Http: "the body", Grpc: "the message", ExecAction: "its output"}.get(type(action), "it")
    for pattern in patterns:
        yield f"{what} does not match {pattern!r}{said(searched(action, answer)[1])}"


def _part(answer: HttpAnswer | ExecAnswer) -> Part | None:
    """Which part of the text of an answer was kept, if not all."""
    if isinstance(answer, ExecAnswer):
        return "last" if answer.cut else None
    return "first" if len(answer.body) < answer.size else None


def _problems(action: Action, answer: Answer) -> Iterator[str]:
    match action, answer:
        case Http(expect=expect), HttpAnswer():
            return _http(expect, answer)
        case WebSocketAction(), WebSocketAnswer():
            return _websocket(action, answer)
        case Sse(expect=expect), SseAnswer():
            return _sse(expect, answer)
        case Grpc(expect=expect), GrpcAnswer():
            return _grpc(expect, answer, bool(action.method))
        case ExecAction(expect=expect), ExecAnswer():
            return _exec(expect, answer)
    raise TypeError(f"{type(answer).__name__} answers no {type(action).__name__}")


def _http(expect: HttpExpect, answer: HttpAnswer) -> Iterator[str]:
    body = answer.body.decode(errors="replace")
    if not any(answer.status in each for each in expect.status):
        wanted = " or ".join(map(str, expect.status))
        location = dict(_lower(answer.headers)).get("location")
        to = f" (to {shown(location).partition('?')[0]})" if location else ""
        yield f"status is {answer.status}{to}, not {wanted}{said(body)}"
    yield from _headers(expect.headers, answer.headers)
    part = _part(answer)
    yield from texts("the body", expect.text, body, part)
    if expect.json is UNSET:
        return
    if part:
        yield f"{_in_part('the body', body)}: whether json holds cannot be told"
    else:
        yield from _json_text("the body", expect.json, answer.body)


def _websocket(action: WebSocketAction, answer: WebSocketAnswer) -> Iterator[str]:
    expect = action.expect
    if expect.subprotocol and answer.subprotocol != expect.subprotocol:
        chosen = answer.subprotocol or "none"
        yield f"the server chose the subprotocol {chosen}, not {expect.subprotocol}"
    came = "a lost connection" if answer.close_code is None else f"Close {answer.close_code}"
    if expect.close_code is None:
        if not _ends_well(action, answer):
            when = (
                "it opened, and the server ended it" if answer.is_theirs else "our Close ended it"
            )
            yield f"{when} with {came}: if that is right, expect it as close-code"
    elif answer.close_code != expect.close_code:
        yield f"ended with {came}, not Close {expect.close_code}"


def _ends_well(action: WebSocketAction, answer: WebSocketAnswer) -> bool:
    """Whether nothing went wrong where nothing is expected of the end. A server that is first says
    that it is done or goes away; behind our Close it may repeat our code, or give none, and many
    just hang up (RFC 6455, 5.5.1 and 7.4.1)."""
    if answer.is_theirs:
        return answer.close_code in _GOODBYES
    ours = CLOSE_CODE if action.close is None else action.close
    return answer.close_code in (None, 1005, ours, *_GOODBYES)


def _sse(expect: SseExpect, answer: SseAnswer) -> Iterator[str]:
    yield from _headers(expect.headers, answer.headers)
    if answer.events < expect.events:
        yield f"the stream ended after {_count(answer.events, 'event')} of {expect.events}"
    late = expect.first_event_within
    if late is not None and answer.first_event is not None and answer.first_event > late:
        yield f"the first event took {answer.first_event:.3g} s, more than {late:g} s"
    for what in answer.missing if answer.events else ():
        yield f"no event of {answer.events} {what}"


class Wanted:
    """What is expected of any event of a stream, and none has been so far. Events are not kept: a
    stream may have very many."""

    def __init__(self, expect: SseExpect) -> None:
        self._texts = list(expect.contains)
        self._name = expect.event

    def take(self, event: Event) -> None:
        """One more event."""
        self._texts = [text for text in self._texts if text not in event.data]
        if event.name == self._name:
            self._name = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What no event has been."""
        named = [f"is called {self._name}"] if self._name else []
        return (*(f"holds {text!r}" for text in self._texts), *named)


def _grpc(expect: GrpcExpect, answer: GrpcAnswer, called: bool) -> Iterator[str]:
    if answer.status != expect.status:
        details = f": {_shown(answer.details)}" if answer.details else ""
        yield f"status is {answer.status}, not {expect.status}{details}"
        return
    if answer.status != "OK":
        return
    if not called:
        if answer.health != expect.health:
            yield f"health is {answer.health}, not {expect.health}"
        return
    yield from texts("the message", expect.text, _message_text(answer))
    if expect.json is not UNSET:
        if answer.json is UNSET:
            yield from _json_text("the message", expect.json, answer.message)
        else:
            yield from differences("the message", expect.json, answer.json)


def _message_text(answer: GrpcAnswer) -> str:
    if answer.json is UNSET:
        return answer.message.decode(errors="replace")
    return msgspec.json.encode(answer.json).decode()


def _exec(expect: ExecExpect, answer: ExecAnswer) -> Iterator[str]:
    code = answer.exit_code if answer.exit_code >= 0 else 128 - answer.exit_code
    if code != expect.exit_code:
        by = f" (signal {-answer.exit_code})" if answer.exit_code < 0 else ""
        came = _said_last(answer.stderr.strip() or answer.stdout.strip())
        yield f"exit code is {code}{by}, not {expect.exit_code}{came}"
    yield from texts("its output", expect.text, answer.stdout, _part(answer))


def texts(what: str, expect: Text, text: str, part: Part | None = None) -> Iterator[str]:
    """What of these expectations does not hold for a text, or for the part that is left of it.

    A part proves what it holds, and nothing of what the whole does not hold: `not-contains`
    fails there, and so does `matches`, for `$` and `(?!` look at what is not there. Whether a whole
    text matches is asked elsewhere: that may take longer than anybody waits.
    """
    where = f"{what}, of which the {part} {len(text)} characters were looked at," if part else what
    for wanted in expect.contains:
        if wanted not in text:
            yield f"{where} does not hold {wanted!r}{said(text)}"
    for unwanted in expect.not_contains:
        if unwanted in text:
            yield f"{where} holds {unwanted!r}"
        elif part:
            yield f"{_in_part(what, text)}: whether it holds {unwanted!r} cannot be told"
    for pattern in expect.matches if part else ():
        yield f"{_in_part(what, text)}: whether it matches {pattern!r} cannot be told"


def _in_part(what: str, text: str) -> str:
    return f"{what} is longer than {len(text)} characters and was not looked at whole"


def _headers(expected: Headers, given: Headers) -> Iterator[str]:
    """The value of one of the fields of that name holds what is expected, whatever its case."""
    for name, wanted in expected:
        values = [value for each, value in _lower(given) if each == name.lower()]
        if not values:
            yield f"the answer has no header {name}"
        elif not any(wanted.lower() in value.lower() for value in values):
            yield f"header {name} is {_shown(', '.join(values))}, which does not hold {wanted!r}"


def _lower(headers: Headers) -> Iterator[tuple[str, str]]:
    return ((name.lower(), value) for name, value in headers)


def _json_text(what: str, expected: Any, data: bytes) -> Iterator[str]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        yield f"{what} is not JSON{said(data.decode(errors='replace'))}"
        return
    yield from differences(what, expected, value)


def differences(where: str, expected: Any, value: Any) -> Iterator[str]:
    """Where a value of JSON lacks a part that is expected; more keys may be there."""
    if isinstance(expected, dict) and isinstance(value, dict):
        for key, wanted in expected.items():
            if key in value:
                yield from differences(f"{where}.{key}", wanted, value[key])
            else:
                yield f"{where} has no key {key!r}"
    elif isinstance(expected, list) and isinstance(value, list):
        if len(expected) != len(value):
            yield f"{where} has {_count(len(value), 'item')}, not {len(expected)}"
            return
        for index, (wanted, each) in enumerate(zip(expected, value, strict=True)):
            yield from differences(f"{where}[{index}]", wanted, each)
    elif expected != value or isinstance(expected, bool) is not isinstance(value, bool):
        yield f"{where} is {_json(value)}, not {_json(expected)}"


def _json(value: Any) -> str:
    return _shown(msgspec.json.encode(value).decode())


def said(text: str) -> str:
    """What came instead, as a quotation: see `readable`."""
    return f": {_shown(text)}" if text.strip() else ""


def _said_last(text: str) -> str:
    """The end of it, behind a mark for what is cut off: all of that was looked at, and none is
    shown."""
    return f": {_quoted(text[-LOOKED_AT:], _LAST)}" if text else ""


def _shown(text: str) -> str:
    """The beginning of a text, as a quotation that `problems` makes readable."""
    return _quoted(text[:LOOKED_AT], _FIRST)


def _quoted(text: str, part: str) -> str:
    marks = str.maketrans(dict.fromkeys(f"{_BEGIN}{_END}", "\N{REPLACEMENT CHARACTER}"))
    return f"{_BEGIN}{part}{text.translate(marks)}{_END}"


def _line(part: str, text: str) -> str:
    """What is shown of it, in one line that a terminal can be given."""
    line = " ".join((text[-_SHOWN:] if part == _LAST else text[: 4 * _SHOWN]).split())
    line = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line
    )
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
