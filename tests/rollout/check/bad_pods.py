"""What is bad in a workload and its pods: probes, the end, strategy, capacity, images."""

from .changes import Change

READY = """\
        readinessProbe:
          httpGet:
            path: /ready
            port: http
          periodSeconds: 5
"""
LIVE = """\
        livenessProbe:
          httpGet:
            path: /livez
            port: http
"""
STARTUP = """\
        startupProbe:
          httpGet:
            path: /livez
            port: http
          periodSeconds: 5
          failureThreshold: 24
"""
SLEEP = """\
        lifecycle:
          preStop:
            sleep:
              seconds: 10
"""
EDGE_LIVE = """\
        livenessProbe:
          httpGet:
            path: /healthz
            port: 10254
          failureThreshold: 5
"""
ROLLING = """\
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
"""

PROBES = [
    Change(
        "web.yaml",
        (READY, ""),
        ("      - name: web\n", "      - name: web  # ! readiness-probe-missing\n"),
    ),
    Change(
        "edge.yaml",
        (EDGE_LIVE, ""),
        ("      - name: edge\n", "      - name: edge  # ! liveness-probe-missing\n"),
    ),
    Change(
        "blue-green.yaml",
        ("        readinessProbe:\n          exec: {command: [/bin/ready]}\n", ""),
        ("        livenessProbe:\n          exec: {command: [/bin/alive]}\n", ""),
        (
            "      - name: login\n",
            "      - name: login  # ! readiness-probe-missing liveness-probe-missing\n",
        ),
    ),
    Change(
        "database.yaml",
        (
            "        livenessProbe:\n          <<: *asks\n          failureThreshold: 12\n",
            "        livenessProbe: *asks  # ! probes-identical\n",
        ),
    ),
    Change(
        "edge.yaml",
        (
            EDGE_LIVE,
            EDGE_LIVE.replace(":\n", ":  # ! probes-identical\n", 1).replace("old: 5", "old: 1"),
        ),
    ),
    Change("web.yaml", (READY, READY.replace("port: http", "port: htpp  # ! probe-port-unknown"))),
    Change(
        "injected.yaml",
        (
            "{path: /livez, port: app-http}",
            "{path: /livez, port: http}  # ! probe-port-unknown",
        ),
    ),
    Change(
        "web.yaml",
        (STARTUP, ""),
        (LIVE, LIVE + "          initialDelaySeconds: 45  # ! startup-budget-missing\n"),
    ),
    Change(
        "database.yaml",
        (
            "          periodSeconds: 5\n",
            "          periodSeconds: 5\n"
            "          initialDelaySeconds: 300  # ! startup-budget-missing\n",
        ),
    ),
    Change(
        "switched.yaml",
        (
            "        livenessProbe:\n          tcpSocket: {port: websocket}\n",
            "        livenessProbe:  # ! liveness-kills-drain\n"
            "          httpGet: {path: /ready, port: websocket}\n"
            "          failureThreshold: 4\n",
        ),
    ),
    Change(
        "injected.yaml",
        (
            "        livenessProbe:\n          httpGet: {path: /livez, port: app-http}\n",
            "        livenessProbe:  # ! liveness-kills-drain\n"
            "          httpGet: {path: /livez, port: 9181}\n"
            "          periodSeconds: 5\n",
        ),
    ),
    Change(
        "switched.yaml",
        ("        drainproxy.io/drain-delay: 5s\n", "        drainproxy.io/capture: redirect\n"),
        ("        livenessProbe:\n", "        livenessProbe:  # ! liveness-kills-drain\n"),
    ),
    Change(
        "injected.yaml",
        (
            "        livenessProbe:\n          httpGet: {path: /livez, port: app-http}\n",
            "        livenessProbe:  # ! liveness-kills-drain\n"
            "          httpGet: {path: /readyz, port: 9180}\n"
            "          periodSeconds: 5\n",
        ),
    ),
    Change(
        "blue-green.yaml",
        (
            "        livenessProbe:\n          exec: {command: [/bin/alive]}\n",
            "        livenessProbe:  # ! liveness-kills-drain probes-identical\n"
            "          exec: {command: [/bin/ready]}\n          periodSeconds: 7\n",
        ),
    ),
    Change(
        "blue-green.yaml",
        (
            "exec: {command: [/bin/ready]}",
            "exec: {command: [python, manage.py, migrate, --check]}  # ! readiness-asks-for-schema",
        ),
    ),
    Change(
        "web.yaml",
        (
            "            path: /ready\n",
            "            path: /health/migrations  # ! readiness-asks-for-schema\n",
        ),
    ),
]

