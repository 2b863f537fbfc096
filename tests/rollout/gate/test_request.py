"""The payloads of engines, in the shapes that they document, become a rollout to look at."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.gate.record import MigrationQuestion
from drainproxy.rollout.gate.request import (
    GateRequest,
    UnnamedVersionError,
    budget,
    objective,
    question,
    read_argo,
    read_flagger,
    rollout,
)

HASHES = b'{"namespace":"shop","canaryHash":"6d5f","stableHash":"7c4b","window":"5m","weight":"10"}'
# docs.flagger.app, "Webhooks": the payload of every hook.
FLAGGER = (
    b'{"name":"web","namespace":"shop","phase":"Progressing","checksum":"85d557f47b",'
    b'"metadata":{"window":"3m","slo":"99%"}}'
)


def test_the_body_of_an_analysis_names_both_hashes() -> None:
    found = rollout(read_argo(HASHES, {}))
    assert found.canary == 'rollouts_pod_template_hash="6d5f",namespace="shop"'
    assert found.stable == 'rollouts_pod_template_hash="7c4b",namespace="shop"'
    assert (found.window, found.weight) == (300, 10)


def test_a_get_says_the_same_in_its_query() -> None:
    query = {"canary": 'version="2"', "stable": 'version="1"', "tolerate": "3", "warmUp": "0s"}
    found = rollout(read_argo(b"", query))
    assert (found.canary, found.policy.times, found.warm_up) == ('version="2"', 3, 0)


def test_a_canary_of_flagger_is_told_from_its_primary_by_the_label_app() -> None:
    found = rollout(read_flagger(FLAGGER))
    assert found.canary == 'app="web",namespace="shop"'
    assert found.stable == 'app="web-primary",namespace="shop"'
    assert (found.window, found.release) == (180, "85d557f47b")
    assert found.policy.allowed == pytest.approx(14.4 * 0.01)


def test_the_metadata_of_a_hook_may_select_the_pods_itself() -> None:
    body = (
        b'{"name":"web","namespace":"shop","metadata":'
        b'{"canary":"version=\\"2\\"","stable":"version=\\"1\\""}}'
    )
    assert rollout(read_flagger(body)).canary == 'version="2"'


@pytest.mark.parametrize(
    "body", [b'{"canaryHash":"a"}', b'{"canaryHash":"","stableHash":"b"}', b"{}", b'{"stable":" "}']
)
def test_a_version_that_is_not_named_is_told_so(body: bytes) -> None:
    with pytest.raises(UnnamedVersionError, match="neither a selector nor a hash"):
        rollout(read_argo(body, {}))


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"\xff",
        b"[]",
        b'{"canaryHash":7}',
        b'{"canaryHahs":"a"}',
        HASHES.replace(b'"weight"', b'"window":"1m","weight"'),
        HASHES.replace(b'"weight":"10"', b'"hashLabel":"pod-template-hash"'),
        HASHES.replace(b"5m", b"soon"),
        HASHES.replace(b"5m", b"0s"),
        HASHES.replace(b"5m", b"48h"),
        HASHES.replace(b'"10"', b'"ten"'),
        HASHES.replace(b'"weight"', b'"slo"'),
        HASHES.replace(b'"weight":"10"', b'"tolerate":"0"'),
        HASHES.replace(b'"weight":"10"', b'"tolerate":"nan"'),
        HASHES.replace(b'"weight":"10"', b'"tolerate":"inf"'),
        HASHES.replace(b'"10"', b'"nan"'),
        b'{"canary":"up","stable":"a=\\"b\\""}',
    ],
)
def test_what_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        rollout(read_argo(body, {}))


@pytest.mark.parametrize(
    ("field", "text"), [("window", "soon"), ("warmUp", "x"), ("weight", "ten"), ("tolerate", "inf")]
)
def test_the_field_that_is_wrong_is_named_with_what_it_holds(field: str, text: str) -> None:
    asked = {"canary": 'version="2"', "stable": 'version="1"', field: text}
    with pytest.raises(ValueError, match=f"{field} '{text}'"):
        rollout(read_argo(b"", asked))


def test_a_body_that_is_nested_without_end_is_refused() -> None:
    # Deeper than any version of Python goes: since 3.14 the C stack alone is the bound.
    body = b'{"name":"web","namespace":"shop","more":' + b"[" * 400_000 + b"]" * 400_000 + b"}"
    with pytest.raises(ValueError, match="body"):
        read_argo(body, {})
    with pytest.raises(ValueError, match="nested too deeply"):
        read_flagger(body)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"name":"web"}', b'{"name":1,"namespace":"x"}'])
def test_a_hook_without_its_canary_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not what is asked"):
        read_flagger(body)


@given(st.binary(max_size=200))
def test_no_body_ends_in_anything_else(body: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(read_argo(body or b"x", {}), GateRequest)
    with suppress(ValueError):
        assert isinstance(read_flagger(body), GateRequest)


@pytest.mark.parametrize(("text", "value"), [("99.9%", 0.999), ("0.95", 0.95)])
def test_an_objective_is_a_share_or_percent(text: str, value: float) -> None:
    assert objective(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["99.9", "0", "100%", "", "nan", "x"])
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="objective"):
        objective(text)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, None),
        ({"version": "7"}, "name it"),
        ({"app": "shop"}, "the version of its schema"),
        ({"app": "shop/../x", "version": "7"}, "app 'shop/../x'"),
        ({"app": "shop", "version": "seven"}, "version 'seven'"),
        ({"app": "shop", "previous": "-1"}, "previous '-1'"),
        ({"app": "shop", "version": "7"}, MigrationQuestion("shop", "prod", 7, None)),
        ({"app": "shop", "previous": "6"}, MigrationQuestion("shop", "prod", None, 6)),
    ],
)
def test_the_record_is_asked_for_an_app_and_a_version(
    more: dict[str, str], found: MigrationQuestion | str | None
) -> None:
    asked = GateRequest(namespace="prod", **more)
    if isinstance(found, str):
        with pytest.raises(ValueError, match=found):
            question(asked)
    else:
        assert question(asked) == found


def test_a_budget_is_of_a_service_by_known_rules() -> None:
    assert budget(GateRequest()) is None
    assert budget(GateRequest(service="shop")) == ("drainproxy", "shop")
    assert budget(GateRequest(service="shop", source="pyrra")) == ("pyrra", "shop")
    for wrong in (GateRequest(service="shop", source="x"), GateRequest(service='a"b')):
        with pytest.raises(ValueError, match=r"source|no name"):
            budget(wrong)
