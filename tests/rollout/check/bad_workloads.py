"""What is bad in workloads: strategy, capacity, budgets, images."""

from .changes import Change

ROLLING = """\
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
"""

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
            "        whenUnsatisfiable: ScheduleAnyway\n"
            "        labelSelector: {matchLabels: {app: search}}\n",
            "",
        ),
        ("    spec:\n      containers", "    spec:  # ! spread-missing\n      containers"),
    ),
    Change(
        "flagger.yaml",
        (
            "        labelSelector: {matchLabels: {app: search}}\n",
            "        labelSelector: {matchLabels: {app: find}}  # ! spread-missing\n",
        ),
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
