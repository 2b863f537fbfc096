"""What the webhook sees of the cluster, and how it is without."""

import logging
from pathlib import Path
from time import monotonic

import pytest
from aiohttp.test_utils import TestServer

from drainproxy.kube import cluster_view as module
from drainproxy.kube.admission import Seen
from drainproxy.kube.cluster import Unavailable
from drainproxy.kube.cluster_view import SERVICES, ClusterAccess, open_cluster_view
from drainproxy.kube.namespace import Namespace
from drainproxy.kube.namespaces import PATH as NAMESPACES
from drainproxy.kube.webhook import WebhookHealth
from tests.kube.api import Api, kubeconfig, serving, until

LABELS = {"a": "b", "pod-security.kubernetes.io/enforce": "privileged"}
EVERYTHING = ClusterAccess(annotations=True, services=True, events=True)


def nobody(_: str) -> None:
    pass


@pytest.fixture
def api() -> Api:
    api = Api()
    api.put(NAMESPACES, "shop", metadata={"labels": {"a": "b"}, "annotations": {"c": "d"}})
    api.put(NAMESPACES, "default")
    api.put(SERVICES, "web", "shop", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    api.put(SERVICES, "web", "other", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    return api


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_LIST", 0.2)


async def test_what_is_watched_is_known_from_the_first_review_on(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(api, tmp_path, monkeypatch), open_cluster_view(EVERYTHING, nobody) as out:
        seen = await out.look("shop")
        assert seen.namespace == Namespace({"a": "b"}, {"c": "d"})
        assert [each.name for each in seen.services or []] == ["web"]
        assert seen.labels == LABELS
        assert out.health() == WebhookHealth()
        assert (await out.look("default")).services == []


@pytest.mark.parametrize(("minor", "expected"), [("32+", False), ("33", True)])
async def test_the_version_of_the_cluster_is_known_from_the_first_review_on(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minor: str, expected: bool
) -> None:
    api.put("", "version", major="1", minor=minor)
    asked = ClusterAccess(events=True)
    async with serving(api, tmp_path, monkeypatch), open_cluster_view(asked, nobody) as out:
        assert (await out.look("shop")).finds_names_at_sidecars is expected


@pytest.mark.usefixtures("_impatient")
async def test_a_cluster_whose_version_cannot_be_read_is_taken_for_a_new_one(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.delete("", "version")
    asked = ClusterAccess(events=True)
    async with serving(api, tmp_path, monkeypatch), open_cluster_view(asked, nobody) as out:
        assert (await out.look("shop")).finds_names_at_sidecars
        health = out.health()
        assert health.problem == ""
        assert "cannot read the version of the cluster (version not found): it is" in health.remark


async def test_only_what_is_asked_for_is_read(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(api, tmp_path, monkeypatch):
        async with open_cluster_view(ClusterAccess(services=True), nobody) as out:
            seen = await out.look("nowhere")
            assert (seen.services, seen.labels, out.health()) == ([], None, WebhookHealth())
        async with open_cluster_view(ClusterAccess(), nobody) as blind:
            assert await blind.look("shop") == Seen()
        async with open_cluster_view(ClusterAccess(services=True), nobody) as out:
            seen = await out.look("shop")
            assert (seen.namespace, seen.unread, seen.labels) == (None, False, LABELS)
        async with open_cluster_view(ClusterAccess(annotations=True), nobody) as out:
            seen = await out.look("shop")
            assert (seen.services, seen.labels) == (None, None)
            assert seen.namespace
    assert sorted(set(api.lists)) == [NAMESPACES, SERVICES]


async def test_the_level_that_namespaces_have_by_default_is_that_of_those_that_name_none(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "pod-security.kubernetes.io/enforce"
    api.put(NAMESPACES, "free", metadata={"labels": {key: "privileged"}})
    asked = ClusterAccess(services=True, pod_security="baseline")
    async with serving(api, tmp_path, monkeypatch), open_cluster_view(asked, nobody) as out:
        assert (await out.look("shop")).labels == {"a": "b", key: "baseline"}
        assert (await out.look("free")).labels == {key: "privileged"}
        assert (await out.look("shop")).annotations == {"c": "d"}


@pytest.mark.usefixtures("_impatient")
async def test_without_the_right_to_watch_names_decide_and_readiness_says_so(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[str] = []
    api.refused = {SERVICES}
    asked = ClusterAccess(services=True)
    async with (
        serving(api, tmp_path, monkeypatch),
        open_cluster_view(asked, failures.append) as out,
    ):
        assert (await out.look("shop")).services is None
        # It does not wait for the answer.
        await until(lambda: "is forbidden" in out.health().remark)
        health = out.health()
        assert health.problem == ""
        assert "cannot watch Services (/api/v1/services is forbidden" in health.remark
        assert "ports are captured by their names" in health.remark
    assert set(failures) == {"services"}


@pytest.mark.usefixtures("_impatient")
async def test_who_cannot_read_what_it_should_is_not_ready_until_it_can(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[str] = []
    api.refused = {NAMESPACES}
    asked = ClusterAccess(annotations=True)
    async with (
        serving(api, tmp_path, monkeypatch),
        open_cluster_view(asked, failures.append) as out,
    ):
        assert await out.look("shop") == Seen(unread=True)
        assert "cannot be read: " in out.health().problem
        assert failures.count("namespaces") >= 1
        api.refused = set()
        assert await out.look("shop") == Seen(Namespace({"a": "b"}, {"c": "d"}))
        assert out.health() == WebhookHealth()


@pytest.mark.usefixtures("_impatient")
async def test_a_cluster_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "drainproxy")
    api = Api()
    async with TestServer(api.app()) as server:
        url = str(server.make_url("")).rstrip("/")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, url)))
    begun = monotonic()
    async with open_cluster_view(ClusterAccess(services=True), nobody) as out:
        assert monotonic() - begun < 5
        assert await out.look("shop") == Seen()
        await until(lambda: "cannot watch Services" in caplog.text)
        assert "ports are captured by their names" in out.health().remark


async def test_without_a_cluster_only_who_needs_one_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    async with open_cluster_view(ClusterAccess(services=True), nobody) as out:
        assert await out.look("shop") == Seen()
        assert "ports are captured by their names: no cluster" in out.health().remark
    with pytest.raises(Unavailable, match="no cluster"):
        async with open_cluster_view(ClusterAccess(annotations=True), nobody):
            pass
