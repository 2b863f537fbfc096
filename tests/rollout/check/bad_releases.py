"""What is bad around pods: Services, canaries, analyses, migrations, the pipeline, exceptions."""

from .changes import Change

TRAFFIC = [
    Change(
        "switched.yaml",
        (
            "  - {port: 80, targetPort: websocket}\n",
            "  - {port: 80, targetPort: 8000}  # ! service-bypasses-sidecar\n",
        ),
    ),
    Change(
        "injected.yaml",
        ("    targetPort: http\n", "    targetPort: 8080  # ! service-bypasses-sidecar\n"),
    ),
    Change(
        "injected.yaml",
        ("    targetPort: http\n", "    targetPort: app-http  # ! service-bypasses-sidecar\n"),
    ),
    Change(
        "injected.yaml",
        (
            "    port: 80\n    targetPort: http\n",
            "    port: 8080  # ! service-bypasses-sidecar\n",
        ),
    ),
    Change(
        "switched.yaml",
        ("        drainproxy.io/drain-delay: 5s\n", "        drainproxy.io/capture: names\n"),
        (
            "  - {port: 80, targetPort: websocket}\n",
            "  - {port: 80, targetPort: 8000}  # ! service-bypasses-sidecar\n",
        ),
    ),
    Change(
        "web.yaml",
        ("    targetPort: http\n", "    targetPort: web  # ! service-port-unknown\n"),
    ),
    Change(
        "blue-green.yaml",
        (
            "  ports: [{port: 80, targetPort: http}]\n",
            "  ports: [{port: 80, targetPort: https}]  # ! service-port-unknown\n",
        ),
    ),
    Change(
        "release.yaml",
        (
            "  selector:\n    app: billing\n  ports",
            "  selector:\n    app: bill  # ! service-selects-nothing\n  ports",
        ),
    ),
    Change(
        "web.yaml",
        (
            "  ports:\n  - name: http\n    port: 80\n",
            "  publishNotReadyAddresses: true  # ! publishes-unready-pods\n"
            "  ports:\n  - name: http\n    port: 80\n",
        ),
    ),
    Change(
        "database.yaml",
        (
            "  clusterIP: None\n  publishNotReadyAddresses: true\n",
            "  publishNotReadyAddresses: true  # ! publishes-unready-pods\n",
        ),
    ),
]

DELIVERY = [
    Change(
        "canary.yaml",
        (
            "plugins:\n          argoproj-labs/gatewayAPI:\n            httpRoute: prices\n",
            "gatewayAPI:  # ! unknown-traffic-router\n          httpRoute: prices\n",
        ),
    ),
    Change(
        "canary.yaml",
        (
            "        plugins:\n",
            "        traffik: {}  # ! unknown-traffic-router\n        plugins:\n",
        ),
    ),
    Change(
        "canary.yaml",
        (
            "scaleDownDelaySeconds: 60\n",
            "scaleDownDelaySeconds: 10  # ! scale-down-before-drain\n",
        ),
    ),
    Change(
        "blue-green.yaml",
        (
            "scaleDownDelaySeconds: 150\n",
            "scaleDownDelaySeconds: 0  # ! scale-down-before-drain\n",
        ),
    ),
    Change(
        "canary.yaml",
        (
            "dynamicStableScale: false\n",
            "dynamicStableScale: true  # ! scale-down-before-drain\n",
        ),
    ),
    Change(
        "blue-green.yaml",
        (
            "scaleDownDelaySeconds: 150\n",
            "abortScaleDownDelaySeconds: 5  # ! scale-down-before-drain\n",
        ),
    ),
    Change("canary.yaml", ("setWeight: 5\n", "setWeight: 20  # ! canary-starts-too-large\n")),
    Change("flagger.yaml", ("stepWeight: 5\n", "stepWeight: 10  # ! canary-starts-too-large\n")),
]

