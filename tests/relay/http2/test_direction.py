"""Header compression holds in both directions whatever is left out, put in, or agreed anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import dear, some
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    COMPRESSION_ERROR,
    GET,
    MAX_FRAME,
    MAX_STREAMS,
    OK,
    POST,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SETTINGS_ACK,
    TABLE_SIZE,
    TRAILERS,
    Fields,
    data,
    headers_frame,
    settings,
)
from tests.relay.streams import asked, begun, parted

MOST_TABLE = 65536


def client_agrees(talk: Conversation, size: int) -> None:
    """The client has a table of this size, and the app knows it."""
    talk.says.decoder.max_allowed_table_size = size
    talk.client_sends(settings({TABLE_SIZE: size}))
    assert talk.app_hears() == [("settings", {TABLE_SIZE: min(size, MOST_TABLE)})]
    talk.answers.writes_with_table(min(size, MOST_TABLE))
    talk.app_sends(SETTINGS_ACK)
    assert talk.client_hears() == [("settings ack",)]


def app_agrees(talk: Conversation, size: int) -> None:
    """The app has a table of this size, and the client knows it."""
    talk.answers.decoder.max_allowed_table_size = size
    talk.app_sends(settings({TABLE_SIZE: size}))
    ((_, values),) = talk.client_hears()
    assert values == {TABLE_SIZE: min(size, MOST_TABLE)}
    talk.says.writes_with_table(min(size, MOST_TABLE))
    talk.client_sends(SETTINGS_ACK)
    assert talk.app_hears() == [("settings ack",)]


def secret(number: int) -> Fields:
    """Fields that make their way into tables."""
    return (b"authorization", b"Bearer %d" % (number % 3)), (b"x-%d" % number, b"yyyy")


# Tables


def test_a_table_never_outgrows_our_copy_of_it() -> None:
    talk = begun()
    client_agrees(talk, 10 * MOST_TABLE)
    app_agrees(talk, 10 * MOST_TABLE)
    for number in range(20):
        stream = 1 + 2 * number
        long: Fields = ((b"x-%d" % number, b"y" * 4000),)
        talk.client_asks(stream, (*GET, *long))
        talk.app_answers(stream, fields=(*OK, *long))
        assert talk.app_hears() == [("headers", stream, (*GET, *long), "end")]
        assert talk.client_hears() == [("headers", stream, (*OK, *long), "end")]


@dear
@given(
    st.lists(st.sampled_from([0, 60, 100, 1000, 4096, 100_000]), max_size=4),
    st.sets(st.integers(0, 11), max_size=4),
    st.sets(st.integers(0, 11), max_size=4),
)
def test_tables_go_up_and_down_and_everything_is_still_understood(
    sizes: list[int], nonsense: set[int], broken: set[int]
) -> None:
    """Some requests are refused and some answers replaced, so that blocks are left out."""
    talk = begun()
    for number in range(12):
        stream = 1 + 2 * number
        if sizes and number % 3 == 0:
            client_agrees(talk, sizes[-1])
            app_agrees(talk, sizes.pop())
        method = POST[1:] if number in nonsense else POST
        talk.client_asks(stream, (*method, *secret(number)))
        if number in nonsense:
            assert talk.client_hears() == [("reset", stream, PROTOCOL_ERROR)]
            assert talk.app_hears() == []
            continue
        assert talk.app_hears() == [("headers", stream, (*POST, *secret(number)), "end")]
        answer = TRAILERS if number in broken else OK
        talk.app_answers(stream, fields=(*answer, *secret(number)))
        ((_, of, fields, end),) = talk.client_hears()
        assert (of, end) == (stream, "end")
        if number in broken:
            assert dict(fields)[b":status"] == b"502"
            ((kind, of, _),) = talk.app_hears()
            assert (kind, of) == ("reset", stream)
        else:
            assert fields == (*OK, *secret(number))


def test_a_table_that_must_shrink_shrinks_before_any_block_whoever_writes_it() -> None:
    """Our answer has to wait for the end of what came with it, the app's next one does not."""
    talk = asked(1, 3)
    talk.says.decoder.max_allowed_table_size = 0
    talk.client_sends(settings({TABLE_SIZE: 0}))
    talk.answers.encoder.header_table_size = 0
    talk.app_sends(
        SETTINGS_ACK
        + talk.answers.headers(1, TRAILERS, end=True)
        + talk.answers.headers(3, (*OK, *secret(1)), end=True)
    )
    acknowledged, *answers = talk.client_hears()
    assert acknowledged == ("settings ack",)
    assert sorted(stream for _, stream, *_ in answers) == [1, 3]
    assert ("headers", 3, (*OK, *secret(1)), "end") in answers


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_new_size_holds_once_it_is_acknowledged(acknowledged: bool) -> None:
    talk = begun()
    talk.app_sends(settings({TABLE_SIZE: 100}))
    talk.client_hears()
    if acknowledged:
        talk.client_sends(SETTINGS_ACK)
    talk.client_asks(1, (*GET, *secret(1)))
    if acknowledged:
        assert talk.client_hears()[-1][2] == COMPRESSION_ERROR
    else:
        assert talk.app_hears() == [("headers", 1, (*GET, *secret(1)), "end")]


