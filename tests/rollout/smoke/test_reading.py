"""A file of steps is read, and all that is wrong with it is told, with its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config import ConfigError
from drainproxy.rollout.smoke.model import Http, SmokeTest, Step, Tls
from drainproxy.rollout.smoke.reading import SmokeOptions, read_url
from tests.rollout.smoke.files import BASE, mistakes, read, step

NO_BASE = SmokeOptions()


def test_a_list_of_steps_is_a_test() -> None:
    test = read("- http: /a\n- http: /b\n")

    assert [each.name for each in test.steps] == ["GET /a", "GET /b"]
    assert [each.line for each in test.steps] == [1, 2]
    assert (test.name, test.source, test.url) == ("t.yaml", "t.yaml", BASE)


@pytest.mark.parametrize("text", ["", "[]", "steps: []", "steps:", "name: none\n", "# nothing\n"])
def test_a_test_may_be_read_that_has_no_steps(text: str) -> None:
    assert read(text).steps == ()


def test_what_stands_beside_the_steps_holds_for_all_of_them() -> None:
    test = read(
        """
name: shop
url: http://other/base/
timeout: 3s
retries: 2
retry-interval: 500ms
tls: {ca: ca.pem}
steps:
  - http: /a
  - name: own
    http: {url: /b, tls: {server-name: shop}}
    timeout: 1m
    retries: 0
    retry-interval: 0
""",
        NO_BASE,
    )
    first, second = test.steps

    assert (test.name, test.url) == ("shop", "http://other/base")
    assert (first.timeout, first.retries, first.retry_interval) == (3, 2, 0.5)
    assert (second.name, second.timeout, second.retries, second.retry_interval) == ("own", 60, 0, 0)
    assert first.action == Http("http://other/base/a", tls=Tls(ca="ca.pem"))
    assert second.action == Http("http://other/base/b", tls=Tls(ca="ca.pem", server_name="shop"))


def test_flags_beat_the_head_of_the_file_and_not_a_step() -> None:
    test = read(
        "{url: http://other, timeout: 3s, steps: [{http: /a}, {http: /b, timeout: 4s}]}",
        SmokeOptions(url=BASE, timeout=5.0, retries=7, insecure=True),
    )
    assert [each.timeout for each in test.steps] == [5, 4]
    assert [each.retries for each in test.steps] == [7, 7]
    assert test.steps[0].action == Http(f"{BASE}/a", tls=Tls(insecure=True))


def test_variables_come_from_the_flag_the_file_and_the_environment_in_this_order() -> None:
    text = """
variables:
  A: file
  B: file ${C}
  D: ${B}!
steps:
  - exec: ["${A}", "${B}", "${C}", "${D}"]
"""
    (asked,) = read(text, NO_BASE, {"A": "env", "B": "env", "C": "env"}, {"A": "flag"}).steps
    assert asked.action.command == ("flag", "file env", "env", "file env!")  # type: ignore[union-attr]
    assert dict(asked.action.environment)["D"] == "file env!"  # type: ignore[union-attr]


def test_the_base_is_a_variable_for_whoever_needs_it() -> None:
    asked = step("- exec: [ask, '${SMOKE_URL}/x']")
    assert asked.action.command == ("ask", f"{BASE}/x")  # type: ignore[union-attr]


def test_a_step_is_called_by_the_words_of_the_file_so_that_no_secret_is_in_its_name() -> None:
    text = """
- http: /a?key=${TOKEN}&page=2
- http: post /a
- http: {url: /b, json: {}}
- http: {url: /b, method: put}
- websocket: /ws
- sse: {url: /events}
- grpc: app:1
- grpc: {target: app:1, service: shop.Cart}
- grpc: {target: app:1, method: shop.Cart/Add}
- exec: [run, "${TOKEN}"]
- exec: run me
"""
    assert [each.name for each in read(text, None, {"TOKEN": "secret"}).steps] == [
        *(
            "GET /a?key=${TOKEN}&page=...",
            "post /a",
            "POST /b",
            "PUT /b",
            "websocket /ws",
            "sse /events",
        ),
        *("grpc health of app:1", "grpc health of shop.Cart", "grpc shop.Cart/Add"),
        *("exec run ${TOKEN}", "exec run me"),
    ]


def test_keys_may_be_merged_from_an_anchor() -> None:
    test = read(
        """
x-patient: &patient {timeout: 1m, retries: 9}
steps:
  - <<: *patient
    http: /a
    retries: 1
"""
    )
    assert [(each.timeout, each.retries) for each in test.steps] == [(60, 1)]


def test_a_url_is_one_step_that_gets_it() -> None:
    assert read_url("https://app/x?y", SmokeOptions(ca="ca", retries=3)) == SmokeTest(
        "https://app/x?...",
        "https://app/x?...",
        (Step("GET https://app/x?...", "http", Http("https://app/x?y", tls=Tls("ca")), retries=3),),
        "https://app/x?y",
    )


@pytest.mark.parametrize("url", ["ftp://x", "https://", "file:///etc/passwd", "http://x:y/"])
def test_a_url_that_is_none_is_told(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a URL"):
        read_url(url, NO_BASE)


ALL_WRONG = """\
name: x
timout: 5s
retries: many
variables: {A: "${NOPE}", 1x: y}
steps:
- http: /hello
  timeout: 5
  expect: {statsu: 200, status: 99}
