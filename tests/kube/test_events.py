"""Warnings as Events of whoever makes the pods."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from drainproxy.kube.admission import AdmissionRequest, AdmissionVerdict, parse
from drainproxy.kube.events import EventRecorder, event, owner_of
from drainproxy.manifests.podspec import Json
from tests.kube.api import Api, serving, until
from tests.kube.pods import pod
from tests.kube.test_admission import review

PATH = "/api/v1/namespaces/shop/events"
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "uid": "7-7"}


def owned(*owners: Json) -> Json:
    before = pod()
    before["metadata"]["ownerReferences"] = [*owners]
    return before


def request(before: Json, **fields: Any) -> AdmissionRequest:
    return parse(review(before, **fields))


MADE = request(owned({**OWNER, "controller": True}))


def verdict(*warnings: str) -> AdmissionVerdict:
    return AdmissionVerdict("injected", warnings=[*warnings])


@pytest.mark.parametrize(
    "before",
    [
        {},
        pod(),
        owned(OWNER),
        owned({**OWNER, "controller": False}),
        owned({**OWNER, "controller": True, "kind": "x" * 254}),
        {"metadata": {"ownerReferences": "x"}},
        {"metadata": {"ownerReferences": [{"controller": True}]}},
    ],
)
def test_a_pod_that_nobody_makes_has_no_owner(before: Json) -> None:
    assert owner_of(before) is None


def test_an_event_is_of_the_owner_and_says_what_is_warned_of() -> None:
    owner = owner_of(MADE.object or {})
    assert owner
    made = event(owner, "shop", verdict("drainproxy: one", "drainproxy: two"))

    assert made["involvedObject"] == {**OWNER, "namespace": "shop"}
    assert (made["type"], made["reason"]) == ("Warning", "InjectionWarning")
    assert made["message"] == "drainproxy: one\ndrainproxy: two"
    assert len(event(owner, "shop", verdict("x" * 5000))["message"]) == 1024
    assert json.dumps(made)


async def test_what_is_said_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    async with serving(api, tmp_path, monkeypatch) as cluster:
        events = EventRecorder(cluster, lambda _: None, pause=0)
        others = EventRecorder(cluster, lambda _: None, pause=0)
        running = [asyncio.create_task(each.run()) for each in (events, others)]
        for _ in range(3):
            events.tell(MADE, verdict("one"))
            others.tell(MADE, verdict("one"))
        events.tell(MADE, verdict("two"))
        events.tell(request(MADE.object or {}, dryRun=True), verdict("three"))
        events.tell(request(pod()), verdict("four"))
        await until(lambda: len(api.created) == 2)
        assert [each["message"] for each in api.created] == ["one", "two"]
        assert not any(task.done() for task in running)
        for task in running:
            task.cancel()


async def test_an_event_that_is_invalid_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, failures = Api(), list[str]()
    api.unwilling = {"Bad Name"}
    bad = {**OWNER, "name": "Bad Name", "controller": True}
    async with serving(api, tmp_path, monkeypatch) as cluster:
        events = EventRecorder(cluster, failures.append, pause=0)
        running = asyncio.create_task(events.run())
        events.tell(request(owned(bad)), verdict("one"))
        events.tell(MADE, verdict("two"))
        await until(lambda: api.created)
        running.cancel()
    assert [each["message"] for each in api.created] == ["two"]
    assert failures == ["events"]


async def test_in_a_namespace_that_there_cannot_be_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(Api(), tmp_path, monkeypatch) as cluster:
        events = EventRecorder(cluster, lambda _: None, pause=0)
        for length in (63, 64, 3_000_000):
            events.tell(replace(MADE, namespace="n" * length), verdict("bad"))
        assert events._waiting.qsize() == 1


async def test_who_may_write_none_says_so_once_and_keeps_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api, failures = Api(), list[str]()
    api.refused = {PATH}
    async with serving(api, tmp_path, monkeypatch) as cluster:
        events = EventRecorder(cluster, failures.append, pause=0)
        running = asyncio.create_task(events.run())
        for at in range(1000):
            events.tell(MADE, verdict(str(at)))
        await until(lambda: failures)
        assert failures == ["events"]
        assert caplog.text.count("cannot write an Event: events is forbidden") == 1
        assert events._waiting.qsize() < 100
        running.cancel()
