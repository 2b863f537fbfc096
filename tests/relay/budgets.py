"""What tests of budgets have in common: who has passed one, and what is said of it."""

from tests.relay.conversation import Conversation
from tests.relay.frames import ENHANCE_YOUR_CALM


def next_stream(talk: Conversation) -> int:
    highest: int = talk.session.table.highest
    return highest + 2


def calmed(talk: Conversation, budget: str) -> bool:
    """Whether the connection ended because this budget is spent."""
    if not talk.session.closing.over:
        return False
    assert talk.rejected[budget] == 1
    *_, last = talk.client_hears()
    assert last[0] == "goaway"
    assert last[2] == ENHANCE_YOUR_CALM
    assert talk.client.state == "half-closed"
    assert talk.in_flight == {}
    return True


# Who passes a budget is said.
PEER, ENDED = "192.0.2.7:50000", "its connection is ended"


def noticed(talk: Conversation) -> list[tuple[str, str, int, str]]:
    """From now on, who has passed which budget."""
    said: list[tuple[str, str, int, str]] = []
    talk.proxy.context.notice = lambda *what: said.append(what)
    return said
