"""What is bad in pods: their probes and their end."""

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
            "        livenessProbe:  # ! probes-identical\n"
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
        "blue-green.yaml",
        (
            "exec: {command: [/bin/ready]}",
            "exec: {command: [curl, 'http://127.0.0.1/schema']}  # ! readiness-asks-for-schema",
        ),
    ),
    Change(
        "web.yaml",
        (
            "            path: /ready\n",
            "            path: /health/migrations  # ! readiness-asks-for-schema\n",
        ),
    ),
    Change(
        "web.yaml",
        (
            "            path: /ready\n",
            "            path: /ready?deep=1&schema=head  # ! readiness-asks-for-schema\n",
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
