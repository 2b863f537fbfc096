"""What stands in the metadata of a workload and is for its pods."""

import pytest

from drainproxy.kube.misplaced import misplaced
from drainproxy.manifests.podspec import Json, workload
from tests.kube.test_batch import DEPLOYMENT, inject, lines

SWITCH = "drainproxy.io/inject"
DELAY = "drainproxy.io/drain-delay"


def told(metadata: object, template: object = None, **more: Json) -> list[str]:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    one = workload({**body, "spec": {"template": {"metadata": template, "spec": {}}}, **more})
    assert one is not None
    return [*misplaced(one)]


@pytest.mark.parametrize(
    ("metadata", "template", "expected"),
    [
        ({"labels": {SWITCH: "false"}}, None, [SWITCH]),
        ({"annotations": {SWITCH: "false", DELAY: "1s"}}, {"labels": {}}, [DELAY, SWITCH]),
        ({"labels": {SWITCH: "false"}}, {"labels": {SWITCH: "false"}}, []),
        (
            {"labels": {SWITCH: "false"}, "annotations": {DELAY: "1s"}},
            {"labels": {SWITCH: ""}},
            [DELAY],
        ),
        # These are for a release.
        ({"annotations": {"drainproxy.io/migration-phase": "expand", "a": "b"}}, None, []),
        ({"annotations": None, "labels": 3}, 3, []),
        (None, None, []),
    ],
)
def test_what_only_counts_in_the_template_is_told(
    metadata: object, template: object, expected: list[str]
) -> None:
    found = told(metadata, template)

    assert len(found) == bool(expected)
    assert all(f"{', '.join(expected)} of its own metadata say" in each for each in found)


def test_it_says_where_it_counts() -> None:
    (one,) = told({"labels": {SWITCH: "false"}})
    pod: Json = {"spec": {"jobTemplate": {"spec": {"template": {}}}}}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", **pod}
    (both,) = told({"labels": {SWITCH: ""}, "annotations": {DELAY: ""}}, **cron)

    assert one.endswith(": it counts in spec.template.metadata")
    assert both.endswith(": they count in spec.jobTemplate.spec.template.metadata")


def test_a_pod_is_its_own_template_and_a_reference_has_none() -> None:
    metadata = {"labels": {SWITCH: "false"}}
    for body in (
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}},
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata},
    ):
        one = workload(body)
        assert one is not None
        assert [*misplaced(one)] == []


def test_it_is_one_warning_of_the_workload() -> None:
    switch = f'labels: {{{SWITCH}: "false"}}'
    done = inject(DEPLOYMENT.replace("metadata: {name: web}", f"metadata: {{name: web, {switch}}}"))

    assert lines(done) == ["deployment/web injected (names; no Service in this input, unproved)"]
    assert done.report.text().count("warning: ") == 1
    assert "warning: drainproxy.io/inject of its own metadata says nothing" in done.report.text()
