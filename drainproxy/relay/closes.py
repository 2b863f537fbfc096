"""How WebSockets were closed: the code of the Close that came first, and who said it."""

from drainproxy.drain.ledger import CLIENT_LEFT, CUT
from drainproxy.wire.websocket import NO_CLOSE, FrameTracker

# By whom: an app that breaks the connection off has said nothing either.
CLIENT, APP, US = "client", "app", "us"
_BROKEN_OFF_BY = {CLIENT_LEFT: CLIENT, CUT: US}


def first_close(
    ours: int, from_client: FrameTracker, from_app: FrameTracker, *, client_first: bool, ending: int
) -> tuple[int, str]:
    """The code and who said it. `ours`: the code that we have said, which nobody had before us, or
    0; `ending`: how it is booked, which tells who broke off a WebSocket without any Close."""
    if ours:
        return ours, US
    if from_client.close_passed and (client_first or not from_app.close_passed):
        return from_client.close_code, CLIENT
    if from_app.close_passed:
        return from_app.close_code, APP
    return NO_CLOSE, _BROKEN_OFF_BY.get(ending, APP)
