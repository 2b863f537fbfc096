"""What looks like a mistake and is none."""

from .bad_pods import EDGE_LIVE, LIVE, READY, STARTUP
from .bad_workloads import ROLLING
from .changes import Change

PODS = [
    # The same endpoint, but liveness gives up later.
    Change("web.yaml", (LIVE, LIVE.replace("/livez", "/ready") + "          periodSeconds: 20\n")),
    # Another process of the pod has no clients.
    Change("database.yaml", ("        - name: metrics\n", "        - name: admin\n")),
    Change("web.yaml", (READY, READY.replace("port: http", "port: 8081"))),
    Change("web.yaml", (READY, READY + "          initialDelaySeconds: 30\n"), (STARTUP, "")),
    # Nothing asks for liveness while a hook sleeps: the pod is being deleted.
    Change(
        "web.yaml",
        (
            LIVE,
            LIVE.replace("/livez", "/ready")
            + "          periodSeconds: 1\n          failureThreshold: 19\n",
        ),
        (READY, READY.replace("periodSeconds: 5", "periodSeconds: 1")),
        ("seconds: 10\n", "seconds: 25\n"),
    ),
    # Liveness follows readiness, and is patient for longer than the drain.
    Change(
        "switched.yaml",
        (
            "          tcpSocket: {port: websocket}\n",
            "          httpGet: {path: /ready, port: websocket}\n          failureThreshold: 6\n",
        ),
    ),
    Change("web.yaml", ("PeriodSeconds: 40\n", "PeriodSeconds: 15\n")),
    # The injector makes room.
    Change(
        "switched.yaml",
        ("PeriodSeconds: 60\n", "PeriodSeconds: 30\n"),
        (
            "        drainproxy.io/drain-delay: 5s\n",
            '        drainproxy.io/raise-grace-period: "true"\n',
        ),
    ),
    # The drain follows the grace period where nothing else is said.
    Change(
        "switched.yaml",
        ("PeriodSeconds: 60\n", "PeriodSeconds: 20\n"),
        ("        drainproxy.io/drain-timeout: 50s\n", ""),
    ),
    # A hook that sleeps for as long as the drain takes.
    Change(
        "switched.yaml",
        (
            "        resources:\n",
            "        lifecycle: {preStop: {sleep: {seconds: 52}}}\n        resources:\n",
        ),
    ),
    # Of a short drain half is for cutting, as the injector shares it out.
    Change("switched.yaml", (" 50s\n", " 1s\n"), ("drain-delay: 5s\n", "drain-delay: 200ms\n")),
    # The injector puts its own hook in the place of one that only sleeps.
    Change(
        "switched.yaml",
        (
            "        drainproxy.io/drain-delay: 5s\n",
            '        drainproxy.io/replace-prestop-sleep: "true"\n',
        ),
        (
            "        resources:\n",
            "        lifecycle: {preStop: {exec: {command: [sh, -c, sleep 15]}}}\n"
            "        resources:\n",
        ),
    ),
    # A sidecar of another mesh has hooks and probes of its own.
    Change(
        "web.yaml",
        (
            "      containers:\n      - name: web\n",
            "      containers:\n      - name: istio-proxy\n        image: istio/proxyv2:1.27.0\n"
            "        ports: [{name: http-envoy-prom, containerPort: 15090}]\n      - name: web\n",
        ),
    ),
    # Not run by Kubernetes as it stands here.
    Change("edge.yaml", (EDGE_LIVE, EDGE_LIVE.replace("10254", '"10254"'))),
]