END = [
    Change(
        "web.yaml",
        ("PeriodSeconds: 40\n", "PeriodSeconds: 14  # ! grace-covers-drain\n"),
    ),
    Change(
        "switched.yaml",
        ("PeriodSeconds: 60\n", "PeriodSeconds: 50  # ! grace-covers-drain\n"),
    ),
    Change(
        "injected.yaml",
        ('"25s"', "26s"),
        ("    spec:\n      topology", "    spec:  # ! grace-covers-drain\n      topology"),
    ),
    Change(
        "blue-green.yaml",
        ("      terminationGracePeriodSeconds: 45\n", ""),
        ("    spec:\n      topology", "    spec:  # ! grace-covers-drain\n      topology"),
    ),
    # Its own sleep would be over before the drain is, and the app stopped in the middle of it.
    Change(
        "switched.yaml",
        ("PeriodSeconds: 60\n", "PeriodSeconds: 60  # ! grace-covers-drain\n"),
        (
            "        resources:\n",
            "        lifecycle: {preStop: {exec: {command: [sleep, 15s]}}}\n        resources:\n",
        ),
    ),
    # A native sidecar without a hook hears of the end when the app is gone, not before.
    Change(
        "injected.yaml",
        (
            "            httpGet: {path: /prestop, port: 9180}\n      initContainers:\n",
            "            sleep: {seconds: 25}\n      initContainers:\n",
        ),
        (
            "        lifecycle:\n          preStop:\n"
            "            httpGet: {path: /prestop, port: 9180}\n---\n",
            "---\n",
        ),
        ("    spec:\n      topology", "    spec:  # ! grace-covers-drain\n      topology"),
    ),
    Change(
        "edge.yaml",
        ("PeriodSeconds: 300\n", "PeriodSeconds: 2  # ! grace-covers-drain\n"),
    ),
    Change("switched.yaml", (" 5s\n", " 48s  # ! drain-delay-fills-drain\n")),
    Change(
        "web.yaml",
        (SLEEP, ""),
        ("      - name: web\n", "      - name: web  # ! prestop-missing-behind-service\n"),
    ),
    Change(
        "database.yaml",
        (
            "        lifecycle:\n          preStop:\n            exec:\n"
            "              command: [/bin/step-down]\n",
            "",
        ),
        ("      - name: store\n", "      - name: store  # ! prestop-missing-behind-service\n"),
    ),
    Change("switched.yaml", (" 20m\n", ' "0"  # ! connections-never-age\n')),
    Change("injected.yaml", ('"25s"', '"25"  # ! annotation-unreadable')),
    Change(
        "switched.yaml",
        (
            "  name: chat\nspec:\n  replicas",
            "  name: chat\n  annotations:\n"
            "    drainproxy.io/drain-spread: 5s  # ! annotation-unreadable\nspec:\n  replicas",
        ),
    ),
    # The namespace may be labelled elsewhere: who says how the sidecar is to be will have one.
    Change(
        "web.yaml",
        (
            '        drainproxy.io/schema-version: "7"\n',
            "        drainproxy.io/drain-timeout: 60s\n",
        ),
        ("PeriodSeconds: 40\n", "PeriodSeconds: 40  # ! grace-covers-drain\n"),
    ),
    Change(
        "switched.yaml",
        (
            "        drainproxy.io/drain-delay: 5s\n",
            "        drainproxy.io/drain-dely: 5s  # ! annotation-unreadable\n",
        ),
    ),
]

STRATEGY = [
    Change(
        "web.yaml",
        ("    type: RollingUpdate\n", "    type: Recreate  # ! strategy-recreate\n"),
        (ROLLING, ""),
    ),
    Change(
        "web.yaml",
        (
            ROLLING,
            "    rollingUpdate:\n      maxUnavailable: 0  # ! rollout-loses-capacity\n"
            "      maxSurge: 0  # ! surge-cannot-start\n",
        ),
    ),
    Change(
        "edge.yaml",
        ("maxUnavailable: 10%\n", "maxUnavailable: 0  # ! surge-cannot-start\n"),
    ),
    Change(
        "switched.yaml",
        ("maxUnavailable: 25%\n", "maxUnavailable: 50%  # ! rollout-loses-capacity\n"),
    ),
    Change(
        "web.yaml",
        ("maxUnavailable: 0\n", "maxUnavailable: 34%  # ! rollout-loses-capacity\n"),
    ),
    Change(
        "injected.yaml",
        (
            "  selector:\n    matchLabels:\n      app: orders\n  template",
            "  strategy:\n    rollingUpdate:\n      maxUnavailable: 2  # ! rollout-loses-capacity\n"
            "  selector:\n    matchLabels:\n      app: orders\n  template",
        ),
    ),
    # Without a router the weights are made of pods, and pods are taken away.
    Change(
        "canary.yaml",
        (
            "      trafficRouting:\n        plugins:\n          argoproj-labs/gatewayAPI:\n"
            "            httpRoute: prices\n",
            "      maxUnavailable: 50%  # ! rollout-loses-capacity\n",
        ),
        ("  maxUnavailable: 2\n", "  minAvailable: 4\n"),
    ),
    # A StatefulSet rounds up.
    Change(
        "database.yaml",
        (
            "  minReadySeconds: 10\n",
            "  minReadySeconds: 10\n  updateStrategy:\n    rollingUpdate:\n"
            "      maxUnavailable: 40%  # ! rollout-loses-capacity\n",
        ),
    ),
    Change("web.yaml", ("minReadySeconds: 10\n", "minReadySeconds: 0  # ! min-ready-zero\n")),
    Change(
        "database.yaml",
        ("  minReadySeconds: 10\n", ""),
        ("spec:\n  serviceName", "spec:  # ! min-ready-zero\n  serviceName"),
    ),
    Change(
        "web.yaml",
        ("DeadlineSeconds: 600\n", "DeadlineSeconds: 120  # ! deadline-before-ready\n"),
    ),
    Change(
        "web.yaml",
        ("  progressDeadlineSeconds: 600\n", ""),
        ("failureThreshold: 24", "failureThreshold: 150"),
        ("spec:\n  minReady", "spec:  # ! deadline-before-ready\n  minReady"),
    ),
    Change(
        "flagger.yaml",
        ("DeadlineSeconds: 120\n", "DeadlineSeconds: 600\n"),
        ("DeadlineSeconds: 180\n", "DeadlineSeconds: 30  # ! deadline-before-ready\n"),
        (
            "        livenessProbe:\n",
            "        startupProbe:\n          tcpSocket: {port: http}\n        livenessProbe:\n",
        ),
    ),
]