def test_the_smallest_size_on_the_way_counts() -> None:
    talk = asked()
    talk.app_sends(settings({TABLE_SIZE: 0}) + settings({TABLE_SIZE: 4096}))
    talk.client_sends(SETTINGS_ACK * 2)
    talk.client_hears()
    talk.client_sends(headers_frame(3, b"\x3f\xe1\x1f\x82"))
    assert talk.client_hears()[-1][2] == COMPRESSION_ERROR


def test_a_table_size_that_no_one_allowed_is_an_error() -> None:
    talk = asked()
    talk.client_sends(headers_frame(3, b"\x3f\xe2\x1f\x82\x86\x84"))
    assert talk.client_hears()[-1][2] == COMPRESSION_ERROR


# Blocks that are left out


def test_what_one_stream_said_is_never_heard_on_another() -> None:
    """Blocks name what earlier ones said by its place: one that is missing moves all others."""
    talk = parted(1, 3, end=False)
    for number, stream in enumerate(range(5, 105, 2)):
        talk.client_asks(stream, (*POST, *secret(number)))
    assert talk.client_hears() == [("reset", stream, REFUSED_STREAM) for stream in range(5, 105, 2)]
    talk.client_asks(1, (*TRAILERS, *secret(49)[1:]))
    talk.client_asks(3, (*TRAILERS, *secret(48)[1:]))
    assert talk.app_hears() == [
        ("headers", 1, (*TRAILERS, *secret(49)[1:]), "end"),
        ("headers", 3, (*TRAILERS, *secret(48)[1:]), "end"),
    ]


def test_a_secret_that_must_not_be_indexed_is_not_when_it_is_written_anew() -> None:
    talk = asked()
    talk.client_asks(3, GET[1:])
    never = b"\x10\x06secret\x01x"
    talk.client_sends(headers_frame(5, talk.says.block(GET) + never))
    assert never in talk.app.received
    assert talk.app_hears() == [("headers", 5, (*GET, (b"secret", b"x")), "end")]


# Sizes of frames


def test_frames_may_be_as_large_as_their_receiver_has_said() -> None:
    talk = begun()
    talk.app_sends(settings({MAX_FRAME: 30000}))
    assert talk.client_hears() == [("settings", {MAX_FRAME: 30000})]
    talk.client_sends(SETTINGS_ACK)
    talk.client_asks(1, POST, end=False)
    talk.client_sends(data(1, b"x" * 30000))
    assert talk.app_hears()[-1] == ("data", 1, b"x" * 30000)
    talk.client_sends(data(1, b"x" * 30001))
    assert talk.client_hears()[-1][:3] == ("goaway", 1, 6)


def test_a_smaller_size_holds_once_it_is_acknowledged() -> None:
    talk = asked(end=False)
    talk.app_sends(settings({MAX_FRAME: 30000}))
    talk.client_sends(SETTINGS_ACK)
    talk.app_sends(settings({MAX_FRAME: 20000}))
    talk.client_sends(data(1, b"x" * 30000) + SETTINGS_ACK)
    assert talk.client.state == "open"
    talk.client_sends(data(1, b"x" * 20001))
    assert talk.client_hears()[-1][:3] == ("goaway", 1, 6)


@pytest.mark.parametrize("most", some([16384, 20000, 40000], of=3, first=1))
def test_blocks_that_are_written_anew_fit_into_frames(most: int) -> None:
    talk = asked()
    talk.app_sends(settings({MAX_FRAME: most}))
    talk.client_sends(SETTINGS_ACK)
    talk.client_asks(3, GET[1:])
    talk.app_hears()
    long = (*GET, (b"x", b"y" * 50000))
    before = len(talk.app.received)
    talk.client_asks(5, long, most=16384)
    assert talk.app_hears() == [("headers", 5, long, "end")]
    first = talk.app.received[before:]
    assert int.from_bytes(first[:3]) == 16384, "everybody takes that, acknowledged or not"
    assert talk.client_hears()[-1] == ("reset", 3, PROTOCOL_ERROR)


def test_settings_that_are_changed_are_changed_in_their_place() -> None:
    talk = Conversation("auto", max_streams=9)
    talk.client_begins()
    talk.app_sends(settings({TABLE_SIZE: MOST_TABLE + 1, MAX_STREAMS: 10, 6: 5, 200: 2}))
    assert talk.client_hears() == [
        ("settings", {TABLE_SIZE: MOST_TABLE, MAX_STREAMS: 9, 6: 5, 200: 2})
    ]
