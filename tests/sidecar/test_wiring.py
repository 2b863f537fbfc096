"""From settings to what the relay works with."""

import logging
from math import inf

import pytest

from drainproxy.config import Settings, load
from drainproxy.relay.context import Access
from drainproxy.sidecar import rlimits, wiring


def settings(**flags: str) -> Settings:
    given = {name.replace("_", "-"): value for name, value in flags.items()}
    return load(flags={"forward": "8080=9000", **given})


def test_every_limit_follows_its_setting() -> None:
    given = settings(
        max_connections="7",
        max_header_bytes="2KiB",
        header_timeout="3s",
        idle_timeout="4s",
        request_timeout="5s",
        idle_close="6s",
        websocket_close_code="1012",
        websocket_close_reason="bye",
        websocket_drain="wait",
        forwarded="off",
    )

    limits = wiring.limits(given)

    assert (limits.max_connections, limits.max_header_bytes) == (7, 2048)
    assert (limits.header_timeout, limits.idle_timeout, limits.request_timeout) == (3, 4, 5)
    assert (limits.idle_close, limits.kinds_ended_by_drain, limits.forwarded) == (
        6,
        frozenset({"sse"}),
        False,
    )
    assert (limits.websocket_close_code, limits.websocket_close_reason) == (1012, "bye")


@pytest.mark.parametrize("how", ["auto", "end", "wait"])
def test_a_drain_asks_event_streams_unless_they_are_to_be_waited_for(how: str) -> None:
    limits = wiring.limits(settings(sse_drain=how))
    assert ("sse" in limits.kinds_ended_by_drain, limits.sse_drain) == (how != "wait", how)


@pytest.mark.parametrize("spread", ["0s", "2s"])
def test_without_a_spread_all_goodbyes_of_a_drain_come_at_once(spread: str) -> None:
    assert wiring.limits(settings(drain_spread=spread)).goodbyes_are_spread == (spread != "0s")


def test_limits_on_heads_and_streams_follow_their_settings() -> None:
    limits = wiring.limits(settings(max_fields="9", max_streams="8", max_resets="7"))
    assert (limits.max_fields, limits.max_streams, limits.max_resets) == (9, 8, 7)


def test_who_is_refused_has_a_share_of_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rlimits, "limit", lambda: 1024)
    few = wiring.limits(settings())
    assert few.max_connections < 10_000
    assert 0 < few.max_refused < 1000
    assert 2 * few.max_connections + few.max_refused < 1024
    with_health = wiring.limits(settings(grpc_health="9181"))
    assert with_health.max_connections < few.max_connections


def test_who_passes_a_budget_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    wiring.context(settings()).notice("max-resets", "192.0.2.7:50000", 501, "it is over")
    (record,) = caplog.records
    assert record.__dict__["fields"]["peer"] == "192.0.2.7:50000"


def test_every_kind_has_the_common_age_but_tcp_which_only_who_asks_for_it_gets() -> None:
    by_default = wiring.limits(settings()).aging
    assert by_default.ages == {
        **dict.fromkeys(("http1", "http2", "websocket", "sse"), 1800.0),
        "tcp": 0.0,
        "stream": 0.0,
    }
    assert (by_default.jitter, by_default.grace) == (0.1, 0)


def test_an_age_of_its_own_beats_the_common_one_and_0_is_one() -> None:
    aging = wiring.aging(
        settings(
            max_connection_age="10m",
            max_connection_age_http1="0",
            max_connection_age_http2="1m",
            max_connection_age_websocket="2m",
            max_connection_age_sse="3m",
            max_connection_age_tcp="4m",
            max_connection_age_jitter="25%",
            max_stream_age="6m",
            max_connection_age_grace="5s",
        )
    )
    assert aging.ages == {
        "http1": 0,
        "http2": 60,
        "websocket": 120,
        "sse": 180,
        "tcp": 240,
        "stream": 360,
    }
    assert (aging.jitter, aging.grace) == (0.25, 5)
    assert wiring.aging(settings(max_connection_age="0")).ages["http1"] == 0


def test_an_idle_timeout_of_0_is_never() -> None:
    assert wiring.limits(settings(idle_timeout="0")).idle_timeout == inf


def test_the_phases_take_what_the_settings_say() -> None:
    timing = wiring.timing(settings(drain_delay="1s", drain_quiet="2s", drain_timeout="3s"))
    assert (timing.delay, timing.quiet, timing.timeout) == (1, 2, 3)


def test_a_hub_gives_retries_masks_and_lucks_by_chance() -> None:
    context = wiring.context(settings())
    assert {context.retry_after() for _ in range(200)} == {1, 2, 3, 4, 5}
    assert len({context.mask() for _ in range(50)}) > 40
    lucks = [context.uniform() for _ in range(200)]
    assert 0 <= min(lucks) < 0.2 < 0.8 < max(lucks) < 1


@pytest.mark.parametrize(("query", "target"), [("on", "/x?key=1"), ("off", "/x")])
def test_accesses_are_logged_only_when_asked_for(
    query: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert wiring.access_log(settings()) is None
    log = wiring.access_log(settings(access_log="on", access_log_query=query))
    assert log is not None
    with caplog.at_level(logging.INFO, "drainproxy.access"):
        log(Access("http1", "1.2.3.4:5", "GET", "/x?key=1", 200, 0.5, 7, {}))
    (record,) = caplog.records
    assert record.getMessage() == f"GET {target}"
    assert record.__dict__["fields"]["status"] == 200