ANALYSIS = [
    *(
        Change(
            "canary.yaml",
            (
                "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
                f"    successCondition: {condition}  # ! analysis-can-pass-empty\n",
            ),
        )
        for condition in (
            '"all(result, # < 0.01)"',
            '"!(len(result) > 0) || result[0] < 0.01"',
            '"len(result) == 0 ? true : result[0] < 0.01"',
            "result == nil or result[0] < 0.01",
            "(isNaN(result[0])) || (result[0] < 0.01)",
            '"true"',
            '"!(result[0] > 0.1)"',
            '"default(result, 0) < 0.05"',
            '"not (result[0] >= 0.1)"',
            '"len(result) < 1 || result[0] < 0.01"',
            '"len(result) > 0 ? result[0] < 0.01 : true"',
            '"none(result, # > 0.01)"',
            '"0 < 1"',
        )
    ),
    Change(
        "canary.yaml",
        (
            "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
            "",
        ),
        (
            "failureCondition: len(result) > 0 && result[0] >= 0.05\n",
            "failureCondition: result[0] >= 0.05  # ! analysis-can-pass-empty\n",
        ),
    ),
    Change(
        "canary.yaml",
        (
            "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
            "    successCondition: isNaN(result[0]) || result[0] < 0.01"
            "  # ! analysis-can-pass-empty\n",
        ),
    ),
    Change(
        "canary.yaml",
        (
            "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
            "    successCondition: result[0] < 0.01 or len(result) == 0"
            "  # ! analysis-can-pass-empty\n",
        ),
    ),
    Change(
        "canary.yaml",
        (
            "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
            "",
        ),
        ("result[0] >= 0.05\n", "result[0] >= 0.05  # ! analysis-can-pass-empty\n"),
    ),
    Change(
        "canary.yaml",
        (
            "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
            "    successCondition: result[0] < 0.01\n",
        ),
        ("        query: |\n", "        query: |  # ! analysis-can-pass-empty\n"),
        (
            '/ sum(rate(requests{hash="{{args.canary-hash}}"}[2m]))\n',
            '/ sum(rate(requests{hash="{{args.canary-hash}}"}[2m])) or vector(0)\n',
        ),
    ),
    # What is wrong with a condition does not hide what is wrong with the query.
    Change(
        "canary.yaml",
        (
            "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
            "    successCondition: isNaN(result[0]) || result[0]<1  # ! analysis-can-pass-empty\n",
        ),
        ("        query: |\n", "        query: |  # ! analysis-can-pass-empty\n"),
        (
            '/ sum(rate(requests{hash="{{args.canary-hash}}"}[2m]))\n',
            '/ sum(rate(requests{hash="{{args.canary-hash}}"}[2m])) or vector(0)\n',
        ),
    ),
    Change(
        "blue-green.yaml",
        ("  - name: gate\n", "  - name: gate  # ! analysis-can-pass-empty\n"),
        ('    successCondition: result.verdict == "pass"\n', ""),
        ('    failureCondition: result.verdict == "fail"\n', ""),
    ),
    Change(
        "canary.yaml",
        (
            "      - analysis:\n          templates:\n          - templateName: prices-errors\n"
            "          args:\n          - name: canary-hash\n            valueFrom:\n"
            "              podTemplateHashValue: Latest\n",
            "",
        ),
        (
            "      steps:\n",
            "      analysis:  # ! analysis-can-pass-empty\n        templates:\n"
            "        - templateName: prices-errors\n        args:\n        - name: canary-hash\n"
            "          valueFrom: {podTemplateHashValue: Latest}\n      steps:\n",
        ),
    ),
    Change(
        "flagger.yaml",
        ("  query: |\n", "  query: |  # ! analysis-can-pass-empty\n"),
        (
            '      / sum(rate(requests{app="{{ target }}"}[{{ interval }}]))\n',
            '      / sum(rate(requests{app="{{ target }}"}[{{ interval }}]))\n    or vector(0)\n',
        ),
    ),
    Change(
        "canary.yaml",
        (
            "          args:\n          - name: canary-hash\n            valueFrom:\n"
            "              podTemplateHashValue: Latest\n",
            "",
        ),
        ("      - analysis:\n", "      - analysis:  # ! hash-args-without-valuefrom\n"),
    ),
    Change(
        "canary.yaml",
        (
            "          - name: canary-hash\n            valueFrom:\n"
            "              podTemplateHashValue: Latest\n",
            "          - name: canary-hash  # ! hash-args-without-valuefrom\n"
            "            value: 6b8f9c\n",
        ),
    ),
]

