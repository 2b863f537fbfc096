"""A pod in a review, and the Services that the webhook has seen by then."""

import asyncio
import json
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest
from msgspec import convert

from drainproxy.kube.admission import Seen, answer, judge, parse
from drainproxy.kube.cluster_view import SERVICES, ClusterAccess, open_cluster_view
from drainproxy.kube.namespaces import PATH as NAMESPACES
from drainproxy.kube.reviews import answering
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.services import Service
from tests.kube.api import Api, serving, until
from tests.kube.pods import options, pod
from tests.kube.test_admission import answered, patched, review

# The figure, of a whole decision.
MILLISECONDS = 5.0
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
UNNAMED: Json = {"containerPort": 8080}


def service(target: int | str, namespace: str = "shop", app: str = "web") -> Service:
    spec = {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": target}]}
    return convert({"metadata": {"name": "web", "namespace": namespace}, "spec": spec}, Service)


def capture(before: Json, seen: Seen) -> str:
    """How clients come to the sidecar; empty if there is none."""
    response = answered(before, seen)
    after = patched(before, response) if "patch" in response else before
    names = [each["name"] for each in after["spec"].get("initContainers", [])]
    if "drainproxy-redirect" in names:
        return "redirect"
    return "names" if "drainproxy" in names else ""


@pytest.mark.parametrize(
    ("services", "port", "expected"),
    [
        ([], None, "names"),
        ([service("http")], None, "names"),
        ([service(8080)], None, "redirect"),
        ([service("http"), service(8080)], None, "redirect"),
        ([service(8080, namespace="other")], None, "names"),
        ([service(8080, app="other")], None, "names"),
        ([service(8080)], UNNAMED, "redirect"),
        ([service(3000)], {"containerPort": 53, "protocol": "UDP"}, "redirect"),
        (None, None, "names"),
        (None, UNNAMED, ""),
    ],
)
def test_the_services_that_select_the_pod_decide(
    services: list[Service] | None, port: Json | None, expected: str
) -> None:
    before = pod(*filter(None, [port]))

    assert capture(before, Seen(services=services, labels={})) == expected


@pytest.mark.parametrize("level", ["restricted", "baseline"])
@pytest.mark.parametrize("asked", [True, False])
def test_where_pod_security_forbids_it_nothing_is_redirected_and_the_answer_warns(
    level: str, asked: bool
) -> None:
    before = pod(annotations={"drainproxy.io/capture": "redirect"} if asked else None)
    labels = {"pod-security.kubernetes.io/enforce": level}
    seen = Seen(services=[service(8080)], labels=labels)

    assert capture(before, seen) == "names"
    (warning,) = answered(before, seen)["warnings"]
    assert "Service web targets 8080" in warning
    assert f"the Pod Security level {level} of namespace shop forbids NET_ADMIN" in warning


@pytest.mark.parametrize(("level", "expected"), [("privileged", "redirect"), (None, "redirect")])
def test_other_levels_forbid_nothing(level: str | None, expected: str) -> None:
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    labels |= {"pod-security.kubernetes.io/enforce": level} if level else {}

    assert capture(pod(), Seen(services=[service(8080)], labels=labels)) == expected


@pytest.mark.parametrize(
    ("asked", "default", "expected"),
    [
        (None, None, "names"),
        ("auto", "redirect", "names"),
        ("redirect", None, "redirect"),
        (None, "redirect", "redirect"),
    ],
)
def test_on_openshift_only_who_asks_is_redirected(
    asked: str | None, default: str | None, expected: str
) -> None:
    key = "drainproxy.io/capture"
    before = pod(annotations={key: asked} if asked else None)
    scc = {"openshift.io/sa.scc.uid-range": "1000650000/10000"}
    seen = Seen(services=[service(8080)], labels={}, annotations=scc)
    defaults = options(defaults={key: default} if default else {})

    verdict = judge(parse(review(before)), defaults, seen)
    after = patched(before, json.loads(answer(parse(review(before)), verdict))["response"])
    names = [each["name"] for each in after["spec"]["initContainers"]]
    assert ("drainproxy-redirect" in names) == (expected == "redirect")
    assert any("SCC" in text for text in verdict.warnings) == (expected == "names")


def test_where_nobody_knows_the_level_only_who_asks_is_redirected() -> None:
    seen = Seen(services=[service(8080)], labels=None)

    assert capture(pod(), seen) == "names"
    assert capture(pod(annotations={"drainproxy.io/capture": "redirect"}), seen) == "redirect"


async def test_a_service_of_this_moment_counts_for_the_next_pod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()
    api.put(NAMESPACES, "shop")
    api.put(SERVICES, "other", "shop", spec={"selector": {"app": "other"}})
    asked = ClusterAccess(services=True)
    async with serving(api, tmp_path, monkeypatch), open_cluster_view(asked, lambda _: None) as out:
        await until(lambda: api.watched == 2)
        reply = answering(options(), out.look)
        before = pod()
        first = json.loads((await reply(review(before))).body)["response"]
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
        api.put(SERVICES, "web", "shop", spec=spec)
        async with asyncio.timeout(10):
            while len((await out.look("shop")).services or ()) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        second = json.loads((await reply(review(before))).body)["response"]
    names = [
        [each["name"] for each in patched(before, response)["spec"]["initContainers"]]
        for response in (first, second)
    ]
    assert names == [["drainproxy"], ["drainproxy-redirect", "drainproxy"]]


@pytest.mark.parametrize("target", ["http", 8080])
def test_what_every_service_before_a_pod_costs_is_little(target: int | str) -> None:
    """In calls of functions, which are the same on every machine."""
    body = review(pod())

    def calls(count: int) -> int:
        seen, found = Seen(services=[service(target) for _ in range(count)], labels={}), 0

        def counted(_frame: object, event: str, _what: object) -> None:
            nonlocal found
            found += event == "call"

        judge(parse(body), options(), seen)  # what is kept is there for the next
        sys.setprofile(counted)
        try:
            judge(parse(body), options(), seen)
        finally:
            sys.setprofile(None)
        return found

    assert calls(200) - calls(100) < 50 * 100


@pytest.mark.alone
async def test_among_a_thousand_services_a_decision_takes_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()
    api.put(NAMESPACES, "shop", metadata={"labels": RESTRICTED})
    for at in range(1000):
        app = "web" if at % 100 == 0 else f"app-{at}"
        spec = {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": "http"}]}
        api.put(SERVICES, f"service-{at}", "shop", spec=spec)
    body = review(pod())
    asked = ClusterAccess(services=True)
    async with serving(api, tmp_path, monkeypatch), open_cluster_view(asked, lambda _: None) as out:
        reply = answering(options(), out.look)
        times = []
        for _ in range(200):
            begun = perf_counter()
            assert (await reply(body)).outcome == "injected"
            times.append((perf_counter() - begun) * 1000)
    assert median(times) < MILLISECONDS
