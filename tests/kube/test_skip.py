"""Which pods stay as they are."""

from typing import Any

import pytest

from drainproxy.config import ConfigError
from drainproxy.kube.skip import read_switch, reason_to_skip, wanted
from drainproxy.manifests.podspec import Json, read
from tests.kube.pods import pod

SWITCH = "drainproxy.io/inject"


def with_(**fields: Any) -> Json:
    before = pod()
    before["spec"].update(fields)
    return before


def switched(label: str | None = None, annotation: str | None = None) -> Json:
    before = pod(annotations={SWITCH: annotation} if annotation else None)
    before["metadata"]["labels"] = {SWITCH: label} if label else {}
    return before


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (pod(), None),
        (switched("true"), None),
        (switched("false"), 'drainproxy.io/inject is "false"'),
        (switched(annotation="false"), 'drainproxy.io/inject is "false"'),
        (with_(containers=[]), "it has no containers"),
        (with_(hostNetwork=True), "hostNetwork"),
        (with_(hostNetwork=False), None),
        (with_(os={"name": "windows"}), "Windows"),
        (with_(os={"name": "linux"}), None),
        (with_(nodeSelector={"kubernetes.io/os": "windows"}), "Windows"),
        (with_(nodeSelector={"beta.kubernetes.io/os": "windows"}), "Windows"),
        (with_(nodeSelector={"kubernetes.io/os": "linux"}), None),
        (pod(annotations={"kubernetes.io/config.mirror": "x"}), "static pod"),
        (with_(initContainers=[{"name": "drainproxy"}]), "a container named drainproxy already"),
        (with_(containers=[{"name": "drainproxy"}]), "a container named drainproxy already"),
        (
            with_(initContainers=[{"name": "drainproxy-redirect"}]),
            "a container named drainproxy-redirect already",
        ),
        (with_(volumes=[{}, {"name": "drainproxy-podinfo"}]), "a volume named drainproxy-podinfo"),
    ],
)
def test_a_pod_is_skipped_for_a_reason(before: Json, why: str | None) -> None:
    reason = reason_to_skip(read(before))

    assert (reason is None) == (why is None)
    assert (why or "") in (reason or "")


def test_the_label_beats_the_annotation() -> None:
    assert wanted(read(switched("true", "false"))) is True
    assert wanted(read(switched("false", "true"))) is False
    assert wanted(read(switched(annotation="true"))) is True
    assert wanted(read(switched())) is None


@pytest.mark.parametrize("text", ["yes", "enabled", "True", ""])
def test_the_switch_knows_two_words(text: str) -> None:
    with pytest.raises(ConfigError, match='is neither "true" nor "false"') as caught:
        read_switch("label of the namespace", {SWITCH: text})
    assert str(caught.value).startswith(f"label of the namespace {SWITCH}: {text!r}")
