"""What is decided about a pod."""

from typing import Any

import pytest

from drainproxy.config import ConfigError
from drainproxy.kube.plan import InjectionPlan, decide
from drainproxy.manifests.podspec import Json, read
from tests.kube.pods import TOKEN, options, pod
from tests.kube.test_capture import service


def plan(before: Json, token: str | None = None, **fields: Any) -> InjectionPlan:
    decided = decide(read(before), options(**fields), token)
    assert isinstance(decided, InjectionPlan), decided
    return decided


def annotated(**texts: str) -> Json:
    names = {name.replace("_", "-"): text for name, text in texts.items()}
    return pod(annotations={f"drainproxy.io/{name}": text for name, text in names.items()})


def test_the_image_is_the_pods_or_else_the_injectors() -> None:
    assert plan(pod(), image="r/d:1").spec.image == "r/d:1"
    assert plan(annotated(image="r/d:2"), image="r/d:1").spec.image == "r/d:2"


def test_the_token_is_annotated_or_kept_or_new() -> None:
    kept = plan(pod(), token="old").spec
    said = plan(annotated(admin_token="said"), token="old").spec

    assert (plan(pod()).spec.token, kept.token, said.token) == (TOKEN, "old", "said")


def test_what_is_annotated_is_no_flag() -> None:
    said = plan(annotated(forward="7000=8080", report_file="/dev/null")).spec

    assert (said.forwards, said.pass_report) == ((), False)
    assert [(each.listen, each.renamed) for each in said.ports] == [(7000, "app-http")]
    assert plan(pod()).spec.forwards == ("9181=8080",)


def test_the_admin_port_follows_its_annotation() -> None:
    said = plan(annotated(admin="9181"))

    assert said.spec.admin.port == 9181
    assert said.spec.ports[0].listen == 9182
    assert said.annotations["prometheus.io/port"] == "9181"


def test_the_grpc_health_port_is_not_taken_twice() -> None:
    assert plan(annotated(grpc_health="9181")).spec.ports[0].listen == 9182


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"admin": "127.0.0.1:9180"}, "annotation drainproxy.io/admin: '127.0.0.1:9180' is out of"),
        ({"admin_token_file": "/x"}, "the preStop hooks need the token itself"),
        ({"forward": "8080"}, "annotation drainproxy.io/forward: '8080' is not LISTEN=APP"),
        ({"forward": "9180=8080", "admin": "9180"}, "listens at 9180, which admin"),
        ({"annotations_file": "/x"}, "cannot be an annotation"),
        ({"tls_cert": "/x"}, "not yet"),
        ({"admin": "x"}, "annotation drainproxy.io/admin: 'x' has no port"),
        ({"admin": "8080"}, "annotation drainproxy.io/admin: 8080 is declared by web: two cannot"),
        ({"ports": "https", "ready_ports": "8080"}, "'https' is no TCP port of this pod"),
        ({"admin": "0"}, "annotation drainproxy.io/admin: 0 is another port at each start"),
        ({"grpc_health": "0"}, "annotation drainproxy.io/grpc-health: 0 is another port"),
        ({"forward": "9181=8080 0=8081"}, "annotation drainproxy.io/forward: 0 is another port"),
    ],
)
def test_what_would_keep_the_sidecar_from_working_is_a_mistake(
    texts: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(annotated(**texts))

    assert problem in str(caught.value)
    assert len(caught.value.mistakes) == 1


def test_a_port_of_ours_that_cannot_be_read_is_no_mistake_of_a_forward() -> None:
    busy = pod({"name": "http", "containerPort": 9180}, annotations={"drainproxy.io/admin": "x"})

    with pytest.raises(ConfigError) as caught:
        plan(busy)
    assert [mistake.name for mistake in caught.value.mistakes] == ["admin"]


def test_mistakes_without_any_port_are_told_and_not_that_there_is_none() -> None:
    wrong: Json = pod({"containerPort": 1}, annotations={"drainproxy.io/drain-delay": "5"})
    fine: Json = pod({"containerPort": 1})

    assert "no container has a TCP port with a name" in str(decide(read(fine), options(), None))
    assert "no container has" in str(decide(read(wrong), options(), None))
    wrong["metadata"]["annotations"]["drainproxy.io/capture"] = "x"
    with pytest.raises(ConfigError) as caught:
        decide(read(wrong), options(), None)
    assert [mistake.name for mistake in caught.value.mistakes] == ["capture", "drain-delay"]


def test_a_redirect_needs_a_port_to_redirect() -> None:
    said = annotated(forward="7000=unix:/run/app", capture="redirect")

    assert "no container declares a TCP port" in str(decide(read(said), options(), None))
    assert plan(annotated(forward="7000=unix:/run/app")).spec.ports == ()


def test_where_names_are_not_found_at_native_sidecars_one_that_has_a_name_is_none() -> None:
    around = options([service(8080)]).around
    unnamed = pod({"containerPort": 8080})
    named = plan(pod(), finds_names_at_sidecars=False)
    by_number = plan(unnamed, around=around, finds_names_at_sidecars=False)

    assert not named.context.pod_options.native_sidecar
    (told,) = named.context.notes
    assert "older than Kubernetes 1.33" in told
    assert "the sidecar is a plain container here" in told
    assert by_number.context.pod_options.native_sidecar
    assert not by_number.context.notes


@pytest.mark.parametrize(("said", "warns"), [("on", True), ("off", False)])
def test_who_says_whether_the_sidecar_is_native_is_told_what_it_costs(
    said: str, warns: bool
) -> None:
    found = plan(annotated(native_sidecar=said), finds_names_at_sidecars=False)

    assert found.context.pod_options.native_sidecar is (said == "on")
    told = "clients find nobody, so leave drainproxy.io/native-sidecar out"
    assert any(told in each for each in found.context.notes) is warns


def test_the_values_of_annotations_reach_the_sidecar_as_they_are() -> None:
    reason = 'näh "\\ \U0001f44b'
    found = plan(annotated(websocket_close_reason=reason)).context.settings

    assert found.websocket_close_reason == reason


def two_ports(**texts: str) -> Json:
    before = annotated(**texts)
    ports = [{"name": "http", "containerPort": 8080}, {"name": "gossip", "containerPort": 9094}]
    before["spec"]["containers"][0]["ports"] = ports
    before["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": "http"}}
    return before


def test_readiness_waits_for_what_a_probe_names_unless_the_pod_says_otherwise() -> None:
    ready = "drainproxy.io/ready-ports"
    assert plan(two_ports()).annotations[ready] == "8080"
    assert ready not in plan(pod()).annotations
    for said in {"ready_ports": "all"}, {"forward": "9181=8080,9182=9094"}:
        assert ready not in plan(two_ports(**said)).annotations


def test_ready_ports_that_are_not_taken_over_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="8081 is not the port of an app"):
        plan(two_ports(ready_ports="8081"))