- htpp: /x
- http: {url: /x, body: a, json: b}
- http: /x
  sse: /y
- http:
- foo
- name: [a]
  http: /x
- http: http://x/${y
- http: /x
  http: /y
- websocket: {url: /ws, close: 1005}
- grpc: {method: foo, message: bar}
"""


def test_all_mistakes_are_told_at_once_each_with_its_line_and_what_would_be_right() -> None:
    told = mistakes(ALL_WRONG)

    for line, problem in {
        2: "timout is not a key of a smoke test: did you mean timeout?",
        3: "retries 'many' is not a whole number",
        4: "A needs the variable NOPE",
        7: "timeout '5' is not a duration, such as 500ms",
        8: "statsu is not a key of expect of http: did you mean status?",
        9: "htpp is not a key of a step: did you mean http?",
        10: "http has body and json: a request has one body",
        11: "a step has http and sse: it needs one of http, websocket, sse, grpc, exec",
        13: "http must not be empty",
        14: "a step must be a mapping with one of http, websocket, sse, grpc, exec",
        15: "name must be a text",
        17: "http holds ${y, which is no variable",
        19: "http is given twice",
        20: "close '1005' is not a code that may be sent",
        21: "method 'foo' is not a method such as /package.Service/Method",
    }.items():
        assert any(each.startswith(f"t.yaml:{line}: {problem}") for each in told), problem
    assert sum(each.startswith("t.yaml:21:") for each in told) == 1
    lines = [int(each.split(":")[1]) for each in told]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "t.yaml:1: is not valid YAML"),
        ("- a\n---\n- b", "t.yaml:2: is not valid YAML"),
        ("- http: /a\n\t- x", "t.yaml:2: is not valid YAML"),
        ("just words", "t.yaml:1: must be a list of steps, or a mapping with steps"),
        ("steps: 3", "t.yaml:1: steps must be a list"),
        ("variables: 3", "t.yaml:1: variables must be a mapping"),
        ("[{http: /a, expect: 200}]", "t.yaml:1: expect of http must be a mapping"),
        ("[{name: x}]", "t.yaml:1: a step asks nothing: it needs one of http"),
        ("[{[a]: b}]", "t.yaml:1: a key of a step must be a word"),
        ("{url: /x}", "t.yaml:1: url '/x' is not a URL that begins with http:// or https://"),
        ("{url: http://x?a=b}", "t.yaml:1: url 'http://x?a=...' has a query"),
        ("[\n" * 500, "is nested too deeply"),
        ("tls: {cert: a}", "tls needs cert and key, or neither"),
        ("timeout: 0", "timeout '0' must be more than 0"),
        ("retries: 1001", "retries '1001' is more than 1000"),
    ],
)
def test_what_is_no_test_is_told(text: str, problem: str) -> None:
    assert any(problem in each for each in mistakes(text))


def test_a_path_needs_a_base_and_a_wrong_base_is_told_once() -> None:
    (told,) = mistakes("[{http: /a}]", NO_BASE)
    assert "'/a' is a path, and there is no base: give one by url or --url" in told
    assert len(mistakes("{url: nowhere, steps: [{http: /a}, {sse: /b}]}", NO_BASE)) == 1


@given(
    st.recursive(
        st.sampled_from(["/a", "http", "200", "${X}", "null", "expect", "url", "!!binary x", "~"]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
            st.dictionaries(
                st.sampled_from(
                    [
                        *("steps", "http", "websocket", "sse", "grpc", "exec", "expect", "tls"),
                        *("url", "json", "headers", "send", "messages", "status", "name", "<<"),
                        *("variables", "body", "method", "target", "timeout", "matches"),
                    ]
                ),
                inner,
                max_size=3,
            ).map(lambda items: f"{{{', '.join(f'{k}: {v}' for k, v in items.items())}}}"),
        ),
        max_leaves=12,
    )
)
def test_any_text_is_a_test_or_has_mistakes_in_it(text: str) -> None:
    told: tuple[object, ...] = ()
    try:
        read(text)
    except ConfigError as error:
        told = error.mistakes
    assert all(str(each).startswith("t.yaml:") for each in told)


@pytest.mark.parametrize(
    "text",
    [
        "- http: {url: /a, json: &a {b: *a}}",
        "- http: {url: /a, json: &a [1, [*a]]}",
        "- &a {http: /a, <<: *a}",
    ],
)
def test_an_anchor_within_itself_is_told(text: str) -> None:
    assert mistakes(text) == ["t.yaml:1: stands within itself, by its anchor"]


def test_an_anchor_may_be_used_more_than_once() -> None:
    test = read("[{http: {url: /a, json: [&a {b: 1}, *a]}}]")
    (action,) = [each.action for each in test.steps]
    assert isinstance(action, Http)
    assert action.body == b'[{"b": 1}, {"b": 1}]'


def test_a_variable_that_no_process_can_get_is_told() -> None:
    (told,) = mistakes('variables: {A: "a\\0b"}\nsteps: [{exec: [a]}]')
    assert "A holds a character with the number 0" in told
