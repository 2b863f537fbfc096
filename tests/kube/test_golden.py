"""The examples: what becomes of them, and that clusters take them before and after."""

import kubernetes_validate
import pytest

from drainproxy.kube.batch import uninject_all
from tests.kube.golden import NAMES, before, golden, injected
from tests.kube.judge import documents
from tests.kube.pods import NEWEST, OLDEST


def test_there_is_an_example_of_each_kind() -> None:
    assert NAMES == ["grpc.yaml", "http.yaml", "llm.yaml", "websocket.yaml"]


@pytest.mark.parametrize("name", NAMES)
def test_the_injected_example_is_what_the_injector_makes(name: str) -> None:
    assert injected(name).text == golden(name).read_text(), "python -m tests.kube.golden"
    assert [line.warnings for line in injected(name).report.lines] == [[]]


@pytest.mark.parametrize("name", NAMES)
def test_uninjecting_an_example_gives_back_every_byte(name: str) -> None:
    done = uninject_all({name: golden(name).read_text()})

    assert not done.report.failed
    assert done.text == before(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_clusters_take_the_examples_before_and_after(name: str, version: str) -> None:
    for text in (before(name), golden(name).read_text()):
        objects = list(documents(text))
        assert len(objects) == 2
        for each in objects:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_validation_sees_a_field_that_is_misspelt(version: str) -> None:
    (deployment, _) = documents(golden("http.yaml").read_text())
    sidecar = deployment["spec"]["template"]["spec"]["initContainers"][0]
    sidecar["lifecyle"] = sidecar.pop("lifecycle")

    with pytest.raises(kubernetes_validate.ValidationError, match="lifecyle"):
        kubernetes_validate.validate(deployment, version, strict=True)
