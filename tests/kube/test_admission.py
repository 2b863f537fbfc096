"""Reviews in, reviews out."""

import base64
import json
import re
from contextlib import suppress
from copy import deepcopy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drainproxy.kube.admission import AdmissionVerdict, Seen, answer, judge, parse
from drainproxy.kube.containers import sidecar_of
from drainproxy.kube.inject import uninject
from drainproxy.kube.namespace import Namespace
from drainproxy.kube.plan import Options
from drainproxy.manifests.podspec import Json
from tests.kube.pods import injected, options, pod, pods, sidecar

SWITCH = "drainproxy.io/inject"


def review(before: Json | None, **fields: Any) -> bytes:
    request = {
        "uid": "705ab4f5",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "namespace": "shop",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "object": before,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions"},
        **fields,
    }
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    ).encode()


# Within the length of a review, and deeper than any version of Python goes: since 3.14 the C stack
# alone is the bound of what is written in C, and not sys.getrecursionlimit().
_DEEP = b'{"a":' * 400_000 + b"1" + b"}" * 400_000


def _nested(depth: int) -> Json:
    deep: Json = {}
    for _ in range(depth):
        deep = {"x": deep}
    return {**pod(), "extra": deep}


def response_to(body: bytes, options: Options, seen: Namespace | Seen | None = None) -> bytes:
    """What is sent back for a review; ValueError if it is malformed."""
    request = parse(body)
    return answer(request, judge(request, options, seen))


def answered(before: Json | None, namespace: Namespace | Seen | None = None, **fields: Any) -> Json:
    said = json.loads(response_to(review(before), options(**fields), namespace))
    assert {key: said[key] for key in ("apiVersion", "kind")} == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
    }
    assert said["response"]["uid"] == "705ab4f5"
    response: Json = said["response"]
    return response


def patched(before: Json, response: Json) -> Json:
    assert response["patchType"] == "JSONPatch"
    patch = json.loads(base64.b64decode(response["patch"]))
    after: Json = jsonpatch.apply_patch(before, patch)
    return after


def verdict(before: Json, namespace: Namespace | None = None, **fields: Any) -> AdmissionVerdict:
    return judge(parse(review(before, **fields)), options(), namespace)


def test_the_patch_is_the_injected_pod() -> None:
    response = answered(pod())

    assert response["allowed"] is True
    assert patched(pod(), response) == injected(pod()).pod
    assert "warnings" not in response


def test_warnings_say_who_warns() -> None:
    response = answered(pod({"name": "http", "containerPort": 1, "hostPort": 80}))

    assert response["warnings"][0].startswith("drainproxy: hostPort 80 leads to web and bypasses")


@given(before=pods())
def test_a_pod_that_comes_again_gets_an_empty_patch(before: Json) -> None:
    first = answered(before)
    if "patch" in first:
        after = patched(before, first)
        if sidecar_of(after):
            assert uninject(after) == before
        again = answered(_with_defaults(after))
        assert again["allowed"] is True
        assert "patch" not in again


def test_a_pod_that_comes_again_with_another_container_gets_its_hook() -> None:
    after = patched(pod(), answered(pod()))
    after["spec"]["containers"].append({"name": "late"})
    again = patched(after, answered(after))

    assert "preStop" in again["spec"]["containers"][1]["lifecycle"]
    assert "patch" not in answered(again)


NOTES = "drainproxy.io/warnings"


def test_warnings_stand_on_the_pod_too_one_a_line() -> None:
    before = pod({"name": "http", "containerPort": 1, "hostPort": 80})
    response = answered(before)
    after = patched(before, response)

    lines = after["metadata"]["annotations"][NOTES].split("\n")
    assert [f"drainproxy: {line}" for line in lines] == response["warnings"]
    assert uninject(after) == before
    assert NOTES not in patched(pod(), answered(pod()))["metadata"]["annotations"]


def test_who_is_skipped_for_want_of_a_port_is_warned() -> None:
    before = pod({"name": "dns", "containerPort": 53, "protocol": "UDP"})
    response = answered(before)
    after = patched(before, response)

    assert response["warnings"][0].startswith("drainproxy: no sidecar: no container")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"][NOTES].startswith("no sidecar: no container")
    again = answered(after)
    assert (again["warnings"], "patch" in again) == (response["warnings"], False)


