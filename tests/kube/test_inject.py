"""What is injected, and that it can be taken out again."""

import json
from copy import deepcopy

import jsonpatch
import pytest
from hypothesis import given

from drainproxy.config import ConfigError, load, pod_ip_problems
from drainproxy.kube.inject import Injected, Skipped, complete, inject, uninject
from drainproxy.manifests.podspec import Json
from tests.cases import dear
from tests.kube.pods import (
    IMAGE,
    NEWEST,
    OLDEST,
    TOKEN,
    injected,
    options,
    pod,
    pods,
    sidecar,
    validate,
)

REDIRECT = {"drainproxy.io/capture": "redirect"}
HOOK = {
    "httpGet": {
        "path": "/prestop?of=app",
        "port": 9180,
        "httpHeaders": [{"name": "X-Drainproxy-Token", "value": TOKEN}],
    }
}


@given(before=pods())
def test_uninjecting_gives_back_the_pod_as_it_was(before: Json) -> None:
    kept = deepcopy(before)
    done = inject(before, options())

    assert before == kept, "its argument is left alone"
    if isinstance(done, Injected):
        assert uninject(done.pod) == before
        assert json.dumps(uninject(done.pod)) == json.dumps(before), "in the same order"


@given(before=pods())
def test_injecting_twice_is_injecting_once(before: Json) -> None:
    done = inject(before, options())

    if isinstance(done, Injected):
        again = inject(done.pod, options(new_token=lambda: "another"))
        assert isinstance(again, Injected)
        assert again.pod == done.pod
        assert complete(done.pod) is None


@given(before=pods())
def test_the_patch_makes_the_injected_pod(before: Json) -> None:
    done = inject(before, options())

    if isinstance(done, Injected):
        assert jsonpatch.apply_patch(before, done.patch) == done.pod


@dear
@given(before=pods())
def test_every_injected_pod_is_one_that_clusters_take(before: Json) -> None:
    done = inject(before, options())

    if isinstance(done, Injected):
        # A key without a value is one that is not there: the schemas have no null.
        whole = _without_nulls(done.pod)
        validate(whole, NEWEST)
        validate(whole, OLDEST)


@given(before=pods())
def test_the_sidecar_starts_with_what_it_is_given(before: Json) -> None:
    done = inject(before, options())

    if isinstance(done, Injected):
        found = sidecar(done.pod)
        flags = dict(arg.removeprefix("--").split("=", 1) for arg in found["args"][1:-2])
        forwards = [arg.split("=", 1)[1] for arg in found["args"] if arg.startswith("--forward")]
        environ = {each["name"]: each.get("value", "10.1.2.3") for each in found["env"]}
        made = load(
            flags={**flags, "forward": forwards},
            environ=environ,
            annotations="\n".join(
                f"{key}={json.dumps(text, ensure_ascii=False)}"
                for key, text in done.pod["metadata"]["annotations"].items()
            ),
        )
        assert made.admin_token == TOKEN
        assert [*pod_ip_problems(made, environ.get("POD_IP"))] == []
        assert len(made.forward) == len(done.ports)


def test_the_sidecar_takes_over_the_name_that_the_service_targets() -> None:
    done = injected(pod({"name": "http", "containerPort": 8080}, {"containerPort": 9100}))

    (web,) = done.pod["spec"]["containers"]
    assert web["ports"] == [
        {"name": "app-http", "containerPort": 8080},
        {"containerPort": 9100},
    ]
    assert sidecar(done.pod)["ports"] == [
        {"name": "http", "containerPort": 9181, "protocol": "TCP"},
        {"name": "drainproxy", "containerPort": 9180, "protocol": "TCP"},
    ]
    assert "--forward=9181=8080" in sidecar(done.pod)["args"]


def test_probes_and_hooks_follow_the_port_to_its_new_name() -> None:
    by_name: Json = {"httpGet": {"path": "/", "port": "http"}}
    done = injected(
        pod(
            startupProbe={"tcpSocket": {"port": "http"}},
            readinessProbe=by_name,
            livenessProbe={"httpGet": {"path": "/", "port": 8080}},
            lifecycle={"postStart": by_name},
        )
    )

    (web,) = done.pod["spec"]["containers"]
    assert web["startupProbe"]["tcpSocket"]["port"] == "app-http"
    assert web["readinessProbe"]["httpGet"]["port"] == "app-http"
    assert web["livenessProbe"]["httpGet"]["port"] == 8080
    assert web["lifecycle"]["postStart"]["httpGet"]["port"] == "app-http"


