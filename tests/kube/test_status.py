"""The record in the pod, and what is made of one that somebody has changed."""

import json

import pytest

from drainproxy import __version__
from drainproxy.config import ConfigError
from drainproxy.kube.annotations import STATUS
from drainproxy.kube.status import Status, read_status, restored
from tests.kube.pods import injected, pod


def test_a_pod_without_a_status_is_none_of_ours() -> None:
    assert read_status(pod()) is None
    assert restored(pod()) == pod()


def test_the_status_tells_version_additions_and_originals() -> None:
    done = injected(pod(readinessProbe={"httpGet": {"port": "http"}})).pod
    status = json.loads(done["metadata"]["annotations"][STATUS])

    assert status["version"] == __version__
    assert "/spec/initContainers/name=drainproxy" in status["added"]
    assert "/spec/volumes" in status["created"]
    assert status["changed"] == {
        "/spec/containers/name=web/ports/name=app-http/name": "http",
        "/spec/containers/name=web/readinessProbe/httpGet/port": "http",
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"added": []}', '{"version": 1}', "\ud800"])
def test_a_status_that_cannot_be_read_is_a_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match="is no record of the injector") as caught:
        read_status(pod(annotations={STATUS: text}))
    assert "restore the manifest" in str(caught.value)


def test_a_status_without_a_value_is_the_empty_text() -> None:
    body = pod() | {"metadata": {"annotations": {STATUS: None}}}

    with pytest.raises(ConfigError, match="is no record of the injector"):
        read_status(body)


def test_a_status_of_somebodys_own_can_only_undo_what_is_in_the_pod() -> None:
    status = json.dumps(
        {"version": "9", "added": ["/spec/containers/name=x", "/", ""], "created": ["/spec"]}
    )
    before = pod(annotations={STATUS: status, "a": "b"})

    assert restored(before) == pod(annotations={"a": "b"})


def test_what_flags_gave_is_read_with_its_value() -> None:
    status = Status("1", given=["drainproxy.io/drain-delay", "gone"])

    assert status.given_values(pod(annotations={"drainproxy.io/drain-delay": "3s"})) == {
        "drainproxy.io/drain-delay": "3s"
    }
