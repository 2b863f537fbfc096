"""RFC 7541: the ways to write a field, and what no decoder may let pass."""

from tests.e2e.conformance.cases import COMPRESSION, Cases
from tests.e2e.conformance.client import Client
from tests.e2e.conformance.frames import Setting, headers, literal
from tests.e2e.conformance.verdicts import Outcome

# GET, http, / from the static table, and an authority that is spelled out.
REQUEST = b"\x82\x86\x84" + literal(b":authority", b"conformance.test")
INDEXED, NEVER = 0x40, 0x10
# Appendix B: `s` is 01000 and `o` is 00111, the rest of the last byte is ones.
HUFFMAN_SO = bytes([0x82, 0b01000001, 0b11111111])

cases = Cases()

# What is legal, in the field x-said, which the app repeats if it can


def legal(section: str, name: str, *blocks: bytes) -> None:
    @cases.legal(f"RFC 7541, {section}", name)
    def play(client: Client) -> Outcome:
        told = [served(client, before, block) for before, block in enumerate(blocks)]
        return told[-1]._replace(detail=" ".join(outcome.detail for outcome in told))


def served(client: Client, before: int, block: bytes) -> Outcome:
    """What becomes of a request that comes after so many others."""
    client.send(headers(2 * before + 1, block))
    return client.served(2 * before + 1)


SAID = REQUEST + literal(b"x-said", b"so", INDEXED)
legal("6.2.1", "a field that goes into the table and comes out of it", SAID, REQUEST + b"\xbe")
legal(
    "6.2.1", "a field with a name of the table", SAID, REQUEST + b"\x7e\x03two", REQUEST + b"\xbf"
)
legal("6.2.2", "a field that stays out of the table", REQUEST + literal(b"x-said", b"so"))
legal(
    "6.2.3", "a field that nobody may put into a table", REQUEST + literal(b"x-said", b"so", NEVER)
)
legal("5.2", "a value with Huffman", REQUEST + b"\x00\x06x-said" + HUFFMAN_SO)
legal("6.3", "a table that is emptied", SAID, b"\x20" + REQUEST, b"\x3f\xe1\x1f" + SAID)
legal("6.3", "a table that changes its size twice", b"\x20\x3f\xe1\x1f" + SAID)
legal("4.4", "a field that is larger than its table", b"\x21" + SAID, b"\x20" + REQUEST)


# What is not


def illegal(section: str, name: str, block: bytes) -> None:
    @cases.illegal(f"RFC 7541, {section}", COMPRESSION, name)
    def play(client: Client) -> Outcome:
        client.send(headers(1, block))
        return client.fate(1)


illegal("2.3.3", "an index beyond both tables", REQUEST + b"\xc6")
illegal("2.3.3", "a name at an index beyond both tables", REQUEST + b"\x7f\x07\x02so")
illegal("6.1", "an index of 0", REQUEST + b"\x80")
illegal("4.2", "a change of the table's size after a field", REQUEST + b"\x20")
illegal(
    "6.3", "a table that is larger than the server allows", b"\x3f\xe1\xff\xff\xff\x07" + REQUEST
)
illegal("5.1", "a number that is too large", REQUEST + b"\xff" + b"\xff" * 12 + b"\x01")
illegal("5.1", "a number that does not end", REQUEST + b"\xff\x80")
illegal("5.2", "a string that does not end", REQUEST + b"\x00\x06x-said\x05so")
illegal("5.2", "Huffman padding of more than 7 bits", REQUEST + b"\x00\x01x\x83\x41\xff\xff")
illegal("5.2", "Huffman padding of zeros", REQUEST + b"\x00\x01x\x82\x41\xc0")
illegal("5.2", "Huffman with its end of string", REQUEST + b"\x00\x01x\x84\xff\xff\xff\xff")


@cases.legal("RFC 7541, 4.2")
def a_response_to_who_keeps_no_table(client: Client) -> Outcome:
    client.set((Setting.HEADER_TABLE_SIZE, 0))
    client.send(headers(1, SAID))
    first = client.answer()
    client.send(headers(3, REQUEST + b"\xbe"))
    outcome = client.served(3)
    return outcome._replace(detail=f"{first}, {outcome.detail}")
