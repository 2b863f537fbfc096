"""What is asked selects pods of one version, or nothing is asked at all."""

import pytest

from drainproxy.rollout.gate.queries import (
    COUNTED,
    GAUGES,
    hash_selector,
    is_unset,
    queries,
    selector,
    texts,
)


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ('job="web"', 'job="web"'),
        ('{job="web", pod=~"web-.*"}', 'job="web", pod=~"web-.*"'),
        (' { a!="b,}" , } ', 'a!="b,}" '),
        (r'a="say \"no\""', r'a="say \"no\""'),
    ],
)
def test_matchers_are_taken_as_they_are(text: str, matchers: str) -> None:
    assert selector(text) == matchers


@pytest.mark.parametrize("text", ["job='web'", "job=`web`", "job=web"])
def test_who_takes_other_quotes_of_promql_is_told_which(text: str) -> None:
    with pytest.raises(ValueError, match="in double quotes"):
        selector(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        " ",
        'job=""',
        "job=web",
        'up{job="web"}',
        'a="b" or c="d"',
        'a="b"} or up{c="d"',
        ",",
    ],
)
def test_what_selects_everything_or_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="selector"):
        selector(text)


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("{}", True),
        (" { } ", True),
        ('job="web",version=""', True),
        ('{version=~ "" }', True),
        ('version="",job="web"', True),
        ('version!="",job="web"', False),
        (r'a="b=\"\"",c="d"', False),
        ('a="b"', False),
        ("", False),
    ],
)
def test_a_value_that_was_never_put_in_is_known(text: str, is_it: bool) -> None:
    assert is_unset(text) == is_it


def test_a_hash_is_quoted_and_an_empty_one_refused() -> None:
    assert hash_selector("shop", "hash", ' a"b\\ ') == r'hash="a\"b\\",namespace="shop"'
    assert hash_selector("", "hash", "abc") == 'hash="abc"'
    with pytest.raises(ValueError, match="hash"):
        hash_selector("shop", "hash", " ")


@pytest.mark.parametrize("label", ["", "a-b", "a b", 'a="b"} or up{c', "1a"])
def test_what_is_no_label_stands_in_no_query(label: str) -> None:
    with pytest.raises(ValueError, match="no name of a label"):
        hash_selector("shop", label, "abc")


def test_counters_are_asked_for_as_samples_and_gauges_as_they_are() -> None:
    asked = queries('job="web"', 600.0)
    assert asked.keys() == {*COUNTED, *GAUGES}
    assert asked["drainproxy_ended_total"] == 'drainproxy_ended_total{job="web"}[600s]'
    assert asked["drainproxy_in_flight"] == 'drainproxy_in_flight{job="web"}'


def test_of_histograms_only_the_kinds_that_are_judged_are_asked_for() -> None:
    asked = queries('job="web"', 600.0)
    for metric, kinds in (
        ("drainproxy_request_duration_seconds_bucket", "http1|http2"),
        ("drainproxy_time_to_first_byte_seconds_bucket", "grpc|sse"),
    ):
        assert asked[metric] == f'{metric}{{job="web",kind=~"{kinds}"}}[600s]'


def test_each_query_is_named_once() -> None:
    assert texts([{"a": "x", "b": "y"}, {"c": "x"}]) == ["x", "y"]