CAPACITY = [
    Change("web.yaml", ("minReplicas: 3\n", "minReplicas: 1  # ! single-replica\n")),
    Change(
        "web.yaml",
        (
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler",
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject",
        ),
        (
            "    apiVersion: apps/v1\n    kind: Deployment\n    name: web\n  minReplicas: 3\n",
            "    name: web\n  minReplicaCount: 1  # ! single-replica\n",
        ),
    ),
    # A port that no metrics are named after: somebody may connect to it.
    Change(
        "worker.yaml",
        (
            "  name: mailer\nspec:\n",
            "  name: mailer  # ! smoke-test-missing error-budget-unchecked\n"
            "spec:  # ! single-replica\n",
        ),
        ("Recreate\n", "Recreate  # ! strategy-recreate\n"),
        (
            "      - name: mailer\n",
            "      - name: mailer"
            "  # ! readiness-probe-missing liveness-probe-missing requests-missing\n",
        ),
        ("        - name: http-metrics\n", "        - name: http\n"),
    ),
    Change(
        "flagger.yaml",
        ("replicas: 2\n", "replicas: 1  # ! single-replica\n"),
        ("minAvailable: 1\n", "minAvailable: 1  # ! budget-blocks\n"),
    ),
    Change(
        "web.yaml",
        ("  minReady", "  replicas: 3  # ! replicas-fight-autoscaler\n  minReady"),
    ),
    Change(
        "flagger.yaml",
        (
            "      topologySpreadConstraints:\n      - maxSkew: 1\n"
            "        topologyKey: kubernetes.io/hostname\n"
            "        whenUnsatisfiable: ScheduleAnyway\n",
            "",
        ),
        ("    spec:\n      containers", "    spec:  # ! spread-missing\n      containers"),
    ),
    Change(
        "edge.yaml",
        ("            memory: 90Mi\n", ""),
        ("      - name: edge\n", "      - name: edge  # ! requests-missing\n"),
    ),
    Change(
        "canary.yaml",
        (
            "        resources:\n          requests:\n            cpu: 500m\n"
            "            memory: 512Mi\n",
            "",
        ),
        ("      - name: prices\n", "      - name: prices  # ! requests-missing\n"),
    ),
    Change(
        "database.yaml",
        (
            "minAvailable: 2\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: store\n",
            "minAvailable: 2\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: stor\n",
        ),
        ("  name: store\n  labels", "  name: store  # ! budget-missing\n  labels"),
    ),
    Change(
        "injected.yaml",
        ("minAvailable: 2\n", "minAvailable: 3  # ! budget-blocks\n"),
    ),
    # Rounded up: 67 % of three are three.
    Change(
        "database.yaml",
        ("minAvailable: 2\n", "minAvailable: 67%  # ! budget-blocks\n"),
    ),
    Change(
        "canary.yaml",
        ("maxUnavailable: 2\n", "maxUnavailable: 0  # ! budget-blocks\n"),
    ),
    Change(
        "switched.yaml",
        ("minAvailable: 75%\n", "minAvailable: 100%  # ! budget-blocks\n"),
        ("maxUnavailable: 25%\n", "maxUnavailable: 25%  # ! rollout-loses-capacity\n"),
    ),
]

IMAGES = [
    Change("edge.yaml", ("edge:1.11.3\n", "edge:latest  # ! image-tag-moves\n")),
    Change("canary.yaml", ("prices:7\n", "prices  # ! image-tag-moves\n")),
]