@pytest.mark.parametrize(("label", "warned"), [(None, False), ("false", False), ("true", True)])
def test_a_pod_of_the_host_is_warned_only_if_it_asks_itself(
    label: str | None, warned: bool
) -> None:
    before = pod()
    before["spec"]["hostNetwork"] = True
    if label:
        before["metadata"]["labels"] = {SWITCH: label}
    response = answered(before)

    assert response["allowed"] is True
    assert ("warnings" in response) is ("patch" in response) is warned


def test_a_namespace_that_cannot_be_read_is_warned_of() -> None:
    warnings = judge(parse(review(pod())), options(), Seen(unread=True)).warnings

    unread = "the annotations of the namespace cannot be read: the pod has other defaults"
    assert warnings == [f"drainproxy: {unread}"]

    nowhere = parse(review(pod({"containerPort": 8080})))
    warnings = judge(nowhere, options(), Seen(unread=True)).warnings
    assert [text.partition(": ")[2].partition(":")[0] for text in warnings] == [
        "no sidecar",
        "the annotations of the namespace cannot be read",
    ]


@pytest.mark.parametrize("beside", [True, False])
def test_a_forged_record_makes_no_other_pod_of_it(beside: bool) -> None:
    record = {"version": "1", "changed": {"/spec/hostNetwork": False}}
    before = pod(annotations={"drainproxy.io/status": json.dumps(record)})
    before["spec"]["hostNetwork"] = True
    if beside:
        before["spec"]["initContainers"] = [{"name": "drainproxy"}]

    assert verdict(before).outcome == "skipped"
    assert verdict(before).patch == []


@given(before=pods())
def test_a_pod_that_lost_its_sidecar_gets_one_that_is_whole(before: Json) -> None:
    first = answered(before)
    if "patch" not in first or not sidecar_of(patched(before, first)):
        return
    copied = patched(before, first)
    for group in ("containers", "initContainers"):
        kept = [each for each in copied["spec"].get(group) or [] if each["name"] != "drainproxy"]
        copied["spec"][group] = kept
    again = patched(copied, answered(copied))
    assert sidecar(again)
    assert "patch" not in answered(again)


def test_a_record_without_a_sidecar_does_not_keep_it_away() -> None:
    copied = injected(pod()).pod
    del copied["spec"]["initContainers"]

    assert sidecar(patched(copied, answered(copied)))


def test_a_pod_whose_sidecar_could_not_start_is_denied_with_every_mistake() -> None:
    wrong = {"drainproxy.io/drain-delay": "5", "drainproxy.io/capture": "x"}
    response = answered(pod(annotations=wrong))

    assert response["allowed"] is False
    assert response["status"]["code"] == 422
    message = response["status"]["message"]
    assert message.startswith(
        "drainproxy cannot be injected: annotation drainproxy.io/capture: 'x'"
    )
    assert "annotation drainproxy.io/drain-delay: '5' is not a duration" in message


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": "UPDATE"},
        {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}},
        {"kind": {"group": "metrics.k8s.io", "version": "v1", "kind": "Pod"}},
    ],
)
def test_what_is_no_new_pod_passes(fields: Json) -> None:
    assert verdict(pod(), **fields) == AdmissionVerdict("skipped", "only new pods get a sidecar")


@pytest.mark.parametrize(
    ("namespace", "label", "outcome"),
    [
        (None, None, "injected"),
        (None, "true", "injected"),
        (None, "false", "skipped"),
        ("true", None, "injected"),
        ("true", "false", "skipped"),
        ("false", "true", "injected"),
        ("false", None, "skipped"),
        ("", None, "skipped"),
        ("", "true", "injected"),
        ("yes", None, "denied"),
        ("yes", "true", "injected"),
    ],
)
def test_the_pod_beats_its_namespace(
    namespace: str | None, label: str | None, outcome: str
) -> None:
    before = pod()
    before["metadata"]["labels"] = {SWITCH: label} if label else {}
    said = None if namespace is None else Namespace({SWITCH: namespace} if namespace else {})

    assert verdict(before, said).outcome == outcome


