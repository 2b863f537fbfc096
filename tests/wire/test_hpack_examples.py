"""The examples of RFC 7541, Appendix C."""

import pytest

from drainproxy.wire.hpack import HeaderField, HpackReader

MOST = 65536


def fields_of(text: str) -> tuple[HeaderField, ...]:
    pairs = (line.strip().split(": ", 1) for line in text.strip().splitlines())
    return tuple((name.encode(), value.encode()) for name, value in pairs)


@pytest.mark.parametrize(
    ("coded", "text"),
    [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header"),
        ("040c2f73616d706c652f70617468", ":path: /sample/path"),
        ("100870617373776f726406736563726574", "password: secret"),
        ("82", ":method: GET"),
    ],
)
def test_the_representations_of_appendix_c_2(coded: str, text: str) -> None:
    assert HpackReader(MOST, tuple).read(bytes.fromhex(coded)) == fields_of(text)


REQUESTS = [
    fields_of("""
        :method: GET
        :scheme: http
        :path: /
        :authority: www.example.com"""),
    fields_of("""
        :method: GET
        :scheme: http
        :path: /
        :authority: www.example.com
        cache-control: no-cache"""),
    fields_of("""
        :method: GET
        :scheme: https
        :path: /index.html
        :authority: www.example.com
        custom-key: custom-value"""),
]
RESPONSES = [
    fields_of("""
        :status: 302
        cache-control: private
        date: Mon, 21 Oct 2013 20:13:21 GMT
        location: https://www.example.com"""),
    fields_of("""
        :status: 307
        cache-control: private
        date: Mon, 21 Oct 2013 20:13:21 GMT
        location: https://www.example.com"""),
    fields_of("""
        :status: 200
        cache-control: private
        date: Mon, 21 Oct 2013 20:13:22 GMT
        location: https://www.example.com
        content-encoding: gzip
        set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"""),
]


PLAIN_REQUESTS = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
]
HUFFMAN_REQUESTS = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
]
# The table has 256 bytes here, which these examples take for granted.
SMALL_TABLE = "3fe101"
PLAIN_RESPONSES = [
    SMALL_TABLE + "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a3133"
    "3a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
    "4803333037c1c0bf",
    "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
    "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
    "657273696f6e3d31",
]
HUFFMAN_RESPONSES = [
    SMALL_TABLE + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d"
    "29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
    "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
]


@pytest.mark.parametrize("coded", [PLAIN_REQUESTS, HUFFMAN_REQUESTS], ids=["plain", "Huffman"])
def test_the_requests_of_appendix_c(coded: list[str]) -> None:
    reader = HpackReader(MOST, tuple)
    assert [reader.read(bytes.fromhex(one)) for one in coded] == REQUESTS


@pytest.mark.parametrize("coded", [PLAIN_RESPONSES, HUFFMAN_RESPONSES], ids=["plain", "Huffman"])
def test_the_responses_of_appendix_c_which_evict(coded: list[str]) -> None:
    reader = HpackReader(MOST, tuple)
    reader.allow(256)
    assert [reader.read(bytes.fromhex(one)) for one in coded] == RESPONSES