MIGRATION = [
    Change(
        "release.yaml",
        ("migration-phase: migrate\n", "migration-phase: migration  # ! migration-phase-invalid\n"),
    ),
    Change(
        "web.yaml",
        ('schema-version: "7"\n', "schema-version: v7  # ! migration-phase-invalid\n"),
    ),
    Change(
        "release.yaml",
        ("  labels:\n    drainproxy.io/migration-phase: migrate\n", ""),
        ("  name: billing-backfill\n", "  name: billing-backfill  # ! migration-phase-missing\n"),
    ),
    Change(
        "release.yaml",
        (
            "    drainproxy.io/migration-phase: expand\n    drainproxy.io/ignore: ",
            "    drainproxy.io/migration-phase: contract  # ! contract-in-release\n"
            "    drainproxy.io/ignore: ",
        ),
        (
            "spec:\n  selector:\n    matchLabels",
            "spec:  # ! rollback-crosses-contract\n  selector:\n    matchLabels",
        ),
    ),
    Change(
        "web.yaml",
        (
            '        drainproxy.io/schema-version: "7"\n',
            "        drainproxy.io/migration-phase: contract  # ! contract-in-release\n",
        ),
        (
            "revisionHistoryLimit: 3\n",
            "revisionHistoryLimit: 3  # ! rollback-crosses-contract\n",
        ),
    ),
    Change(
        "canary.yaml",
        (
            "spec:\n  replicas: 6\n",
            "  annotations:\n"
            "    drainproxy.io/migration-phase: contract  # ! contract-in-release\n"
            "spec:\n  replicas: 6\n  revisionHistoryLimit: 0\n"
            "  rollbackWindow:  # ! rollback-crosses-contract\n    revisions: 3\n",
        ),
    ),
    Change(
        "flux.yaml",
        (
            "  name: catalogue\n  namespace",
            "  name: catalogue\n"
            "  annotations: {drainproxy.io/migration-phase: contract}\n  namespace",
        ),
        (
            "    remediation:\n      retries: 2\n      remediateLastFailure: true\n",
            "    remediation:  # ! rollback-crosses-contract\n      strategy: rollback\n",
        ),
    ),
    Change(
        "flux.yaml",
        ("migration-phase: migrate\n", "migration-phase: contract\n"),
        ("    remediation:\n", "    remediation:  # ! rollback-crosses-contract\n"),
    ),
    Change(
        "flagger.yaml",
        (
            "spec:\n  replicas: 2\n",
            "  annotations:\n"
            "    drainproxy.io/migration-phase: contract  # ! contract-in-release\n"
            "spec:\n  revisionHistoryLimit: 0\n  replicas: 2\n",
        ),
        ("    metrics:\n", "    metrics:  # ! rollback-crosses-contract\n"),
    ),
    Change(
        "release.yaml",
        (
            "    drainproxy.io/migration-phase: expand\n    drainproxy.io/schema",
            "    drainproxy.io/migration-phase: contract  # ! migration-in-release-hook\n"
            "    drainproxy.io/schema",
        ),
    ),
    *(
        Change(
            "release.yaml",
            ("ALTER TABLE invoices ADD COLUMN currency text;\n", statement),
            ("  12.sql: |\n", "  12.sql: |  # ! migration-in-release-hook\n"),
        )
        for statement in (
            "ALTER TABLE invoices DROP COLUMN price;\n",
            "ALTER TABLE invoices DROP price;\n",
            "SELECT 1; alter table invoices\n      rename column price to amount;\n",
            "ALTER TABLE invoices ALTER COLUMN price TYPE bigint;\n",
            "ALTER TABLE invoices ALTER price SET NOT NULL;\n",
            "DROP VIEW prices;\n",
            "ALTER TABLE invoices DROP CONSTRAINT positive;\n",
            "truncate carts;\n",
        )
    ),
    Change(
        "release.yaml",
        (
            '        command: [alembic, upgrade, "12"]\n',
            "        command: [psql, -c, drop table carts]  # ! migration-in-release-hook\n",
        ),
    ),
    Change(
        "release.yaml",
        ("migration-phase: migrate\n", "migration-phase: contract\n"),
        (
            "        args: [gate, budget, --wait, 5m]\n",
            "        args: [gate, budget, --wait, 5m]\n"
            "      - name: upgrade\n"
            "        args: [helm, upgrade, --atomic, billing]"
            "  # ! rollback-crosses-contract\n",
        ),
    ),
]

