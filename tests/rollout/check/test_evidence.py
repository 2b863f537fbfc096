"""What ticks a box, what leaves it open, and what the input does not say: all sides of each."""

import pytest

from drainproxy.rollout.check.evidence import of_section
from drainproxy.rollout.check.rule import SECTIONS

from .changes import checked

PROBED = (
    "readinessProbe: {httpGet: {path: /r, port: http}},"
    " livenessProbe: {httpGet: {path: /l, port: http}}"
)
SLEEPS = "lifecycle: {preStop: {sleep: {seconds: 10}}}"
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""
OTHER = SERVICE.replace("web", "x")
HELD = """\
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
"""
SIDECAR = "{name: drainproxy, image: 'r/drainproxy:1', args: [run, --forward=1=2]}"
FILE = SIDECAR.replace("run,", "run, --config=/etc/d.yaml,")
DRAIN_SHORT = SIDECAR.replace("run,", "run, --drain-timeout=20s,")
DELAYED = DRAIN_SHORT.replace("run,", "run, --drain-delay=20s,")
BY_ENVIRONMENT = SIDECAR.replace("args:", "env: [{name: DRAINPROXY_NAME, value: VALUE}], args:")
AGELESS = DRAIN_SHORT.replace("run,", "run, --max-connection-age=0s,")


def workload(
    container: str = "",
    kind: str = "Deployment",
    spec: str = "replicas: 2, minReadySeconds: 10",
    annotations: str = "{}",
    sidecar: str = "",
    group: str = "apps/v1",
    metadata: str = "{name: web}",
) -> str:
    more = f", {sidecar}" if sidecar else ""
    return f"""\
---
apiVersion: {group}
kind: {kind}
metadata: {metadata}
spec:
  {{{spec}, template: {{metadata: {{labels: {{app: web}}, annotations: {annotations}}},
    spec: {{topologySpreadConstraints: [{{labelSelector: {{}}}}],
      containers: [{{name: web, image: "web:1", ports: [{{name: http, containerPort: 80}}],
      resources: {{limits: {{cpu: 1, memory: 1G}}}}, {container or PROBED}}}{more}]}}}}}}
"""


def job(command: str, annotations: str = "{}", name: str = "after") -> str:
    return f"""\
---
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, annotations: {annotations}}}
spec: {{template: {{spec: {{containers: [{{name: j, image: "job:1", command: {command}}}]}}}}}}
"""


def rollout(strategy: str) -> str:
    spec = f"replicas: 2, minReadySeconds: 10, strategy: {strategy}"
    return workload(kind="Rollout", group="argoproj.io/v1alpha1", spec=spec)


def canary(analysis: str, more: str = "") -> str:
    return f"""\
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {{name: web}}
spec: {{targetRef: {{kind: Deployment, name: web}}, {more} analysis: {analysis}}}
"""


def release(spec: str) -> str:
    return f"""\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: web}}
spec: {{{spec}}}
"""


def phase(name: str) -> str:
    return f"{{drainproxy.io/migration-phase: {name}}}"


GATE = job("[drainproxy, gate, budget]", name="gate")
TEMPLATE = """\
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: errors}
spec:
  metrics:
  - {name: e, provider: {prometheus: {query: e}}, successCondition: "result[0] < 1"}
"""
STEPS = "{canary: {steps: [{analysis: {templates: [{templateName: errors}]}}]}}"
WORKLOAD = workload(f"{PROBED}, {SLEEPS}")
SECOND = workload(f"{PROBED}, {SLEEPS}", metadata="{name: second}")
ELSEWHERE = """\
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec: {workloadRef: {kind: Deployment, name: web}, replicas: 2, strategy: {canary: {}}}
"""
BY_NUMBER = SERVICE.replace("Port: http", "Port: 80")
MISSPELT = WORKLOAD.replace("containers:", "container:")
JOB_TEMPLATE = """\
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: errors}
spec: {metrics: [{name: e, provider: {job: {}}}]}
"""
BURN_RATES = """\
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: slo, namespace: monitoring}
spec: {groups: [{name: a, rules: [{alert: ErrorBudgetBurn, expr: up}]}]}
"""
NIGHTLY = """\
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {
  containers: [{name: j, image: "job:1", command: [psql, -c, DELETE FROM sessions]}]}}}}}
"""
NO_MIGRATION = "nothing here migrates"
SQL_HOOK = "{helm.sh/hook: pre-upgrade}"
FLUX = "upgrade: {remediation: {retries: 3}}"

