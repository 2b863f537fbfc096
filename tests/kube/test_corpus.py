"""Manifests as people write them, and how their clients come to the sidecar by default.

`corpus/expected.md` says it for each workload; `python -m tests.kube.test_corpus` prints that table
anew. Look at the difference before you commit it.
"""

from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest

from drainproxy.kube.batch import BatchResult, inject_all, uninject_all
from drainproxy.kube.report import ReportLine
from tests.cases import some
from tests.kube.judge import Verdict, documents, pods, verdicts
from tests.kube.pod_security import violations
from tests.kube.pods import NEWEST, options

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path.name for path in CORPUS.iterdir() if path.suffix in (".yaml", ".json"))
TABLE = CORPUS / "expected.md"
# Those whose schemas are known.
GROUPS = {"v1", "apps/v1", "batch/v1", "networking.k8s.io/v1", "policy/v1"}
# They serve nobody by a Service, or want no sidecar.
ENDING = ("job/", "cronjob/")
OFF = "deployment/half-out"


def text(name: str) -> str:
    return (CORPUS / name).read_text()


@cache
def injected(name: str) -> BatchResult:
    return inject_all({name: text(name)}, options())


@cache
def judged(name: str) -> tuple[Verdict, ...]:
    return tuple(verdicts(text(name), injected(name).text))


def rows() -> list[str]:
    return [_row(name, line) for name in FILES for line in injected(name).report.lines]


def _row(name: str, line: ReportLine) -> str:
    return f"| {name} | {line.object} | {line.outcome} | {line.summary or line.reason} |"


def table() -> str:
    head = [
        "# What becomes of each workload",
        "",
        "| File | Object | Outcome | Capture, or why not |",
    ]
    return "\n".join([*head, "| --- | --- | --- | --- |", *rows()]) + "\n"


def test_each_workload_is_captured_as_the_table_says() -> None:
    assert table() == TABLE.read_text(), "python -m tests.kube.test_corpus"


def test_there_are_sixty_workloads_and_more() -> None:
    assert len(rows()) >= 60


@pytest.mark.parametrize("name", some(FILES, of=2))
def test_what_is_said_to_be_captured_comes_to_the_sidecar(name: str) -> None:
    """Judged from outside; and what does not come there is said not to."""
    lines = {line.object: line for line in injected(name).report.lines}
    for verdict in judged(name):
        line = lines[verdict.title]
        if verdict.services and line.outcome == "injected":
            assert verdict.is_effective, verdict
        if verdict.services and not verdict.is_effective:
            assert line.outcome in ("skipped", "bypassed"), line


def test_nearly_all_that_serve_are_captured_by_default() -> None:
    found = [each for name in FILES for each in judged(name) if each.services]
    serving = [each for each in found if not each.title.startswith(ENDING) and each.title != OFF]
    effective = [each for each in serving if each.is_effective]

    assert len(serving) > 40
    assert len(effective) / len(serving) >= 0.95


@pytest.mark.parametrize("name", some(FILES, of=2, first=1))
def test_injecting_again_changes_nothing_and_uninjecting_gives_everything_back(name: str) -> None:
    once = injected(name).text

    assert inject_all({name: once}, options(new_token=lambda: "another")).text == once
    back = uninject_all({name: once})
    assert not back.report.failed
    assert [*filter(None, documents(back.text))] == [*filter(None, documents(text(name)))]


@pytest.mark.parametrize("name", some(FILES, of=3))
def test_namespaces_that_are_restricted_take_whoever_is_not_redirected(name: str) -> None:
    before, after = pods(text(name)), pods(injected(name).text)
    for line in injected(name).report.lines:
        if line.capture in ("names", "service rewrite"):
            new = {*violations(after[line.object])} - {*violations(before[line.object])}
            assert not new, line.object


@pytest.mark.parametrize("name", some(FILES, of=3, first=1))
def test_clusters_take_what_comes_out(name: str) -> None:
    for body in documents(injected(name).text):
        for each in body.get("items", [body]) if body else ():
            if each["apiVersion"] in GROUPS:
                kubernetes_validate.validate(_without_nulls(each), NEWEST, strict=True)


def _without_nulls(value: object) -> object:
    """As the API server reads it."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    TABLE.write_text(table())