PIPELINE = [
    Change(
        "web.yaml",
        ("helm.sh/hook: test\n", "helm.sh/hook: pre-upgrade\n"),
        ("        args: [smoke,", "        args: [warm,"),
        (
            "  name: web\n  namespace: shop\n  labels",
            "  name: web  # ! smoke-test-missing\n  namespace: shop\n  labels",
        ),
    ),
    Change(
        "flagger.yaml",
        ("type: pre-rollout\n", "type: event\n"),
        (
            "  name: search\n  namespace: shop\nspec:\n  replicas",
            "  name: search  # ! smoke-test-missing\n  namespace: shop\nspec:\n  replicas",
        ),
    ),
    Change(
        "flagger.yaml",
        ("spec:\n  targetRef", "spec:\n  skipAnalysis: true\n  targetRef"),
        (
            "  name: search\n  namespace: shop\nspec:\n  replicas",
            "  name: search  # ! error-budget-unchecked\n  namespace: shop\nspec:\n  replicas",
        ),
    ),
    Change(
        "web.yaml",
        ("WebErrorBudgetBurn\n", "WebDiskFull\n"),
        ("web:errors:ratio_rate1h > 14.4 * 0.001\n", "disk > 0.9\n"),
        (
            "  name: web\n  namespace: shop\n  labels",
            "  name: web  # ! error-budget-unchecked\n  namespace: shop\n  labels",
        ),
    ),
]

_WORKER = "apiVersion: apps/v1\nkind: Deployment\n"
OBJECTS = [
    Change(
        "edge.yaml",
        ("apiVersion: batch/v1\n", "apiVersion: batch/v1beta1  # ! version-unknown\n"),
    ),
    Change(
        "worker.yaml",
        (
            _WORKER,
            "apiVersion: core/v1  # ! version-unknown\nkind: configMap  # ! kind-unknown\n---\n"
            f"{_WORKER}",
        ),
    ),
    Change(
        "worker.yaml",
        (
            _WORKER,
            "apiVersion: x.io/v1\nkind: Widget  # ! pods-not-judged\n"
            f"spec: {{containers: [{{image: widget}}]}}\n---\n{_WORKER}",
        ),
    ),
]

EXCEPTIONS = [
    Change(
        "release.yaml",
        ("    drainproxy.io/ignore-reason: it is called by one batch at night\n", ""),
        ("min-ready-zero\n", "min-ready-zero  # ! ignore-without-reason\n"),
    ),
    Change(
        "release.yaml",
        ("single-replica,", "single-replicas,"),
        ("min-ready-zero\n", "min-ready-zero  # ! ignore-unknown-rule\n"),
        (
            "spec:\n  selector:\n    matchLabels",
            "spec:  # ! single-replica\n  selector:\n    matchLabels",
        ),
    ),
]
