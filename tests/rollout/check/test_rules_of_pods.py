"""Single questions about pods that have more than one spelling."""

from .changes import checked
from .test_relations import APP, service

ROLLOUT = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web, namespace: shop}\n"
    "spec: {workloadRef: {kind: Deployment, name: web}, progressDeadlineSeconds: 30}\n"
)


def rules(*texts: str) -> set[tuple[str, str]]:
    return {(each.rule, each.object) for each in checked("---\n".join(texts)).findings}


def test_the_deadline_of_a_rollout_is_held_against_the_template_that_it_refers_to() -> None:
    slow = APP.replace("{name: web}]", "{name: web, startupProbe: {failureThreshold: 9}}]")

    assert ("deadline-before-ready", "rollout/web") in rules(slow, ROLLOUT)
    assert ("deadline-before-ready", "rollout/web") not in rules(APP, ROLLOUT)


def test_what_the_pod_requests_is_for_all_its_containers() -> None:
    asks = "spec:\n      resources: {requests: {cpu: 1, memory: 1Gi}}\n      containers"
    whole = APP.replace("spec:\n      containers", asks)
    missing = ("requests-missing", "deployment/web")

    assert missing in rules(APP, service("{app: web}"))
    assert missing not in rules(whole, service("{app: web}"))
    assert missing in rules(whole.replace("cpu: 1, ", ""), service("{app: web}"))