def test_annotations_of_the_namespace_are_defaults_above_the_webhooks() -> None:
    namespace = Namespace(
        {SWITCH: "true"},
        {
            "drainproxy.io/drain-delay": "2s",
            "drainproxy.io/drain-spread": "2s",
            "drainproxy.io/status": "{}",
            "example.com/team": "x",
        },
    )
    own = {"drainproxy.io/drain-delay": "1s"}
    defaults = {"drainproxy.io/drain-spread": "3s", "drainproxy.io/drain-quiet": "3s"}
    before = pod(annotations=own)
    annotations = patched(before, answered(before, namespace, defaults=defaults))["metadata"][
        "annotations"
    ]

    assert annotations["drainproxy.io/drain-delay"] == "1s"
    assert annotations["drainproxy.io/drain-spread"] == "2s"
    assert annotations["drainproxy.io/drain-quiet"] == "3s"
    assert "example.com/team" not in annotations


def test_a_mistake_of_the_namespace_stops_no_pod() -> None:
    namespace = Namespace(
        {SWITCH: "true"}, {"drainproxy.io/drain-delay": "5", "drainproxy.io/drain-dely": "5s"}
    )
    response = answered(pod(), namespace)

    assert response["allowed"] is True
    assert len(response["warnings"]) == 2
    assert response["warnings"][0].startswith(
        "drainproxy: a default is ignored: annotation drainproxy.io/drain-delay: '5'"
    )


def test_a_default_that_does_not_fit_a_pod_stops_it_neither() -> None:
    defaults = {"drainproxy.io/ports": "https", "drainproxy.io/drain-delay": "1s"}
    response = answered(pod(), defaults=defaults)

    assert response["allowed"] is True
    assert len(response["warnings"]) == 1
    assert (
        "a default is ignored: annotation drainproxy.io/ports: 'https'" in response["warnings"][0]
    )
    denied = answered(pod(annotations={"drainproxy.io/drain-quiet": "1"}), defaults=defaults)
    assert denied["allowed"] is False
    assert "drain-quiet" in denied["status"]["message"]
    assert "ports" not in denied["status"]["message"]


def test_below_1_33_a_sidecar_that_has_a_name_is_a_plain_container_and_the_answer_warns() -> None:
    response = answered(pod(), Seen(finds_names_at_sidecars=False))
    after = patched(pod(), response)

    assert [each["name"] for each in after["spec"]["containers"]] == ["web", "drainproxy"]
    assert "initContainers" not in after["spec"]
    assert any("older than Kubernetes 1.33" in text for text in response["warnings"])


def test_the_pod_of_a_job_gets_no_plain_container() -> None:
    before = pod(annotations={"drainproxy.io/native-sidecar": "false"})
    before["spec"]["restartPolicy"] = "OnFailure"

    assert verdict(before).outcome == "skipped"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is no AdmissionReview of admission.k8s.io/v1: Input data was truncated"),
        (b"\xff", "is no AdmissionReview"),
        (b'{"apiVersion": "\xff"}', "is no AdmissionReview of admission.k8s.io/v1: not UTF-8"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "Object missing required field `apiVersion`"),
        (
            b'{"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"}',
            "Invalid enum value 'admission.k8s.io/v1beta1' - at `$.apiVersion`",
        ),
        (review(pod(), uid=3), "Expected `str`, got `int` - at `$.request.uid`"),
        (review(None), "holds no pod: request.object is missing"),
        (review({"spec": {"containers": {}}}), "is no pod: Expected `array | null`, got `object`"),
        (review({"x": "DEEP"}).replace(b'"DEEP"', _DEEP), "is nested too deeply"),
    ],
)
def test_a_malformed_review_is_refused_with_the_place(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        response_to(body, options())


def test_a_pod_that_is_nested_too_deeply_to_be_judged_is_refused() -> None:
    request = replace(parse(review(pod())), object=_nested(100_000))

    with pytest.raises(ValueError, match="is nested too deeply"):
        judge(request, options())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["metadata", "spec", "containers", "name", "ports", "annotations"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_whatever_comes_as_a_pod_is_answered_or_refused(body: Any) -> None:
    with suppress(ValueError):
        assert b'"uid":"705ab4f5"' in response_to(review(body), options())


def _with_defaults(after: Json) -> Json:
    """What the API server writes into a pod before it asks again."""
    after = deepcopy(after)
    for container in after["spec"]["containers"] + (after["spec"].get("initContainers") or []):
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("imagePullPolicy", "IfNotPresent")
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            if container.get(name):
                container[name].setdefault("timeoutSeconds", 1)
        mount = {"name": "kube-api-access", "mountPath": "/var/run/secrets"}
        container["volumeMounts"] = [*container.get("volumeMounts", []), mount]
    return after