# Box, sign, manifests, and words of the reason or the finding.
TABLE = [
    ("probes", "[x]", WORKLOAD, ""),
    ("probes", "[ ]", workload("tty: true"), "has no readinessProbe"),
    ("probes", "[-]", ELSEWHERE, "rollout/web: its pods are described elsewhere"),
    ("probes", "[-]", MISSPELT, "deployment/web: its pod template has no container of an app"),
    ("probes", "[x]", ELSEWHERE + WORKLOAD, ""),
    ("probes", "[-]", job("[sleep]"), "no workload here takes connections"),
    ("grace", "[x]", WORKLOAD, ""),
    ("grace", "[x]", workload(sidecar=DRAIN_SHORT), ""),
    (
        "grace",
        "[ ]",
        workload(sidecar=DRAIN_SHORT.replace("20s", "60s")),
        "the grace period is 30s",
    ),
    ("grace", "[-]", workload(sidecar=FILE), "in a file"),
    ("grace", "[-]", workload(), "the length of its shutdown is unknown"),
    (
        "grace",
        "[-]",
        workload(
            f"{PROBED}, lifecycle: {{preStop: {{exec: {{command: [./end]}}}}}}", sidecar=SIDECAR
        ),
        "how long its preStop hook takes",
    ),
    ("drain", "[x]", workload(sidecar=SIDECAR), ""),
    ("drain", "[x]", workload(annotations="{drainproxy.io/inject: 'true'}"), ""),
    ("drain", "[ ]", workload(sidecar=AGELESS), "max-connection-age is off"),
    ("drain", "[ ]", workload() + SERVICE, "has neither a preStop hook nor"),
    (
        "drain",
        "[ ]",
        workload(
            sidecar=BY_ENVIRONMENT.replace("NAME", "MAX_CONNECTION_AGE").replace("VALUE", "0s")
        ),
        "max-connection-age is off",
    ),
    ("drain", "[ ]", workload(sidecar=DELAYED), "drain-delay 20s leaves nothing"),
    ("drain", "[-]", workload(sidecar=BY_ENVIRONMENT.replace("NAME", "CONFIG")), "in a file"),
    ("drain", "[-]", workload(sidecar=FILE), "in a file"),
    ("drain", "[-]", workload(), "without a sidecar"),
    ("drain", "[-]", WORKLOAD + SERVICE, "without a sidecar"),
    ("drain", "[-]", workload() + HELD.replace("web", "x"), "without a sidecar"),
    ("strategy", "[x]", WORKLOAD, ""),
    ("strategy", "[x]", rollout(STEPS), ""),
    ("strategy", "[ ]", rollout("{}"), "neither canary nor blue-green"),
    (
        "strategy",
        "[ ]",
        workload(kind="StatefulSet", spec="minReadySeconds: 1, updateStrategy: {type: OnDelete}"),
        "its strategy is OnDelete",
    ),
    (
        "strategy",
        "[ ]",
        workload(
            kind="StatefulSet",
            spec="replicas: 3, minReadySeconds: 1, updateStrategy: {rollingUpdate: {partition: 2}}",
        ),
        "partition 2",
    ),
    ("strategy", "[ ]", workload(spec="replicas: 2, minReadySeconds: 1, paused: true"), "paused"),
    ("strategy", "[ ]", workload(spec="strategy: {type: Recreate}, minReadySeconds: 1"), "outage"),
    ("strategy", "[-]", workload(spec="replicas: 0, minReadySeconds: 1"), "scaled to zero"),
    (
        "strategy",
        "[-]",
        workload(spec="strategy: {type: Recreate}, minReadySeconds: 1") + OTHER,
        "it has no clients",
    ),
    ("strategy", "[-]", SERVICE, "no workload here"),
    ("capacity", "[x]", WORKLOAD + HELD, ""),
    ("capacity", "[ ]", WORKLOAD, "no PodDisruptionBudget"),
    ("capacity", "[-]", workload(spec="replicas: 0"), "scaled to zero"),
    (
        "capacity",
        "[-]",
        workload(kind="DaemonSet", spec="minReadySeconds: 1"),
        "are nodes",
    ),
    ("capacity", "[-]", ELSEWHERE + HELD, "described elsewhere"),
    ("capacity", "[-]", WORKLOAD + OTHER, "no workload here takes"),
    ("traffic", "[x]", WORKLOAD + SERVICE, ""),
    ("traffic", "[ ]", workload("tty: true") + SERVICE, "has no readinessProbe"),
    ("traffic", "[ ]", workload() + SERVICE, "until that container ends"),
    ("traffic", "[ ]", WORKLOAD + SERVICE.replace("Port: http", "Port: h"), "a port named 'h'"),
    ("traffic", "[-]", SERVICE, "service/web: no workload of this input is behind it"),
    ("traffic", "[-]", MISSPELT + BY_NUMBER, "of deployment/web its pod template has no container"),
    ("traffic", "[-]", ELSEWHERE + SERVICE, "no workload of this input"),
    ("traffic", "[-]", WORKLOAD, "no Service here"),
    (
        "traffic",
        "[-]",
        WORKLOAD + SERVICE.replace("port: 80", "port: 80, name: metrics"),
        "no Service",
    ),
    ("rollback", "[x]", rollout(STEPS) + TEMPLATE, ""),
    ("rollback", "[-]", rollout(STEPS), "AnalysisTemplate errors is not in this input"),
    ("rollback", "[ ]", rollout("{canary: {}}"), "it has no analysis"),
    (
        "rollback",
        "[ ]",
        rollout("{canary: {steps: [{analysis: {templates: []}}]}}"),
        "names no template",
    ),
    (
        "rollback",
        "[-]",
        rollout(STEPS.replace("]}}]", "], dryRun: [{metricName: .*}]}}]")) + TEMPLATE,
        "a dry run",
    ),
    ("rollback", "[-]", rollout(STEPS) + JOB_TEMPLATE, "whether the Jobs of its analyses"),
    ("rollback", "[ ]", WORKLOAD, "no Rollout, Canary or HelmRelease takes it back"),
    ("rollback", "[x]", WORKLOAD + canary("{metrics: [{name: request-success-rate}]}"), ""),
    ("rollback", "[ ]", WORKLOAD + canary("{metrics: []}"), "it has no metrics"),
    ("rollback", "[ ]", WORKLOAD + canary("{metrics: [{}]}", "skipAnalysis: true,"), "skips"),
    (
        "rollback",
        "[-]",
        WORKLOAD + canary("{metrics: [{templateRef: {name: m}}]}"),
        "MetricTemplate m is not in this input",
    ),
    ("rollback", "[-]", WORKLOAD + canary("{webhooks: [{type: rollback}]}"), "does not show"),
    ("rollback", "[x]", WORKLOAD + GATE + job("[helm, rollback, web]"), ""),
    ("rollback", "[ ]", WORKLOAD + job("[helm, rollback, web]"), "no Rollout, Canary"),
    ("rollback", "[x]", release(f"{FLUX}, test: {{enable: true}}") + GATE, ""),
    ("rollback", "[-]", release(f"{FLUX}, test: {{enable: true}}"), "whether its tests measure"),
    ("rollback", "[ ]", release(FLUX), "no test of it can fail"),
    ("rollback", "[ ]", release("chart: {}"), "not remediated"),
    (
        "rollback",
        "[ ]",
        release("upgrade: {remediation: {strategy: rollback}}, test: {enable: true}") + GATE,
        "its last failure is not remediated",
    ),
    (
        "rollback",
        "[ ]",
        release(FLUX.replace("3", "3, remediateLastFailure: false") + ", test: {enable: true}")
        + GATE,
        "its last failure is not remediated",
    ),
    ("rollback", "[-]", workload(annotations=phase("contract")), "after a contract"),
    ("rollback", "[-]", TEMPLATE, "no workload here"),
    ("migration", "[x]", workload(metadata=f"{{name: web, annotations: {phase('expand')}}}"), ""),
    ("migration", "[x]", job("[psql, -c, ALTER TABLE a ADD COLUMN b int]", SQL_HOOK), ""),
    ("migration", "[x]", release(f"values: {phase('migrate')}"), ""),
    ("migration", "[ ]", release(f"values: {phase('contract')}"), "phase contract"),
    ("migration", "[ ]", job("[x]", phase("contract")), "phase contract"),
    ("migration", "[ ]", job("[alembic, upgrade, head]"), "say drainproxy.io/migration-phase"),
    (
        "migration",
        "[ ]",
        workload(f"{PROBED}, command: [sh, -c, 'rake db:migrate && puma']"),
        "deployment/web migrates a database",
    ),
    ("migration", "[ ]", job("[psql, -c, DROP TABLE a]", phase("expand")), "is a contract"),
    (
        "migration",
        "[ ]",
        workload(
            f"{PROBED}, command: [sh, -c, 'psql -c \"DROP TABLE a\" && puma']",
            metadata=f"{{name: web, annotations: {phase('expand')}}}",
        ),
        "runs as a pod of deployment/web starts",
    ),
    ("migration", "[-]", job("[psql, -c, DO $$ x $$]", phase("expand")), "is not understood"),
    ("migration", "[-]", job("[psql, -c, select 1]"), NO_MIGRATION),
    ("migration", "[-]", NIGHTLY, NO_MIGRATION),
    ("migration", "[ ]", NIGHTLY.replace("DELETE FROM", "ALTER TABLE a DROP"), "is a contract"),
    ("migration", "[-]", job("[psql, -c, DELETE FROM a]", "{helm.sh/hook: test}"), NO_MIGRATION),
    ("migration", "[-]", job("[sh, -c, 'update-ca-certificates && ./run.sh']"), NO_MIGRATION),
    ("migration", "[-]", job("[sh, -c, truncate -s 0 /a.log]"), NO_MIGRATION),
    (
        "migration",
        "[ ]",
        job("""[sh, -c, "update-ca-certificates && psql -c 'DROP TABLE a'"]""", phase("expand")),
        "is a contract",
    ),
    (
        "migration",
        "[ ]",
        job("[psql, -c, 'DROP--\\nTABLE a']".replace("'", '"'), phase("expand")),
        "is a contract",
    ),
    (
        "migration",
        "[-]",
        workload(f"{PROBED}, command: [sh, -c, 'prisma generate && npm start']"),
        NO_MIGRATION,
    ),
    ("smoke", "[x]", WORKLOAD + job("[x]", "{helm.sh/hook: test}"), ""),
    (
        "smoke",
        "[x]",
        WORKLOAD + job("[curl, 'http://web']", "{helm.sh/hook: post-upgrade}"),
        "",
    ),
    ("smoke", "[x]", WORKLOAD + canary("{webhooks: [{type: pre-rollout}]}"), ""),
    ("smoke", "[ ]", WORKLOAD + canary("{webhooks: [{type: rollout}]}"), "nothing in this input"),
    (
        "smoke",
        "[ ]",
        WORKLOAD + job("[rake, 'db:seed']", "{argocd.argoproj.io/hook: PostSync}"),
        "nothing in this input tests",
    ),
    (
        "smoke",
        "[ ]",
        WORKLOAD + job("[curl, 'https://hooks.slack.com']", "{argocd.argoproj.io/hook: PostSync}"),
        "nothing in this input tests",
    ),
    (
        "smoke",
        "[ ]",
        WORKLOAD
        + job("[curl, -X, POST, 'https://cdn/purge']", "{argocd.argoproj.io/hook: PostSync}"),
        "nothing in this input tests",
    ),
    ("smoke", "[x]", rollout(STEPS) + JOB_TEMPLATE, ""),
    ("smoke", "[ ]", rollout(STEPS) + JOB_TEMPLATE + SECOND, "nothing here tests it"),
    ("smoke", "[ ]", WORKLOAD + canary("{webhooks: [{type: pre-rollout}]}") + SECOND, "tests it"),
    ("smoke", "[x]", WORKLOAD + job("[x]", "{helm.sh/hook: test}") + SECOND, ""),
    ("smoke", "[-]", job("[x]", "{helm.sh/hook: test}"), "no workload here"),
    ("budget", "[x]", WORKLOAD + GATE, ""),
    ("budget", "[x]", WORKLOAD + canary("{webhooks: [{type: confirm-promotion}]}"), ""),
    ("budget", "[x]", rollout(STEPS) + TEMPLATE, ""),
    ("budget", "[-]", WORKLOAD + TEMPLATE, "nothing here runs analysistemplate/errors"),
    ("budget", "[-]", rollout(STEPS), "are not in this input"),
    ("budget", "[ ]", rollout(STEPS) + TEMPLATE + SECOND, "nothing here measures its errors"),
    (
        "budget",
        "[-]",
        workload(metadata="{name: web, namespace: shop}") + BURN_RATES,
        "whether prometheusrule/slo covers it",
    ),
    ("budget", "[ ]", WORKLOAD, "nothing in this input measures the errors"),
    (
        "budget",
        "[ ]",
        WORKLOAD + canary("{webhooks: [{type: confirm-promotion, url: 'http://l/gate/approve'}]}"),
        "nothing in this input measures the errors",
    ),
    ("budget", "[-]", GATE, "no workload here"),
    ("objects", "[x]", WORKLOAD + canary("{}"), ""),
    ("objects", "[-]", WORKLOAD + workload(group="x.io/v1"), "no rule looks at x.io/v1 Deployment"),
    ("objects", "[ ]", workload(group="app/v1"), "there is no 'app/v1': did you mean apps/v1?"),
    ("exceptions", "[-]", WORKLOAD, "nothing here is excepted"),
    (
        "exceptions",
        "[x]",
        job("[x]", "{drainproxy.io/ignore: single-replica, drainproxy.io/ignore-reason: r}"),
        "",
    ),
    ("exceptions", "[ ]", job("[x]", "{drainproxy.io/ignore: single-replica}"), "say why"),
]
SIGNS = {"ticked": "[x]", "not ticked": "[ ]", "not applicable": "[-]"}


