"""How sidecars ended, as their pods say."""

import json
from typing import Any

import pytest
from msgspec import convert

from drainproxy.kube.endings import Ending, Endings, PodStatus
from drainproxy.manifests.podspec import Json

CLEAN = {"verdict": "clean", "seconds": 7.0}


def terminated(message: str = json.dumps(CLEAN), **fields: Any) -> Json:
    ended = {"exitCode": 0, "finishedAt": "2030-01-01T00:00:00Z", "containerID": "c://1"}
    return {"terminated": {**ended, "message": message, **fields}}


def pod(
    *, state: Json, last: Json | None = None, group: str = "initContainerStatuses"
) -> PodStatus:
    sidecar = {"name": "drainproxy", "state": state, "lastState": last or {}}
    statuses = {group: [{"name": "other", "state": terminated()}, sidecar]}
    metadata = {"name": "web-1", "namespace": "shop", "uid": "7"}
    return convert({"metadata": metadata, "status": statuses}, PodStatus)


RUNNING: Json = {"running": {}}


@pytest.mark.parametrize("group", ["initContainerStatuses", "containerStatuses"])
def test_a_report_is_told_once(group: str) -> None:
    endings = Endings()

    assert list(endings.of(pod(state=RUNNING, group=group))) == []
    ended = pod(state=terminated(), group=group)
    assert list(endings.of(ended)) == [Ending("shop", "web-1", "2030-01-01T00:00:00Z", 0, CLEAN)]
    assert list(endings.of(ended)) == list(endings.gone(ended)) == []


def test_a_sidecar_that_was_restarted_has_told_its_first_end_too() -> None:
    endings = Endings()
    first = list(endings.of(pod(state=RUNNING, last=terminated())))
    second = list(endings.of(pod(state=terminated(containerID="c://2"), last=terminated())))

    assert (len(first), len(second)) == (1, 1)


@pytest.mark.parametrize("message", ["", "Traceback", "[]", '{"a": 1}', "[" * 100_000])
def test_what_is_no_report_is_told_as_it_is(message: str) -> None:
    (ending,) = Endings().of(pod(state=terminated(message, exitCode=137)))

    assert (ending.report, ending.message, ending.exit_code) == (None, message, 137)
    assert not ending.cut


def test_a_pod_whose_end_nobody_saw_is_told_to_have_none() -> None:
    endings = Endings()
    list(endings.of(pod(state=RUNNING)))
    (ending,) = endings.gone(pod(state=RUNNING))

    assert ending.message == "the pod was gone before its end was seen"
    assert list(endings.gone(pod(state=terminated()))) != []


def test_a_pod_without_a_sidecar_says_nothing() -> None:
    bare = convert({"metadata": {"name": "x"}, "status": {"containerStatuses": None}}, PodStatus)

    assert list(Endings().of(bare)) == list(Endings().gone(bare)) == []


def test_whoever_was_cut_makes_it_a_bad_end() -> None:
    (ending,) = Endings().of(pod(state=terminated('{"verdict": "cut 3"}')))

    assert ending.cut
