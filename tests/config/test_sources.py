"""Where settings come from."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config import TABLE, ConfigError, ConfigFile, Setting, Settings, Sources, load
from drainproxy.config.values import Address

FORWARD = {"forward": "8080=9000"}
SOURCES = Sources(flags=FORWARD)


def annotated(**values: str) -> str:
    return "".join(
        f'drainproxy.io/{name.replace("_", "-")}="{value}"\n' for name, value in values.items()
    )


def mistakes(load: Callable[[], Settings]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load()
    return str(raised.value).splitlines()


def test_what_nobody_sets_has_its_default() -> None:
    settings = load(flags=FORWARD)

    assert settings == Settings(forward=settings.forward)
    assert settings.forward[0].listen == Address("", 8080)


def test_later_sources_beat_earlier_ones() -> None:
    file = ConfigFile("a.yaml", "forward: 8080=9000\ndrain-delay: 1s")
    annotations = annotated(drain_delay="2s")
    environ = {"DRAINPROXY_DRAIN_DELAY": "3s"}
    flags = {"drain-delay": "4s"}

    assert [
        load(file=file).drain_delay,
        load(file=file, annotations=annotations).drain_delay,
        load(file=file, annotations=annotations, environ=environ).drain_delay,
        load(file=file, annotations=annotations, environ=environ, flags=flags).drain_delay,
    ] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("text", ["8080=9000 8081=9001", "8080=9000,8081=9001"])
def test_several_forwards_fit_into_one_variable(text: str) -> None:
    assert len(load(environ={"DRAINPROXY_FORWARD": text}).forward) == 2


def test_a_file_reads_as_the_other_sources_do() -> None:
    text = """\
    forward:
      - 8080=9000
      - 5432=unix:/run/db.sock/tcp
    admin: 9181
    access-log: on
    forwarded: off
    max-header-bytes: 64 KiB
    app-health: http:/up
    """
    settings = load(file=ConfigFile("app.yaml", text))

    assert len(settings.forward) == 2
    assert settings.admin == Address("", 9181)
    assert (settings.access_log, settings.forwarded) == (True, "off")
    assert settings.max_header_bytes == 65536
    assert settings.app_health.path == "/up"


def test_all_mistakes_of_all_sources_are_told_at_once() -> None:
    assert mistakes(
        lambda: load(
            file=ConfigFile("a.yaml", "drain-delay: 5\nlog-levle: info"),
            annotations=annotated(proxy_protocol="v1", unready="never"),
            environ={"DRAINPROXY_WEBSOCKET_CLOSE_CODE": "1005", "DRAINPROXY_ADMIN_TOKEN": "a b"},
            flags={"forward": ["8080=9000", "8080=9001"]},
        )
    ) == [
        "file a.yaml line 1, drain-delay: '5' is not a duration, such as 500ms, 30s, 5m or 1h30m",
        "file a.yaml line 2, log-levle: is not a setting: did you mean log-level?",
        "annotation drainproxy.io/proxy-protocol: not yet: proxy-protocol comes with the PROXY"
        " protocol",
        "annotation drainproxy.io/unready: 'never' is not one of announced, leaving, closed",
        "environment DRAINPROXY_WEBSOCKET_CLOSE_CODE: '1005' is not a code that may be sent:"
        " 1000-1003, 1007-1014 or 3000-4999 (RFC 6455)",
        "environment DRAINPROXY_ADMIN_TOKEN:"
        " the value must be visible ASCII characters without blanks",
        "flag --forward: listens at 8080, which forward 8080 has taken",
    ]


def test_a_mistake_counts_even_where_a_later_source_is_right() -> None:
    (mistake,) = mistakes(
        lambda: load(environ={"DRAINPROXY_FORWARD": "x"}, flags={"forward": "8080=9000"})
    )

    assert mistake.startswith("environment DRAINPROXY_FORWARD")


def test_nothing_goes_without_a_forward() -> None:
    assert mistakes(load) == ["settings: forward is required, as in --forward 8080=9000"]


def test_a_wrong_forward_is_not_missing_too() -> None:
    (mistake,) = mistakes(lambda: load(flags={"forward": "x"}))

    assert mistake.startswith("flag --forward")


@pytest.mark.parametrize("row", [row for row in TABLE if row.later], ids=lambda row: row.name)
def test_what_comes_later_is_refused_in_every_source(row: Setting) -> None:
    name, text = row.name, row.default_text
    sources = [
        Sources(flags={**FORWARD, name: text}),
        Sources(flags=FORWARD, environ={row.environment: text}),
        Sources(flags=FORWARD, file=ConfigFile("a", f"{name}: '{text}'")),
    ]
    found = [mistakes(source.load) for source in sources]
    found.append(mistakes(lambda: SOURCES.load(f'{row.annotation}="{text}"')))

    for (mistake,) in found:
        assert f"not yet: {name} comes with" in mistake


def test_the_file_of_annotations_is_found_before_they_are_read_whatever_else_is_wrong() -> None:
    assert SOURCES.annotations_file() is None
    assert Sources(flags={"annotations-file": "/a", "zzz": "1"}).annotations_file() == "/a"


def test_sources_in_a_log_show_no_secret() -> None:
    file = ConfigFile("a", "admin-token: hunter2")

    assert "hunter2" not in repr(Sources(environ={"X": "hunter2"}, file=file))


# Reload


def test_an_annotation_that_changes_is_applied() -> None:
    current = SOURCES.load(annotated(drain_delay="1s"))

    settings, wrong = SOURCES.reload(current, annotated(drain_delay="2s", access_log="on"))

    assert (settings.drain_delay, settings.access_log, wrong) == (2.0, True, ())


def test_an_annotation_that_goes_gives_way_to_what_is_below_it() -> None:
    sources = Sources(flags=FORWARD, file=ConfigFile("a", "drain-delay: 3s"))
    current = sources.load(annotated(drain_delay="1s", drain_quiet="1s"))

    settings, wrong = sources.reload(current, "")

    assert (settings.drain_delay, settings.drain_quiet, wrong) == (3.0, 2.0, ())


def test_a_wrong_value_keeps_the_one_in_force_and_the_right_ones_are_applied() -> None:
    sources = Sources(flags=FORWARD, file=ConfigFile("a", "drain-delay: 3s"))
    current = sources.load(annotated(drain_delay="1s"))

    settings, wrong = sources.reload(current, annotated(drain_delay="soon", drain_quiet="7s"))

    assert (settings.drain_delay, settings.drain_quiet) == (1.0, 7.0)
    assert [mistake.name for mistake in wrong] == ["drain-delay"]


def test_a_value_that_is_still_wrong_is_reported_again_and_one_put_right_is_not() -> None:
    current = SOURCES.load(annotated(drain_delay="1s"))

    for _ in range(2):
        current, wrong = SOURCES.reload(current, annotated(drain_delay="soon"))
        assert current.drain_delay == 1.0
        assert len(wrong) == 1
    current, wrong = SOURCES.reload(current, annotated(drain_delay="9s"))

    assert (current.drain_delay, wrong) == (9.0, ())


@pytest.mark.parametrize(
    ("after", "where"),
    [
        # Who does not say it any more cannot be told.
        ("", "forward"),
        (annotated(forward="8081=9000"), "annotation drainproxy.io/forward"),
    ],
)
def test_what_needs_a_restart_stays_and_is_reported(after: str, where: str) -> None:
    sources = Sources()
    current = sources.load(annotated(forward="8080=9000"))

    settings, (wrong,) = sources.reload(current, after)

    assert settings == current
    assert str(wrong) == (
        f"{where}: has changed, which needs a restart: the old value stays in force"
    )


def test_a_file_that_is_read_anew_counts_like_the_one_before() -> None:
    sources = Sources(flags=FORWARD, file=ConfigFile("a", "drain-delay: 3s\nmax-streams: 9"))
    current = sources.load(annotated(drain_quiet="7s"))

    sources, wrong = sources.reread("drain-delay: 4s\nmax-streams: 8\ndrain-quiet: 1s")
    settings, (restart,) = sources.reload(current, annotated(drain_quiet="7s"))

    assert wrong == ()
    assert (settings.drain_delay, settings.drain_quiet, settings.max_streams) == (4.0, 7.0, 9)
    assert restart.source == "file a line 2, max-streams"


@pytest.mark.parametrize("text", ["drain-delay: [", "- drain-delay", "? [1, 2]\n: 3", "\0"])
def test_a_file_that_is_no_mapping_any_more_changes_nothing(text: str) -> None:
    sources = Sources(flags=FORWARD, file=ConfigFile("a", "drain-delay: 3s"))

    after, (wrong,) = sources.reread(text)

    assert after == sources
    assert wrong.source.startswith("file a")


def test_what_a_flag_sets_no_annotation_changes() -> None:
    sources = Sources(flags={**FORWARD, "drain-delay": "4s"})
    current = sources.load()

    assert sources.reload(current, annotated(drain_delay="1s", forward="1=2")) == (current, ())


@pytest.mark.parametrize(
    ("annotations", "problem"),
    [
        (annotated(proxy_protocol="v1"), "not yet"),
        (annotated(drain_dely="1s"), "did you mean drainproxy.io/drain-delay?"),
        ("drainproxy.io/drain-delay=1s", "is not a quoted value"),
        (annotated(annotations_file="/b"), "cannot be an annotation"),
    ],
)
def test_other_mistakes_are_reported_and_change_nothing(annotations: str, problem: str) -> None:
    current = SOURCES.load()

    settings, (wrong,) = SOURCES.reload(current, annotations)

    assert settings == current
    assert problem in wrong.problem


# Hostile input

NAMES = st.sampled_from([row.name for row in TABLE]) | st.text(max_size=12)
TEXTS = st.text(max_size=20) | st.sampled_from(
    [row.default_text for row in TABLE] + ["8080=9000", "8080=8080", "0=1", "9180", "/p", "grpc:x"]
)
LISTS = TEXTS | st.lists(TEXTS, max_size=3)
ENVIRON = st.dictionaries(
    NAMES.map(lambda name: "DRAINPROXY_" + name.upper().replace("-", "_")), TEXTS, max_size=5
)
ANNOTATIONS = st.text() | st.dictionaries(NAMES, TEXTS, max_size=5).map(
    lambda values: "\n".join(f'drainproxy.io/{name}="{text}"' for name, text in values.items())
)
FILES = st.text() | st.dictionaries(NAMES, TEXTS, max_size=5).map(
    lambda values: "\n".join(f"{name}: {text}" for name, text in values.items())
)


@given(
    flags=st.dictionaries(NAMES, LISTS, max_size=5),
    environ=ENVIRON,
    annotations=ANNOTATIONS,
    file=st.none() | st.builds(ConfigFile, st.just("a"), FILES),
)
def test_no_input_raises_anything_but_a_config_error(
    flags: dict[str, str | list[str]],
    environ: dict[str, str],
    annotations: str,
    file: ConfigFile | None,
) -> None:
    try:
        settings = load(flags=flags, environ=environ, annotations=annotations, file=file)
    except ConfigError as refused:
        error = refused
    else:
        assert settings.forward
        return
    assert len(str(error).splitlines()) == len(error.mistakes) > 0


@given(ANNOTATIONS)
def test_no_annotations_ever_stop_a_running_sidecar(annotations: str) -> None:
    current = SOURCES.load()

    settings, wrong = SOURCES.reload(current, annotations)

    assert settings.forward == current.forward
    assert SOURCES.reload(settings, annotations) == (settings, wrong)


def test_the_room_loads_neither_yaml_nor_click_nor_what_needs_a_mistake(root: Path) -> None:
    code = (
        "import sys, msgspec; before = set(sys.modules); import drainproxy.config;"
        "drainproxy.config.load(flags={'forward': '8080=9000'});"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}

    assert loaded == {"drainproxy"}
