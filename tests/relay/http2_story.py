"""Stories of HTTP/2 for Hypothesis: what both sides say, one frame after the other.

A story is lived before it is told: each side speaks only of streams that it has heard of.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    GET,
    GRPC_OK,
    OK,
    POST,
    PREFACE,
    SETTINGS_ACK,
    TABLE_SIZE,
    TRAILERS,
    WINDOW,
    Fields,
    Heard,
    alt_svc,
    data,
    goaway,
    ping,
    priority,
    reset,
    settings,
    unknown,
    window_update,
)
from tests.relay.streams import OUR_PING_ACK

CLIENT, APP = "client", "app"
# Who speaks, or what the proxy does; and the words.
Said = list[tuple[str, bytes]]


class Story:
    """Both sides, in what they say one after the other."""

    def __init__(self, **about: Any) -> None:
        self.talk = Conversation("auto", **about)
        self.said: Said = []
        # Streams on which the client, and the app, may still speak; on those of `begun` it has.
        self.asking: list[int] = []
        self.answering: list[int] = []
        self.begun: set[int] = set()
        self.newest = -1
        self.pushed = 0
        self.to_client: list[Heard] = []
        self.to_app: list[Heard] = []

    def client_says(self, *frames: bytes) -> None:
        self._says(CLIENT, b"".join(frames))

    def app_says(self, *frames: bytes) -> None:
        self._says(APP, b"".join(frames))

    def happens(self, what: str) -> None:
        self._says(what, b"")

    def over(self, stream: int) -> None:
        """Neither side says more on it."""
        for streams in (self.asking, self.answering):
            if stream in streams:
                streams.remove(stream)

    def _says(self, who: str, words: bytes) -> None:
        if self.talk.client.state == "open" and (who != APP or not self.talk.app.is_closing()):
            self.said.append((who, words))
            go_on(self.talk, who, words)
            self._listen()

    def _listen(self) -> None:
        heard = self.talk.client_hears()
        self.to_client += heard
        for kind, stream, *_ in (said for said in heard if said[0] == "reset"):
            assert kind == "reset"
            self.over(stream)
        heard = self.talk.app_hears()
        self.to_app += heard
        for kind, stream, *more in (said for said in heard if said[0] in ("headers", "reset")):
            if kind == "reset":
                self.over(stream)
            elif dict(more[0]).get(b":method"):
                self.answering.append(stream)


def fail(talk: Conversation, stream: Any) -> None:
    """What happens when request-timeout is over for this stream."""
    talk.session.table.fail(stream, 504, "the app did not answer in time")
    talk.session.follow_up()
    talk.proxy.settle()


def go_on(talk: Conversation, who: str, words: bytes) -> None:
    """One thing happens."""
    if who == CLIENT:
        talk.client_sends(words)
    elif who == APP:
        talk.app_sends(words)
    elif who == "waits":
        talk.proxy.wait(3)
    elif who == "fails":
        waiting = [stream for stream in talk.session.table.streams.values() if stream.client_done]
        for stream in waiting[:1]:
            fail(talk, stream)
    else:
        getattr(talk.proxy, who)()


def secret(number: int) -> Fields:
    return ((b"authorization", b"Bearer %d" % number),)


def token(number: int) -> Fields:
    """The like of it in trailers."""
    return ((b"x-token", b"Bearer %d" % number),)


# What a client says


def begins(story: Story, number: int) -> None:
    story.client_says(PREFACE + settings())
    story.app_says(settings() + SETTINGS_ACK)
    story.client_says(SETTINGS_ACK)


def asks(story: Story, number: int) -> None:
    story.newest = stream = story.newest + 2
    fields = (GET, CALL)[number % 2]
    story.client_says(
        story.talk.says.headers(stream, (*fields, *secret(number)), end=True, most=12 + number)
    )


def uploads(story: Story, number: int) -> None:
    story.newest = stream = story.newest + 2
    story.asking.append(stream)
    fields = (POST, CALL)[number % 2]
    head = story.talk.says.headers(stream, (*fields, *secret(number)), pad=number, depends_on=0)
    story.client_says(head, data(stream, b"x" * number, pad=number if number % 3 else None))


def goes_on(story: Story, number: int) -> None:
    for stream in story.asking[:1]:
        story.client_says(data(stream, b"y" * 300))


def ends_upload(story: Story, number: int) -> None:
    for stream in story.asking[:1]:
        story.asking.remove(stream)
        if number % 2:
            story.client_says(
                story.talk.says.headers(stream, (*TRAILERS, *token(number)), end=True)
            )
        else:
            story.client_says(data(stream, b"z" * number, end=True))


def gives_up(story: Story, number: int) -> None:
    for stream in story.answering[:1]:
        story.over(stream)
        story.client_says(reset(stream, number))


def asks_nonsense(story: Story, number: int) -> None:
    story.newest += 2
    story.client_says(story.talk.says.headers(story.newest, (*GET[1:], *secret(number)), end=True))


def ends_in_nonsense(story: Story, number: int) -> None:
    for stream in story.asking[:1]:
        story.over(stream)
        story.client_says(story.talk.says.headers(stream, (*GET, *secret(number)), end=True))


def client_talks(story: Story, number: int) -> None:
    frames = [ping(b"%08d" % number), window_update(0, 1 + number), settings({WINDOW: 70000})]
    frames += [unknown(0, b"u" * number), priority(story.newest + 2), OUR_PING_ACK, alt_svc()]
    story.client_says(frames[number % len(frames)])


# What an app says


def answers(story: Story, number: int) -> None:
    for stream in story.answering[:1]:
        if stream in story.begun:
            story.app_says(data(stream, b"." * number))
            return
        story.begun.add(stream)
        fields = (OK, GRPC_OK)[number % 2]
        head = story.talk.answers.headers(stream, (*fields, *secret(number)), most=12 + number)
        story.app_says(head, data(stream, b"." * number, pad=number))


def ends_answer(story: Story, number: int) -> None:
    for stream in story.answering[:1]:
        story.answering.remove(stream)
        if stream not in story.begun:
            story.app_says(story.talk.answers.headers(stream, (*OK, *secret(number)), end=True))
        elif number % 2:
            trailers = (*TRAILERS, (b"grpc-status", b"%d" % number))
            story.app_says(story.talk.answers.headers(stream, trailers, end=True))
        else:
            story.app_says(data(stream, b"," * number * 10, end=True))


def answers_nonsense(story: Story, number: int) -> None:
    for stream in story.answering[:1]:
        story.over(stream)
        story.app_says(story.talk.answers.headers(stream, (*TRAILERS, *secret(number))))


def resets(story: Story, number: int) -> None:
    for stream in story.answering[:1]:
        story.over(stream)
        story.app_says(reset(stream, number))


def pushes(story: Story, number: int) -> None:
    for stream in story.answering[:1]:
        story.pushed += 2
        pushed = story.pushed
        story.app_says(
            story.talk.answers.push(stream, pushed, (*GET, *secret(number)), most=12 + number),
            story.talk.answers.headers(pushed, OK),
            data(pushed, b"!" * number, end=True),
        )


def app_talks(story: Story, number: int) -> None:
    frames = [ping(b"%08d" % number), window_update(0, 1 + number), settings({WINDOW: 70000})]
    frames += [unknown(0, b"u" * number), goaway(2**31 - 1), settings({TABLE_SIZE: 4096})]
    story.app_says(frames[number % len(frames)])


Move = Callable[[Story, int], None]
# None of these makes the proxy say a word of its own.
ORDERLY: list[Move] = [
    *(asks, uploads, goes_on, ends_upload, gives_up, client_talks),
    *(answers, ends_answer, answers, ends_answer, resets, pushes, app_talks),
]
DISORDERLY: list[Move] = [*ORDERLY, asks_nonsense, ends_in_nonsense, answers_nonsense]


def happens(what: str) -> Move:
    """Something that the proxy does."""

    def move(story: Story, number: int) -> None:
        story.happens(what)

    move.__name__ = what
    return move


PROXY: list[Move] = [
    happens(what) for what in ("leaves", "closes", "stays", "says_last_goodbyes", "fails", "waits")
]

_numbers = st.integers(0, 40)


def moves(of: list[Move]) -> st.SearchStrategy[list[tuple[Move, int]]]:
    """What happens in a story, each with a number that makes it different."""
    return st.lists(st.tuples(st.sampled_from(of), _numbers), min_size=8, max_size=40)


def lived(chosen: list[tuple[Move, int]], **about: Any) -> Story:
    """The story in which this happens."""
    story = Story(**about)
    begins(story, 0)
    for move, number in chosen:
        move(story, number)
    return story


def merged(said: Said) -> Said:
    """The same in as few reads as it can be; our PING is answered after it has come."""
    merged: Said = []
    for who, words in said:
        if merged and merged[-1][0] == who and words not in (b"", OUR_PING_ACK):
            merged[-1] = who, merged[-1][1] + words
        else:
            merged.append((who, words))
    return merged


def cut(said: Said, cuts: list[int]) -> Said:
    """The same in pieces; the lengths in `cuts` are used in turn."""
    pieces: Said = []
    turn = 0
    for who, words in said:
        pieces += [(who, words)] if not words else []
        while words:
            size = cuts[turn % len(cuts)]
            pieces.append((who, words[:size]))
            words = words[size:]
            turn += 1
    return pieces
