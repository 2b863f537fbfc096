"""The goodbye of a plain request. A request ends by itself, so a drain waits for it.

Its client is told to send the next request on another connection: over HTTP/1 by `Connection:
close` in the answer's head (RFC 9112 9.6), over HTTP/2 by GOAWAY (RFC 9113 6.8, see
`relay.http2.goaway`). When time is up, a request whose answer has not begun gets an answer of ours,
because a client cannot act on silence. An answer that has begun is broken off, so that the client
sees that it is incomplete.
"""

from drainproxy.drain.goodbye import IDLE, MAX_AGE


def why_last(age: str, drain: str, *, sent: bool, next_is_here: bool) -> str:
    """Why the answer that begins is the last one of its HTTP/1 connection; empty if it is not.

    `age`, `drain`: the two possible reasons, empty where one does not hold. `sent`: the request is
    complete; if it is not, an age waits, since the app may still read the rest of the body.
    `next_is_here`: the next request has arrived, and would be lost.
    """
    if next_is_here:
        return ""
    return age if age and sent else drain


# RFC 9110 15.6.5
APP_IS_LATE = 504, "the app did not answer in time"


def app_owes(*, sent: bool, takes: bool) -> bool:
    """Whether it is the app's fault that a request has no answer: the request is complete (`sent`),
    or the app does not read the rest (`takes`). If not, the client owes the rest."""
    return sent or not takes


def overdue_answer(why: str, *, owed: bool) -> tuple[int, str]:
    """The status and the reason of our answer when time is up. `owed`: see `app_owes`.

    503 tells the client that it may ask elsewhere (RFC 9110 15.6.4). After idle-timeout the status
    names who is at fault: 504 the app, which owes its answer (15.6.5), or 408 the client, which
    owes the rest of its request (15.5.9).
    """
    if why == IDLE:
        return APP_IS_LATE if owed else (408, "the request did not end in time")
    if why == MAX_AGE:
        return 503, "the connection has reached its age"
    return 503, "the time to drain is over"
