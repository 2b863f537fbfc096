"""The state of an HTTP/1 connection: what is expected next of the client, and what of the app.

An exchange ends when both messages have ended. The members have module names too, since each
request looks them up several times.
"""

from enum import Enum


class RequestState(Enum):
    """The next part that is expected of the client."""

    HEAD = "the head of a request"
    BODY = "the rest of its body"
    SENT = "nothing until the answer is out"
    LINGERING = "nothing any more: the last answer is out, and the client may be slow to take it"


class AnswerState(Enum):
    """The next part that is expected of the app."""

    NONE = "nothing: no request is in flight"
    HEAD = "the head of an answer"
    BODY = "the rest of its body"
    DONE = "nothing more for this request, whose body still comes"
    FLUSHING = "nothing more: the last answer of a drain is on its way to a slow client"


HEAD, BODY, SENT, LINGERING = RequestState
NO_ANSWER, ANSWER_HEAD, ANSWER_BODY, ANSWERED, FLUSHING = AnswerState