def test_a_name_that_two_containers_have_is_taken_from_both() -> None:
    before = pod()
    helper = {"name": "helper", "ports": [{"name": "http", "containerPort": 8090}]}
    native = {**deepcopy(helper), "name": "native", "restartPolicy": "Always"}
    before["spec"]["containers"].append(helper)
    before["spec"]["initContainers"] = [native]

    done = injected(before)

    assert [str(taken) for taken in done.ports] == ["http (9181=8080)"]
    spec = done.pod["spec"]
    owners = [
        each["name"]
        for each in (*spec["containers"], *spec["initContainers"])
        for port in each["ports"]
        if port.get("name") == "http"
    ]
    assert owners == ["drainproxy"]
    assert uninject(done.pod) == before


def test_the_sidecar_is_a_native_one_unless_a_plain_one_is_asked_for() -> None:
    native = injected(pod()).pod["spec"]
    plain = injected(pod(annotations={"drainproxy.io/native-sidecar": "false"})).pod["spec"]

    assert [each["name"] for each in native["initContainers"]] == ["drainproxy"]
    assert native["initContainers"][0]["restartPolicy"] == "Always"
    assert [each["name"] for each in plain["containers"]] == ["web", "drainproxy"]
    assert "restartPolicy" not in plain["containers"][1]
    assert "initContainers" not in plain


def test_the_app_and_the_sidecar_get_hooks_with_the_same_token_that_say_whose_they_are() -> None:
    done = injected(pod())

    assert done.pod["spec"]["containers"][0]["lifecycle"] == {"preStop": HOOK}
    own = {"httpGet": {**HOOK["httpGet"], "path": "/prestop?of=sidecar"}}
    assert sidecar(done.pod)["lifecycle"] == {"preStop": own}
    token, _ = sidecar(done.pod)["env"]
    assert token == {"name": "DRAINPROXY_ADMIN_TOKEN", "value": TOKEN}


def test_tokens_differ_from_pod_to_pod() -> None:
    tokens = {sidecar(injected(pod()).pod)["env"][0]["value"] for _ in range(2)}
    assert tokens == {TOKEN}

    fresh = {sidecar(_plainly(pod()).pod)["env"][0]["value"] for _ in range(20)}
    assert len(fresh) == 20
    assert min(map(len, fresh)) > 30


def test_a_pre_stop_of_the_apps_own_stays_and_is_reported() -> None:
    own = {"exec": {"command": ["sleep", "5"]}}
    done = injected(pod(lifecycle={"preStop": own}))

    assert done.pod["spec"]["containers"][0]["lifecycle"] == {"preStop": own}
    assert any("keeps its own preStop" in text for text in done.warnings)


REPLACE = {"drainproxy.io/replace-prestop-sleep": "true"}


@pytest.mark.parametrize(
    "own",
    [
        {"exec": {"command": ["sleep", "5"]}},
        {"exec": {"command": ["/bin/sh", "-c", "sleep 5"]}},
        {"sleep": {"seconds": 5}},
    ],
)
def test_a_pre_stop_that_only_sleeps_is_replaced_if_the_pod_asks_and_comes_back(own: Json) -> None:
    before = pod(annotations=REPLACE, lifecycle={"preStop": own, "postStart": own})
    done = injected(before)

    lifecycle = done.pod["spec"]["containers"][0]["lifecycle"]
    assert lifecycle == {"preStop": HOOK, "postStart": own}
    assert [*lifecycle] == ["preStop", "postStart"]
    assert done.warnings == []
    assert json.dumps(uninject(done.pod)) == json.dumps(before)
    assert injected(done.pod).pod == done.pod


def test_a_sleep_of_a_container_that_comes_later_is_replaced_as_well() -> None:
    before = injected(pod(annotations=REPLACE)).pod
    later = {"name": "late", "image": "l", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}
    before["spec"]["containers"].append(later)

    done = complete(before)

    assert done is not None
    assert done.pod["spec"]["containers"][1]["lifecycle"] == {"preStop": HOOK}
    undone = uninject(done.pod)
    assert undone is not None
    assert undone["spec"]["containers"] == [*pod()["spec"]["containers"], later]


