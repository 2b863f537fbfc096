"""RFC 9113, 6.5.2 and 6.9: values of settings, and windows."""

from tests.e2e.conformance.cases import FLOW, PROTOCOL, Cases, stream_error
from tests.e2e.conformance.client import POST, Client
from tests.e2e.conformance.frames import (
    END_HEADERS,
    LARGEST_WINDOW,
    Code,
    Setting,
    settings,
    window_update,
)
from tests.e2e.conformance.verdicts import Outcome, Rule

cases = Cases()

# Settings

BAD_SETTINGS: dict[str, tuple[Setting, int, Rule]] = {
    "ENABLE_PUSH of 2": (Setting.ENABLE_PUSH, 2, PROTOCOL),
    "INITIAL_WINDOW_SIZE of 2^31": (Setting.INITIAL_WINDOW_SIZE, 1 << 31, FLOW),
    "MAX_FRAME_SIZE below 2^14": (Setting.MAX_FRAME_SIZE, 16383, PROTOCOL),
    "MAX_FRAME_SIZE of 2^24": (Setting.MAX_FRAME_SIZE, 1 << 24, PROTOCOL),
}
GOOD_SETTINGS: dict[str, tuple[Setting, int]] = {
    "ENABLE_PUSH of 0": (Setting.ENABLE_PUSH, 0),
    "INITIAL_WINDOW_SIZE of 2^31-1": (Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW),
    "MAX_FRAME_SIZE of 2^24-1": (Setting.MAX_FRAME_SIZE, (1 << 24) - 1),
    "MAX_CONCURRENT_STREAMS of 0": (Setting.MAX_CONCURRENT_STREAMS, 0),
    "HEADER_TABLE_SIZE of 0": (Setting.HEADER_TABLE_SIZE, 0),
    "HEADER_TABLE_SIZE of 2^16": (Setting.HEADER_TABLE_SIZE, 65536),
}


def bad_setting(name: str, setting: Setting, value: int, rule: Rule) -> None:
    @cases.illegal("RFC 9113, 6.5.2", rule, name)
    def play(client: Client) -> Outcome:
        client.send(settings((setting, value)))
        return client.fate()


def good_setting(name: str, setting: Setting, value: int) -> None:
    @cases.legal("RFC 9113, 6.5.2", f"{name} before two requests")
    def play(client: Client) -> Outcome:
        client.set((setting, value))
        client.request()
        first = client.answer()
        client.request(stream=3)
        outcome = client.served(3)
        return outcome._replace(detail=f"{first}, {outcome.detail}")


for name, (setting, value, rule) in BAD_SETTINGS.items():
    bad_setting(name, setting, value, rule)
for name, (setting, value) in GOOD_SETTINGS.items():
    good_setting(name, setting, value)


# Windows that are respected


def sent_so_far(client: Client) -> int:
    """What has come of the body, once the server has nothing to add to it."""
    client.until(lambda: bool(client.streams[1].sections))
    client.sync()
    return len(client.streams[1].body)


@cases.legal("RFC 9113, 6.9.1")
def a_response_that_gets_a_window_of_one_byte(client: Client) -> Outcome:
    client.set((Setting.INITIAL_WINDOW_SIZE, 1))
    client.request()
    client.until(lambda: bool(client.streams[1].body))
    first = sent_so_far(client)
    client.send(window_update(1, 100000))
    outcome = client.served()
    return outcome._replace(detail=f"{first}, then {outcome.detail}")


@cases.legal("RFC 9113, 6.9.2")
def a_window_that_settings_open_while_the_response_waits(client: Client) -> Outcome:
    client.set((Setting.INITIAL_WINDOW_SIZE, 0))
    client.request()
    first = sent_so_far(client)
    client.set((Setting.INITIAL_WINDOW_SIZE, 2))
    client.until(lambda: len(client.streams[1].body) == 2)
    second = sent_so_far(client)
    client.set((Setting.INITIAL_WINDOW_SIZE, 65535))
    outcome = client.served()
    return outcome._replace(detail=f"{first}, {second}, then {outcome.detail}")


@cases.legal("RFC 9113, 6.9.2")
def a_window_below_zero(client: Client) -> Outcome:
    client.set((Setting.INITIAL_WINDOW_SIZE, 3))
    client.request()
    client.until(lambda: len(client.streams[1].body) == 3)
    client.set((Setting.INITIAL_WINDOW_SIZE, 2))
    # From -1 to 0, then to 1.
    client.send(window_update(1, 1))
    first = sent_so_far(client)
    client.send(window_update(1, 1))
    client.until(lambda: len(client.streams[1].body) == 4)
    return client.fate()._replace(detail=f"{first}, then {sent_so_far(client)}")


@cases.legal("RFC 9113, 6.9.1")
def windows_of_the_largest_size(client: Client) -> Outcome:
    client.set((Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW))
    client.send(window_update(0, LARGEST_WINDOW - 65535))
    client.request()
    return client.served()


# Windows that are not


@cases.illegal("RFC 9113, 6.9", PROTOCOL)
def an_increment_of_0_for_the_connection(client: Client) -> Outcome:
    client.send(window_update(0, 0))
    return client.fate()


@cases.illegal("RFC 9113, 6.9", stream_error(Code.PROTOCOL_ERROR))
def an_increment_of_0_for_a_stream(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(window_update(1, 0))
    return client.fate()


@cases.illegal("RFC 9113, 6.9.1", FLOW)
def a_window_of_the_connection_that_grows_too_large(client: Client) -> Outcome:
    client.send(window_update(0, LARGEST_WINDOW), window_update(0, LARGEST_WINDOW))
    return client.fate()


@cases.illegal("RFC 9113, 6.9.1", stream_error(Code.FLOW_CONTROL_ERROR))
def a_window_of_a_stream_that_grows_too_large(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(window_update(1, LARGEST_WINDOW), window_update(1, LARGEST_WINDOW))
    return client.fate()


@cases.illegal("RFC 9113, 6.9.2", FLOW)
def a_window_of_a_stream_that_settings_make_too_large(client: Client) -> Outcome:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(window_update(1, LARGEST_WINDOW - 65535))
    client.send(settings((Setting.INITIAL_WINDOW_SIZE, 65536)))
    return client.fate()
