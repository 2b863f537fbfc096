"""What each source gives."""

from time import process_time

import pytest

from drainproxy.config.mistakes import Mistake
from drainproxy.config.readers import (
    INJECTOR_ANNOTATIONS,
    RELEASE_ANNOTATIONS,
    Found,
    SourceText,
    from_annotations,
    from_environ,
    from_file,
    from_flags,
)
from drainproxy.config.yaml_text import ConfigFile


def one(found: Found) -> tuple[str, str, str]:
    (item,) = found
    if isinstance(item, Mistake):
        return item.source, item.name, item.problem
    return item.source, item.setting.name, item.text


def test_every_source_gives_the_text_and_says_where_it_stands() -> None:
    assert [
        one(from_flags({"drain-delay": "5s"})),
        one(from_environ({"DRAINPROXY_DRAIN_DELAY": "5s", "PATH": "/bin"})),
        one(from_annotations('drainproxy.io/drain-delay="5s"\nother/drain-delay=5s\nx\n')),
        one(from_file(ConfigFile("a.yaml", "drain-delay: 5s"))),
    ] == [
        ("flag --drain-delay", "drain-delay", "5s"),
        ("environment DRAINPROXY_DRAIN_DELAY", "drain-delay", "5s"),
        ("annotation drainproxy.io/drain-delay", "drain-delay", "5s"),
        ("file a.yaml line 1, drain-delay", "drain-delay", "5s"),
    ]


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        (from_flags({"drain-dely": "5s"}), "--drain-delay"),
        (from_environ({"DRAINPROXY_DRAIN_DELY": "5s"}), "DRAINPROXY_DRAIN_DELAY"),
        (from_environ({"DRAINPROXY_drain_delay": "5s"}), "DRAINPROXY_DRAIN_DELAY"),
        (from_environ({"DRAINPROXY_DRAIN-DELAY": "5s"}), "DRAINPROXY_DRAIN_DELAY"),
        (from_annotations('drainproxy.io/drain-dely="5s"'), "drainproxy.io/drain-delay"),
        (from_annotations('drainproxy.io/injekt="true"'), "drainproxy.io/inject"),
        (from_file(ConfigFile("a.yaml", "drain_delay: 5s")), "drain-delay"),
    ],
)
def test_an_unknown_name_is_a_mistake_with_what_was_meant(found: Found, meant: str) -> None:
    assert one(found)[2] == f"is not a setting: did you mean {meant}?"


def test_a_name_like_no_other_is_sent_to_the_list() -> None:
    assert "`drainproxy settings` lists them" in one(from_flags({"zzz": "1"}))[2]


@pytest.mark.parametrize("name", sorted(INJECTOR_ANNOTATIONS | RELEASE_ANNOTATIONS))
def test_annotations_for_others_are_not_settings(name: str) -> None:
    assert list(from_annotations(f'drainproxy.io/{name}="x"')) == []


def test_an_annotation_that_is_not_quoted_is_a_mistake() -> None:
    assert one(from_annotations("drainproxy.io/drain-delay=5s")) == (
        "annotation drainproxy.io/drain-delay",
        "drain-delay",
        'is not a quoted value, such as "30s"',
    )


def test_where_the_annotations_are_cannot_be_an_annotation() -> None:
    assert (
        "cannot be an annotation" in one(from_annotations('drainproxy.io/annotations-file="a"'))[2]
    )


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("DRAINPROXY_CONFIG", "/etc/app.yaml"),
        ("DRAINPROXY_IMAGE", "registry.example/drainproxy:1"),
        ("DRAINPROXY_SERVICE_HOST", "10.0.0.1"),
        ("DRAINPROXY_SERVICE_PORT", "443"),
        ("DRAINPROXY_INJECTOR_SERVICE_PORT_HTTPS", "443"),
        ("DRAINPROXY_PORT", "tcp://10.0.0.1:443"),
        ("DRAINPROXY_INJECTOR_PORT_443_TCP", "tcp://10.0.0.1:443"),
        ("DRAINPROXY_INJECTOR_PORT_443_TCP_ADDR", "10.0.0.1"),
        ("DRAINPROXY_INJECTOR_PORT_443_TCP_PROTO", "tcp"),
    ],
)
def test_what_kubernetes_puts_there_for_a_service_of_our_name_is_no_mistake(
    key: str, text: str
) -> None:
    assert list(from_environ({key: text})) == []


def test_a_mistyped_name_is_not_taken_for_such_a_service() -> None:
    assert "is not a setting" in one(from_environ({"DRAINPROXY_ADMIN_PORT": "9180"}))[2]


def test_a_list_is_for_settings_that_repeat() -> None:
    assert one(from_flags({"forward": ["1=2", "3=4"]}))[2] == "1=2 3=4"
    assert one(from_flags({"drain-delay": ["5s"]}))[2] == "5s"
    assert one(from_flags({"drain-delay": ["5s", "6s"]}))[2] == "takes one value, not 2"
    assert one(from_file(ConfigFile("a", "drain-delay: []")))[2] == "takes one value, not 0"


def test_a_file_tells_its_own_mistakes() -> None:
    assert "must be a mapping" in one(from_file(ConfigFile("a", "- 1")))[2]


def test_no_file_gives_nothing() -> None:
    assert list(from_file(None)) == []


def test_a_text_becomes_its_value() -> None:
    (item,) = from_flags({"drain-delay": "5s"})

    assert isinstance(item, SourceText)
    assert item.value() == 5.0


@pytest.mark.parametrize("text", ["v1", "not even a choice"])
def test_what_comes_later_is_refused_and_not_ignored(text: str) -> None:
    (item,) = from_environ({"DRAINPROXY_PROXY_PROTOCOL": text})

    assert isinstance(item, SourceText)
    with pytest.raises(
        ValueError, match=r"^not yet: proxy-protocol comes with the PROXY protocol$"
    ):
        item.value()


def test_what_is_near_to_a_name_is_not_looked_up_for_ever() -> None:
    text = "\n".join(f'drainproxy.io/drain-dely{at}="x"' for at in range(5_000))
    before = process_time()
    found = list(from_annotations(text))

    assert len(found) == 5_000
    assert process_time() - before < 1
