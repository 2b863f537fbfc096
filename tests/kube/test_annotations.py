"""What a pod asks of the injector, and the reference of it."""

from pathlib import Path

import pytest

from drainproxy.config import INJECTOR_ANNOTATIONS, TABLE
from drainproxy.kube.annotations import (
    ANNOTATABLE,
    INJECTION_SETTINGS,
    STATUS,
    SWITCH_NAME,
    WARNINGS,
    Choice,
    InjectionOptions,
    markdown,
    parse_ports,
    read_options,
    readable,
)

PREFIX = "drainproxy.io/"


def test_the_sidecar_knows_every_annotation_that_is_not_for_it() -> None:
    ours = {SWITCH_NAME, STATUS, WARNINGS, *(row.annotation for row in INJECTION_SETTINGS)}
    assert {PREFIX + name for name in INJECTOR_ANNOTATIONS} == ours


def test_no_annotation_means_two_things() -> None:
    assert {row.name for row in INJECTION_SETTINGS} & {row.name for row in TABLE} == set()


def test_the_reference_is_what_the_code_prints(root: Path) -> None:
    reference = (root / "deploy" / "ANNOTATIONS.md").read_text()

    assert markdown() in reference, "deploy/ANNOTATIONS.md must be printed anew"


def test_the_table_has_a_line_for_each() -> None:
    head, rule, *lines = markdown().splitlines()

    assert (head.count(" | "), rule) == (3, "|" + " --- |" * 4)
    assert [line.split("`")[1] for line in lines] == [
        SWITCH_NAME,
        *(row.annotation for row in INJECTION_SETTINGS),
        STATUS,
        WARNINGS,
    ]
    assert {line.count(" | ") for line in lines} == {3}


def test_without_annotations_the_defaults_hold() -> None:
    assert read_options({"example.com/image": "x"}) == (InjectionOptions(), [])
    assert (InjectionOptions().capture, InjectionOptions().native_sidecar) == ("auto", True)


def test_every_wish_can_be_read() -> None:
    pod_options, mistakes = read_options(
        {
            PREFIX + "ports": "http, 5432/tcp",
            PREFIX + "capture": "redirect",
            PREFIX + "native-sidecar": "false",
            PREFIX + "raise-grace-period": "true",
            PREFIX + "replace-prestop-sleep": "true",
            PREFIX + "image": "r.example/d@sha256:abc",
            PREFIX + "image-pull-policy": "Always",
            PREFIX + "run-as-user": "1000",
            PREFIX + "run-as-group": "image",
            PREFIX + "cpu-request": "0.5",
            PREFIX + "cpu-limit": "2",
            PREFIX + "memory-request": "128Mi",
            PREFIX + "memory-limit": "1Gi",
        }
    )

    assert mistakes == []
    assert pod_options == InjectionOptions(
        ports=(Choice("http"), Choice("5432", "tcp")),
        capture="redirect",
        native_sidecar=False,
        raise_grace_period=True,
        replace_prestop_sleep=True,
        image="r.example/d@sha256:abc",
        image_pull_policy="Always",
        run_as_user=1000,
        run_as_group="image",
        cpu_request="0.5",
        cpu_limit="2",
        memory_request="128Mi",
        memory_limit="1Gi",
    )


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("ports", "http;grpc", "is no list of ports, such as http,5432/tcp"),
        ("ports", "http/udp", "is no list of ports"),
        ("capture", "iptables", "is not one of auto, names, redirect"),
        ("native-sidecar", "yes", "is neither on nor off"),
        ("image", "", "is no image"),
        ("image-pull-policy", "always", "is not one of Always, IfNotPresent, Never"),
        ("cpu-limit", "half", "is no quantity, such as 50m or 64Mi"),
        ("run-as-user", "0", "is root, as whom the sidecar never runs"),
        ("run-as-user", "2147483648", "is neither a number up to 2147483647 nor image"),
        ("run-as-group", "wheel", "is neither a number"),
    ],
)
def test_a_wrong_wish_is_a_mistake_and_has_its_default(name: str, text: str, problem: str) -> None:
    pod_options, (mistake,) = read_options({PREFIX + name: text})

    assert pod_options == InjectionOptions()
    assert str(mistake).startswith(f"annotation {PREFIX}{name}: {text!r} ")
    assert problem in str(mistake)


def test_there_are_as_many_ports_as_forwards_at_most() -> None:
    assert len(parse_ports("1," * 1000)) == 1000
    with pytest.raises(ValueError, match=r"has 1,001 entries, and may have 1,000"):
        parse_ports("1," * 1001)


def test_ports_may_stand_on_lines_of_their_own() -> None:
    assert parse_ports("http\n  grpc,,ws ") == (Choice("http"), Choice("grpc"), Choice("ws"))
    assert parse_ports("") == ()


def test_defaults_are_looked_at_one_by_one() -> None:
    found, mistakes = readable(
        {
            "example.com/x": "y",
            SWITCH_NAME: "true",
            STATUS: "{}",
            PREFIX + "image": "r/d:1",
            PREFIX + "drain-delay": "3s",
            PREFIX + "drain-timeout": "30",
            PREFIX + "annotations-file": "/x",
        }
    )

    assert found == {PREFIX + "image": "r/d:1", PREFIX + "drain-delay": "3s"}
    assert [mistake.name for mistake in mistakes] == ["drain-timeout", "annotations-file"]


def test_settings_that_wait_for_their_feature_cannot_be_annotated_yet() -> None:
    assert not any(row.later for row in ANNOTATABLE)
    assert {row.name for row in ANNOTATABLE} >= {"drain-timeout", "forward", "image"}
