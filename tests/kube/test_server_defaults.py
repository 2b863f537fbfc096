"""Pods that come back from an API server with its defaults in them."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import jsonpatch
import pytest
import yaml

from drainproxy.kube.admission import Seen, judge, parse
from drainproxy.kube.annotations import STATUS, WARNINGS
from drainproxy.kube.batch import inject_all, uninject_all
from drainproxy.kube.leads import Around
from drainproxy.kube.server_defaults import is_served_as
from drainproxy.manifests.podspec import Json, workload
from tests.kube.pods import injected, options, pod, sidecar
from tests.kube.served import bodies, dump, served
from tests.kube.test_admission import review
from tests.kube.test_bytes import FILES


def inject(text: str, **fields: Any) -> str:
    done = inject_all({"x.yaml": text}, options(new_token=lambda: "other", **fields))
    assert not done.failed, done.report.text()
    return done.text


def uninject(text: str) -> str:
    return uninject_all({"x.yaml": text}).text


# On a push one of ten files, and one of ten others as a list.
SERVED = [
    pytest.param(name, as_list, marks=[pytest.mark.slow] if (number + 2 * as_list) % 10 else [])
    for number, name in enumerate(FILES)
    for as_list in (False, True)
]


@pytest.mark.parametrize(("name", "as_list"), SERVED)
def test_what_an_api_server_gives_back_is_injected_already(name: str, as_list: bool) -> None:
    before = dump(FILES[name], as_list=as_list)
    applied = inject(before)
    live = dump(applied, as_list=as_list)

    assert inject(applied) == applied
    assert uninject(applied) == before
    assert inject(live) == live
    assert [served(body) for body in bodies(uninject(live))] == bodies(before)


def restarted(template: Json) -> None:
    """As `kubectl rollout restart` does it."""
    metadata = template.setdefault("metadata", {})
    metadata.setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = "2026-11-30"


def with_a_volume(template: Json) -> None:
    template["spec"].setdefault("volumes", []).append({"name": "cache", "emptyDir": {}})


def with_a_container_before(template: Json) -> None:
    template["spec"].setdefault("initContainers", []).insert(0, {"name": "seed", "image": "r/s:1"})


def changed(text: str, change: Callable[[Json], None]) -> str:
    """What a server has, after somebody else has changed each pod there."""
    found = bodies(dump(text))
    for body in found:
        one = workload(body)
        if one and one.pod:
            change(one.pod)
    return dump(yaml.dump_all(found, Dumper=yaml.CSafeDumper))


CHANGES = (restarted, with_a_volume, with_a_container_before)
# On a push each change to some files.
CHANGED = [
    pytest.param(name, change, marks=[pytest.mark.slow] if (number + 3 * at) % 18 else [])
    for number, name in enumerate(FILES)
    for at, change in enumerate(CHANGES)
]


@pytest.mark.parametrize(("name", "change"), CHANGED)
def test_what_others_add_to_a_live_pod_makes_no_rollout_and_stays(
    name: str, change: Callable[[Json], None]
) -> None:
    """The record says that a list or a map was made, which would not be made again."""
    applied = inject(FILES[name])
    live = changed(applied, change)
    again = inject(live)

    assert again == live
    expected = bodies(changed(FILES[name], change))
    assert [served(body) for body in bodies(uninject(again))] == expected


def template(before: Json, **given: str) -> Json:
    """A pod, injected, and as an API server gives it back."""
    after = injected(before, given=given).pod
    body = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {}}
    found: Json = served({**body, "spec": {"template": after}})["spec"]["template"]
    return found


@pytest.mark.parametrize("annotations", [None, {WARNINGS: "no sidecar: it had no port"}])
def test_a_pod_of_the_webhook_keeps_the_warnings_that_are_noted_on_it(
    annotations: dict[str, str] | None,
) -> None:
    """They are in its record, and `inject` notes none."""
    port = {"name": "http", "containerPort": 8080, "hostPort": 80}
    before = {"apiVersion": "v1", "kind": "Pod", **pod(port, annotations=annotations)}
    after = _admitted(before)
    live = dump(json.dumps(after))

    assert "hostPort 80" in after["metadata"]["annotations"][WARNINGS]
    assert inject(live, around=Around()) == live
    assert served(yaml.safe_load(uninject(live))) == served(before)
    news = inject(live, around=Around(), given={"drainproxy.io/drain-delay": "9s"})
    assert "hostPort 80" not in news


@pytest.mark.parametrize("group", ["containers", "initContainers"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_pod_of_the_webhook_stays_as_it_is_with_what_webhooks_put_in_after_it(
    group: str, is_first: bool
) -> None:
    """As Istio does; the webhook sees the pod again then (reinvocationPolicy: IfNeeded)."""
    before = {"apiVersion": "v1", "kind": "Pod", **pod()}
    proxy = {"name": "istio-proxy", "image": "proxy:1"}
    proxy |= {"restartPolicy": "Always"} if group == "initContainers" else {}

    def with_proxy(one: Json) -> Json:
        found = deepcopy(one)
        items = found["spec"].setdefault(group, [])
        items.insert(0 if is_first else len(items), proxy)
        return found

    live = dump(json.dumps(_admitted(with_proxy(_admitted(before)))))

    assert inject(live, around=Around()) == live
    assert served(yaml.safe_load(uninject(live))) == served(with_proxy(before))


def _admitted(before: Json) -> Json:
    after: Json = jsonpatch.apply_patch(
        before, judge(parse(review(before)), options(None), Seen()).patch
    )
    return after


def test_a_setting_that_is_news_is_written_beside_defaults() -> None:
    live = template(pod())
    now = injected(live, given={"drainproxy.io/cpu-limit": "200m"}).pod

    assert sidecar(now)["resources"]["limits"] == {"cpu": "200m"}
    assert not is_served_as(now, live)


def test_a_setting_that_is_gone_is_no_default() -> None:
    asked = template(pod(annotations={"drainproxy.io/image-pull-policy": "Always"}))
    del asked["metadata"]["annotations"]["drainproxy.io/image-pull-policy"]

    assert "imagePullPolicy" not in sidecar(injected(asked).pod)


@pytest.mark.parametrize(
    ("image", "policy", "is_same"),
    [
        ("r:5000/web", "Always", True),
        ("r:5000/web:latest", "Always", True),
        ("r:5000/web:1", "IfNotPresent", True),
        ("r/web@sha256:00", "IfNotPresent", True),
        ("r/web:1", "Always", False),
        ("r:5000/web", "IfNotPresent", False),
    ],
)
def test_the_tag_of_an_image_says_when_it_is_pulled(image: str, policy: str, is_same: bool) -> None:
    before = injected(pod(image=image)).pod
    live = deepcopy(before)
    live["spec"]["containers"][0]["imagePullPolicy"] = policy

    assert is_served_as(before, live) is is_same


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (
            {"limits": {"cpu": "0.2"}},
            {"limits": {"cpu": "200m"}, "requests": {"cpu": "200m"}},
            True,
        ),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}, False),
        ({}, None, False),
        ({"limits": {"gpu": "many"}}, {"limits": {"gpu": "few"}}, False),
    ],
)
def test_amounts_are_compared_as_amounts(one: Json, other: Json, is_same: bool) -> None:
    first, second = (injected(pod(resources=each)).pod for each in (one, other))

    assert is_served_as(first, second) is is_same


def test_the_texts_of_a_file_are_no_news_and_the_rest_of_the_record_is() -> None:
    one = injected(pod()).pod
    held = one["metadata"]["annotations"]
    texts = held | {STATUS: held[STATUS][:-1] + ',"texts":{"/spec":"a"}}'}
    other = held | {STATUS: "{}"}

    assert is_served_as(one, {**one, "metadata": {**one["metadata"], "annotations": texts}})
    assert not is_served_as(one, {**one, "metadata": {**one["metadata"], "annotations": other}})
