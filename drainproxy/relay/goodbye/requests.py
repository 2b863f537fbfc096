"""The goodbye of a plain request. It ends by itself, so nothing ends it before time is up.

Its client is told beside the answer to ask for the next thing on another connection: over HTTP/1 by
`Connection: close` in the answer's head (RFC 9112 9.6), over HTTP/2 by GOAWAY (RFC 9113 6.8, see
`relay.http2.goaway`). When time is up a request whose answer has not begun gets one of ours, since
to hear nothing is no answer; one whose answer has begun is broken off so that the client can tell.
"""

from drainproxy.drain.goodbye import IDLE, MAX_AGE


def why_last(age: str, drain: str, *, sent: bool, next_is_here: bool) -> str:
    """Why the answer that begins is the last one of its HTTP/1 connection; empty if it is not.

    `age`, `drain`: the reasons that there are. `sent`: the request has come as a whole; else an age
    has time, since the app may still want the rest of its body. `next_is_here`: the next request
    has come already, and would be lost.
    """
    if next_is_here:
        return ""
    return age if age and sent else drain


# RFC 9110 15.6.5
APP_IS_LATE = 504, "the app did not answer in time"


def app_owes(*, sent: bool, takes: bool) -> bool:
    """Whether a request has no answer because of the app: it has come as a whole, or the app takes
    no more of it. Else the client owes the rest."""
    return sent or not takes


def overdue_answer(why: str, *, owed: bool) -> tuple[int, str]:
    """The status and the reason of our answer in place of the app's when time is up; `owed`: see
    `app_owes`.

    503 tells the client that it may ask elsewhere (RFC 9110 15.6.4). Where nothing has moved for
    idle-timeout, that is the fault of who owes something: the app its answer, or the client the
    rest of its request (408, 15.5.9).
    """
    if why == IDLE:
        return APP_IS_LATE if owed else (408, "the request did not end in time")
    if why == MAX_AGE:
        return 503, "the connection has reached its age"
    return 503, "the time to drain is over"
