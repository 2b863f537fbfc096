"""What a case is, and how a file of them says what the RFC says of each.

    cases = Cases()

    @cases.illegal("RFC 9113, 6.1", PROTOCOL)
    def data_on_stream_0(client: Client) -> Outcome:
        client.send(data(0))
        return client.fate()

A case begins after both sides have said hello.
"""

from collections.abc import Callable
from typing import NamedTuple

from tests.e2e.conformance.client import Client
from tests.e2e.conformance.frames import Code
from tests.e2e.conformance.verdicts import Grade, Outcome, Rule

Play = Callable[[Client], Outcome]


class Case(NamedTuple):
    """`rule` is None if what the client does is legal."""

    name: str
    section: str
    rule: Rule | None
    play: Play
    greets: bool

    def run(self, port: int) -> Outcome:
        """What a client sees at a port of this machine."""
        with Client(port) as client:
            if self.greets:
                client.greet()
            return self.play(client)


def connection_error(*codes: Code) -> Rule:
    return Rule(Grade.CONNECTION_ERROR, frozenset(codes))


def stream_error(*codes: Code) -> Rule:
    return Rule(Grade.STREAM_ERROR, frozenset(codes))


# By far the most frequent ones.
PROTOCOL = connection_error(Code.PROTOCOL_ERROR)
SIZE = connection_error(Code.FRAME_SIZE_ERROR)
FLOW = connection_error(Code.FLOW_CONTROL_ERROR)
COMPRESSION = connection_error(Code.COMPRESSION_ERROR)
MALFORMED = stream_error(Code.PROTOCOL_ERROR)


class Cases(list[Case]):
    """Those of one file. A case is named by its function, unless it is given another name."""

    def legal(self, section: str, name: str = "", *, greets: bool = True) -> Callable[[Play], Play]:
        return self._add(section, None, name, greets)

    def illegal(
        self, section: str, rule: Rule, name: str = "", *, greets: bool = True
    ) -> Callable[[Play], Play]:
        return self._add(section, rule, name, greets)

    def _add(
        self, section: str, rule: Rule | None, name: str, greets: bool
    ) -> Callable[[Play], Play]:
        def added(play: Play) -> Play:
            told = name or play.__name__.replace("_", " ")
            self.append(Case(told, section, rule, play, greets))
            return play

        return added