@pytest.mark.parametrize(("section", "sign", "text", "why"), TABLE)
def test_a_box_is_ticked_only_where_the_input_proves_it(
    section: str, sign: str, text: str, why: str
) -> None:
    (box,) = (each for each in checked(text).boxes if each.section.id == section)
    told = [box.note, *(each.message for each in box.findings)]

    assert (SIGNS[box.state], told) == (sign, told)
    assert (why == "") == (box.state == "ticked")
    assert any(why in each for each in told), told


def test_every_box_is_tried_on_all_sides() -> None:
    assert {(section, sign) for section, sign, *_ in TABLE} == {
        (section.id, sign) for section in SECTIONS for sign in SIGNS.values()
    }


def test_what_is_excepted_proves_nothing_and_leaves_the_box_to_the_others() -> None:
    excepted = workload(
        spec="replicas: 2, minReadySeconds: 0",
        metadata="{name: old, annotations: {drainproxy.io/ignore: min-ready-zero}}",
    )
    for text, state in ((excepted, "not applicable"), (excepted + WORKLOAD, "ticked")):
        (box,) = (each for each in checked(text).boxes if each.section.id == "strategy")
        assert (box.state, box.ignored) == (state, 1)


def test_what_is_excepted_at_another_object_ticks_no_box_of_the_workload() -> None:
    excepted = HELD.replace("maxUnavailable: 1", "maxUnavailable: 0").replace(
        "{name: web}",
        "{name: web, annotations: {drainproxy.io/ignore: budget-blocks,"
        " drainproxy.io/ignore-reason: r}}",
        1,
    )
    (box,) = (each for each in checked(WORKLOAD + excepted).boxes if each.section.id == "capacity")
    assert (box.state, box.ignored) == ("not applicable", 1)


def test_input_of_which_nothing_can_be_said_ticks_no_box() -> None:
    report = checked("apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: a}\n")
    assert {box.state for box in report.boxes} == {"not applicable"}
    assert all(of_section(each.id, report.inventory) == [] for each in SECTIONS)