ROLLOUTS = [
    *(
        Change(
            "canary.yaml",
            (
                "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
                f"    successCondition: {condition}\n",
            ),
        )
        for condition in (
            "result[0] < 0.01",
            '"len(result) > 0 && all(result, # < 0.01)"',
            '"!isNaN(result[0]) || false"',
            '"not isNaN(result[0]) and result[0] < 0.01"',
            '"len(result) == 1 && result[0] < 0.01"',
            '"!(len(result) == 0 || isNaN(result[0])) && result[0] < 1"',
            '"not (isNaN(result[0]) or len(result) < 1) and result[0] < 1"',
            '"len(result) > 0 ? result[0] < 0.01 : false"',
            '"default(result[0], 1) < 0.05"',
        )
    ),
    Change("web.yaml", (ROLLING, "    rollingUpdate: {maxUnavailable: 0, maxSurge: 34%}\n")),
    Change("web.yaml", (ROLLING, "    rollingUpdate: {maxUnavailable: 25%}\n")),
    Change("injected.yaml", ("  minReadySeconds: 10\n", "  minReadySeconds: 1\n")),
    Change("web.yaml", ("DeadlineSeconds: 600\n", "DeadlineSeconds: 130\n")),
    # KEDA scales to zero, which no rollout makes less.
    Change(
        "web.yaml",
        (
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler",
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject",
        ),
        (
            "    apiVersion: apps/v1\n    kind: Deployment\n    name: web\n  minReplicas: 3\n",
            "    name: web\n",
        ),
    ),
    # Of ten pods two go, and the autoscaler has four as its minimum.
    Change(
        "web.yaml",
        ("maxUnavailable: 0\n", "maxUnavailable: 25%\n"),
        ("minReplicas: 3\n", "minReplicas: 4\n"),
        ("  minReady", "  replicas: 10\n  minReady"),
        (
            '        drainproxy.io/schema-version: "7"\n',
            "        drainproxy.io/ignore: replicas-fight-autoscaler\n"
            "        drainproxy.io/ignore-reason: removed by the pipeline\n",
        ),
    ),
    # No budget can be kept by what is not there.
    Change("database.yaml", ("minAvailable: 2\n", "minAvailable: 66%\n")),
    Change("switched.yaml", ("minAvailable: 75%\n", "minAvailable: 3\n")),
    # With a router the stable pods stay until the end.
    Change("canary.yaml", ("    canary:\n", "    canary:\n      maxUnavailable: 50%\n")),
    # dynamicStableScale hurts streams alone.
    Change(
        "canary.yaml",
        ("dynamicStableScale: false\n", "dynamicStableScale: true\n"),
        (
            "        - name: grpc\n          containerPort",
            "        - name: http\n          containerPort",
        ),
        (
            "  name: prices\nspec:\n  selector:\n    app: prices\n  ports:\n  - name: grpc\n"
            "    port: 50051\n    targetPort: grpc\n",
            "  name: prices\nspec:\n  selector:\n    app: prices\n  ports:\n  - port: 80\n"
            "    targetPort: http\n",
        ),
        (
            "  name: prices-canary\nspec:\n  selector:\n    app: prices\n  ports:\n  - name: grpc\n"
            "    port: 50051\n    targetPort: grpc\n",
            "  name: prices-canary\nspec:\n  selector:\n    app: prices\n  ports:\n  - port: 80\n"
            "    targetPort: http\n",
        ),
        ("          grpc:\n            port: 50051\n", "          exec: {command: [ready]}\n"),
        ("            port: grpc\n", "            port: http\n"),
    ),
    # 0 is no success here.
    Change(
        "canary.yaml",
        (
            "    successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.01\n",
            "    successCondition: result[0] >= 0.99\n",
        ),
        (
            '/ sum(rate(requests{hash="{{args.canary-hash}}"}[2m]))\n',
            '/ sum(rate(requests{hash="{{args.canary-hash}}"}[2m])) or vector(0)\n',
        ),
    ),
    Change(
        "flagger.yaml",
        ("        max: 1\n", "        min: 99\n"),
        (
            '      / sum(rate(requests{app="{{ target }}"}[{{ interval }}]))\n',
            '      / sum(rate(requests{app="{{ target }}"}[{{ interval }}])) or vector(0)\n',
        ),
    ),
    # A background analysis beside one in the steps.
    Change(
        "canary.yaml",
        ("      steps:\n", "      analysis: {templates: [{templateName: other}]}\n      steps:\n"),
    ),
]

RELEASES = [
    # By number, and not declared anywhere: container ports are informational.
    Change("web.yaml", ("targetPort: http\n", "targetPort: 8081\n")),
    Change("injected.yaml", ("    targetPort: http\n", "    targetPort: 9181\n")),
    # The injector leads to the sidecar what a Service targets by number.
    Change(
        "switched.yaml",
        ("targetPort: websocket", "targetPort: 8000"),
        ("        drainproxy.io/drain-delay: 5s\n", "        drainproxy.io/capture: redirect\n"),
        ("          tcpSocket: {port: websocket}\n", "          exec: {command: [/bin/alive]}\n"),
    ),
    # Led to the sidecar by nftables.
    Change(
        "injected.yaml",
        ("    targetPort: http\n", "    targetPort: 8080\n"),
        (
            "      initContainers:\n",
            "      initContainers:\n      - name: drainproxy-redirect\n"
            "        args: [redirect, install, --port=8080, --to=9181]\n",
        ),
    ),
    # The pods of an operator, which makes them of something else.
    Change(
        "web.yaml",
        (
            "  ports:\n  - name: http\n    port: 80\n    targetPort: http\n---\n",
            "  ports:\n  - name: http\n    port: 80\n    targetPort: http\n---\n"
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: cache\n"
            "  namespace: shop\nspec:\n  selector:\n    app.kubernetes.io/name: cache\n"
            "  ports:\n  - port: 6379\n---\n",
        ),
    ),
    # A contract that does not go back, and stands alone.
    Change(
        "flux.yaml",
        ("migration-phase: migrate\n", "migration-phase: contract\n"),
        ("    remediation:\n", "    strategy:\n      name: RetryOnFailure\n    remediation:\n"),
    ),
    Change("release.yaml", ("migration-phase: migrate\n", "migration-phase: contract\n")),
    *(
        Change("release.yaml", ("ALTER TABLE invoices ADD COLUMN currency text;\n", statement))
        for statement in (
            "ALTER TABLE invoices ADD COLUMN dropped_at date;\n",
            "ALTER TABLE invoices ADD COLUMN type text;\n",
            "ALTER TABLE invoices ALTER price DROP NOT NULL;\n",
            "-- later: drop table carts;\n    CREATE TABLE baskets (id int);\n",
        )
    ),
    # Of the pods that Flagger makes.
    Change(
        "flagger.yaml",
        (
            "    matchLabels:\n      app: search\n---\n",
            "    matchLabels:\n      app: search-primary\n---\n",
        ),
    ),
    Change(
        "web.yaml", ("            path: /ready\n", "            path: /schema-registry/subjects\n")
    ),
    Change(
        "blue-green.yaml",
        ("exec: {command: [/bin/ready]}", "exec: {command: [test, -f, /tmp/migrations-done]}"),
    ),
    Change(
        "blue-green.yaml",
        ("exec: {command: [/bin/ready]}", "exec: {command: [test, -f, /var/run/schema]}"),
    ),
    Change("release.yaml", ('[alembic, upgrade, "12"]', "[psql, -c, select 1]")),
]
