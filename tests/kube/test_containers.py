"""What is put into a pod."""

import pytest

from drainproxy.config import BY_NAME, Address
from drainproxy.kube.annotations import InjectionOptions
from drainproxy.kube.containers import (
    SidecarSpec,
    app_hook,
    redirect,
    sidecar,
    sidecar_of,
    token_of,
)
from drainproxy.kube.ports import PortTakeover
from drainproxy.kube.users import RunsAs
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.values import Constant
from tests.kube.pods import pod


def spec(**fields: object) -> SidecarSpec:
    made: dict[str, object] = {
        "pod_options": InjectionOptions(),
        "image": "drainproxy:1",
        "resources": Constant(),
        "runs_as": RunsAs(None, None),
        "ports": (PortTakeover(port=8080, listen=9181, name="http", renamed="app-http"),),
        "forwards": ("9181=8080",),
        "admin": BY_NAME["admin"].default,
        "token": "t",
        "pass_report": True,
        "pass_pod_ip": False,
    }
    return SidecarSpec(**{**made, **fields})  # type: ignore[arg-type] # the fields under test


def test_the_sidecar_may_do_nothing_but_talk() -> None:
    assert sidecar(spec())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_flags_say_only_what_no_annotation_says() -> None:
    assert sidecar(spec())["args"] == [
        "run",
        "--forward=9181=8080",
        "--annotations-file=/etc/drainproxy/podinfo/annotations",
        "--report-file=/dev/termination-log",
    ]
    quiet = sidecar(spec(forwards=(), pass_report=False))
    assert quiet["args"] == ["run", "--annotations-file=/etc/drainproxy/podinfo/annotations"]
    # The token is said in any case: whoever drains from within the container reads no annotations.
    assert [each["name"] for each in quiet["env"]] == ["DRAINPROXY_ADMIN_TOKEN", "HOST_IP"]
    assert quiet["lifecycle"]["preStop"]["httpGet"]["httpHeaders"][0]["value"] == "t"


def test_every_probe_asks_the_admin_port() -> None:
    made = sidecar(spec(admin=Address("", 9990)))
    probes = {name: made[name]["httpGet"] for name in made if name.endswith("Probe")}

    assert probes == {
        "startupProbe": {"path": "/startupz", "port": 9990},
        "readinessProbe": {"path": "/readyz", "port": 9990},
        "livenessProbe": {"path": "/livez", "port": 9990},
    }
    assert made["ports"][-1] == {"name": "drainproxy", "containerPort": 9990, "protocol": "TCP"}


def test_both_containers_ask_for_the_same_as_a_quota_wants_it_of_every_one() -> None:
    asked = Constant({"requests": {"cpu": "50m"}})

    assert sidecar(spec(resources=asked))["resources"] == asked
    assert redirect(spec(resources=asked))["resources"] == asked


def test_the_redirect_lets_the_user_of_the_sidecar_pass() -> None:
    asked = spec(runs_as=RunsAs(1234, None))

    assert "--uid=1234" in redirect(asked)["args"]
    assert sidecar(asked)["securityContext"]["runAsUser"] == 1234
    assert "runAsGroup" not in sidecar(asked)["securityContext"]
    assert redirect(asked)["securityContext"]["runAsUser"] == 0


def test_the_pull_policy_is_that_of_both_containers() -> None:
    asked = spec(pod_options=InjectionOptions(image_pull_policy="Always"))

    assert "imagePullPolicy" not in sidecar(spec())
    assert {each(asked)["imagePullPolicy"] for each in (sidecar, redirect)} == {"Always"}


def test_the_sidecar_of_a_pod_is_found_in_either_list() -> None:
    ours: Json = sidecar(spec())
    native, plain = pod(), pod()
    native["spec"]["initContainers"] = [{"name": "x"}, ours]
    plain["spec"]["containers"].append(ours)

    assert sidecar_of(pod()) is None
    assert sidecar_of(native) == sidecar_of(plain) == ours
    assert (token_of(ours), token_of({"name": "x"})) == ("t", None)


def test_the_hook_of_the_app_says_that_it_is_the_apps() -> None:
    ours: Json = sidecar(spec())
    own = ours["lifecycle"]["preStop"]["httpGet"]
    assert own["path"] == "/prestop?of=sidecar"
    assert app_hook(ours) == {"httpGet": {**own, "path": "/prestop?of=app"}}
    assert own["path"] == "/prestop?of=sidecar"


@pytest.mark.parametrize(
    "hook", [None, {"exec": {"command": ["x"]}}, {"httpGet": {"path": "/prestop", "port": 9180}}]
)
def test_a_sidecar_of_an_older_version_or_edited_passes_its_hook_on(hook: Json | None) -> None:
    assert app_hook({"name": "drainproxy", "lifecycle": {"preStop": hook}}) == hook


def test_readiness_is_asked_each_second_and_fails_at_once() -> None:
    probe = sidecar(spec())["readinessProbe"]
    asked = {name: probe[name] for name in ("periodSeconds", "failureThreshold", "timeoutSeconds")}
    assert asked == {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5}