def test_the_redirect_comes_before_the_sidecar_and_alone_may_change_rules() -> None:
    done = injected(
        pod(
            {"containerPort": 8080},
            {"containerPort": 9090},
            annotations={"drainproxy.io/capture": "redirect"},
        )
    )

    redirect, found = done.pod["spec"]["initContainers"]
    assert (redirect["name"], found["name"]) == ("drainproxy-redirect", "drainproxy")
    assert redirect["args"] == [
        *("redirect", "install", "--port=8080,9090", "--to=9181,9182"),
        *("--uid=65532", "--admin=9180", "--yes"),
    ]
    assert redirect["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert redirect["securityContext"]["runAsUser"] == 0
    assert found["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [port.get("name") for port in found["ports"]] == [None, None, "drainproxy"]
    assert uninject(done.pod) == pod(
        {"containerPort": 8080},
        {"containerPort": 9090},
        annotations={"drainproxy.io/capture": "redirect"},
    )


def test_the_drain_follows_the_grace_period_as_an_annotation_that_reloads() -> None:
    before = pod()
    before["spec"]["terminationGracePeriodSeconds"] = 90
    after = injected(before).pod

    assert after["metadata"]["annotations"]["drainproxy.io/drain-timeout"] == "1m25s"
    assert after["metadata"]["annotations"]["drainproxy.io/unready"] == "closed"
    assert not any("drain-timeout" in arg for arg in sidecar(after)["args"])
    assert after["spec"]["terminationGracePeriodSeconds"] == 90


def test_what_the_pod_says_of_a_drain_stays() -> None:
    said = {"drainproxy.io/drain-timeout": "10s", "drainproxy.io/unready": "announced"}
    after = injected(pod(annotations=said)).pod

    assert after["metadata"]["annotations"].items() >= said.items()


def test_the_grace_period_is_raised_only_when_an_annotation_asks() -> None:
    said = {"drainproxy.io/drain-timeout": "90s"}
    left = injected(pod(annotations=said))
    raised = injected(pod(annotations={**said, "drainproxy.io/raise-grace-period": "true"}))

    assert "terminationGracePeriodSeconds" not in left.pod["spec"]
    assert any("terminationGracePeriodSeconds is 30" in text for text in left.warnings)
    assert raised.pod["spec"]["terminationGracePeriodSeconds"] == 95
    assert raised.warnings == []


def test_prometheus_and_kubectl_find_their_way_unless_the_pod_says_it_itself() -> None:
    annotations = injected(pod()).pod["metadata"]["annotations"]
    own = {"prometheus.io/port": "9100", "kubectl.kubernetes.io/default-container": "x"}
    kept = injected(pod(annotations=own)).pod["metadata"]["annotations"]

    assert annotations["kubectl.kubernetes.io/default-container"] == "web"
    assert annotations["prometheus.io/port"] == "9180"
    assert annotations["prometheus.io/scrape"] == "true"
    assert kept.items() >= own.items()
    assert "prometheus.io/scrape" not in kept


def test_kubectl_looks_at_the_app_where_a_mesh_has_put_its_proxy_first() -> None:
    before = pod()
    proxy = {"name": "istio-proxy", "image": "proxy:1"}
    before["spec"]["containers"].insert(0, proxy)
    alone = {"spec": {"containers": [{**proxy, "ports": [{"name": "h", "containerPort": 80}]}]}}
    asked = injected(alone, given={"drainproxy.io/ports": "h"})

    for done, name in ((injected(before), "web"), (asked, "istio-proxy")):
        found = done.pod["metadata"]["annotations"]
        assert found["kubectl.kubernetes.io/default-container"] == name


def test_what_is_given_beats_the_pod_and_is_undone_with_the_rest() -> None:
    before = pod(annotations={"drainproxy.io/drain-delay": "1s"})
    done = injected(
        before, given={"drainproxy.io/drain-delay": "3s", "drainproxy.io/log-format": "json"}
    )

    assert done.pod["metadata"]["annotations"]["drainproxy.io/drain-delay"] == "3s"
    assert done.pod["metadata"]["annotations"]["drainproxy.io/log-format"] == "json"
    assert injected(done.pod).pod == done.pod, "and is given again"
    assert uninject(done.pod) == before


def test_defaults_hold_where_the_pod_says_nothing() -> None:
    defaults = {"drainproxy.io/drain-delay": "3s", "drainproxy.io/drain-spread": "4s"}
    done = injected(pod(annotations={"drainproxy.io/drain-delay": "1s"}), defaults=defaults)

    annotations = done.pod["metadata"]["annotations"]
    assert annotations["drainproxy.io/drain-delay"] == "1s"
    assert annotations["drainproxy.io/drain-spread"] == "4s"


def test_a_changed_template_is_injected_anew_with_its_old_token() -> None:
    once = injected(pod()).pod
    once["spec"]["terminationGracePeriodSeconds"] = 60
    again = inject(once, options(image="drainproxy:2", new_token=lambda: "another"))

    assert isinstance(again, Injected)
    assert again.pod["metadata"]["annotations"]["drainproxy.io/drain-timeout"] == "55s"
    assert sidecar(again.pod)["image"] == "drainproxy:2"
    assert sidecar(again.pod)["env"][0]["value"] == TOKEN


def test_a_container_that_comes_later_gets_the_hook_and_nothing_else_changes() -> None:
    before = injected(pod()).pod
    later = {"name": "late", "image": "l"}
    before["spec"]["containers"].append(later)

    done = complete(before)

    assert done is not None
    assert done.pod["spec"]["containers"][1] == {**later, "lifecycle": {"preStop": HOOK}}
    assert jsonpatch.apply_patch(before, done.patch) == done.pod
    assert complete(done.pod) is None
    undone = uninject(done.pod)
    assert undone is not None
    assert undone["spec"]["containers"] == [*pod()["spec"]["containers"], later]


def test_what_others_put_into_lists_that_we_made_stays() -> None:
    done = injected(pod()).pod
    done["spec"]["volumes"].append({"name": "theirs", "emptyDir": {}})
    done["metadata"]["annotations"]["theirs"] = "yes"

    undone = uninject(done)

    assert undone is not None
    assert undone["spec"]["volumes"] == [{"name": "theirs", "emptyDir": {}}]
    assert undone["metadata"]["annotations"] == {"theirs": "yes"}


def test_a_pod_that_is_not_injected_cannot_be_uninjected() -> None:
    assert uninject(pod()) is None


def test_a_job_gets_a_native_sidecar_or_none() -> None:
    native, plain = pod(), pod(annotations={"drainproxy.io/native-sidecar": "false"})
    for each in (native, plain):
        each["spec"]["restartPolicy"] = "Never"

    assert isinstance(inject(native, options()), Injected)
    skipped = inject(plain, options())
    assert isinstance(skipped, Skipped)
    assert "never complete" in skipped.reason


def test_a_pod_without_ports_is_skipped_with_what_would_help() -> None:
    skipped = inject(pod({"containerPort": 8080}), options())

    assert isinstance(skipped, Skipped)
    assert "name the port" in skipped.reason
    assert "drainproxy.io/capture: redirect" in skipped.reason


def test_all_mistakes_of_a_pod_are_told_at_once() -> None:
    wrong = {
        "drainproxy.io/drain-timeout": "30",
        "drainproxy.io/drain-dely": "3s",
        "drainproxy.io/capture": "magic",
        "drainproxy.io/ports": "https",
    }
    with pytest.raises(ConfigError) as caught:
        inject(pod(annotations=wrong), options())

    text = str(caught.value)
    assert "annotation drainproxy.io/drain-timeout: '30' is not a duration" in text
    assert "did you mean drainproxy.io/drain-delay?" in text
    assert "annotation drainproxy.io/capture: 'magic' is not one of auto, names, redirect" in text
    assert "annotation drainproxy.io/ports: 'https' is no TCP port of this pod: it has http" in text
    assert len(caught.value.mistakes) == 4


def test_what_is_no_pod_is_refused_with_the_place() -> None:
    broken = pod()
    broken["spec"]["containers"][0]["ports"] = "8080"

    with pytest.raises(ValueError, match=r"containers\[0\]\.ports"):
        inject(broken, options())


def _plainly(before: Json) -> Injected:
    from drainproxy.kube.plan import Options

    done = inject(before, Options(image=IMAGE))
    assert isinstance(done, Injected)
    return done


def _without_nulls(value: object) -> Json:
    cleaned = _cleaned(value)
    assert isinstance(cleaned, dict)
    return cleaned


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items() if item is not None}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value
