"""Manifests written as people rarely write them, each of them right."""

_DEPLOYMENT = """\
# Licence
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }   # one line
spec:
    selector:   {matchLabels: {app: web}}
    template:
        metadata:
            labels: {app: web}
        spec:
            # what runs
            containers:
              # the app
              - name: web
                image: web:1   # pinned
                ports:
                  # for clients
                  - { name: "http", containerPort: 8080 }
                readinessProbe: {httpGet: {path: /, port: http}}
            # above the key that follows
            restartPolicy: Always
            # at the end
"""

_ANCHORS = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations: {drainproxy.io/admin-token: "abc"}
spec:
  containers:
  - name: web
    image: &image app:1
    lifecycle: &hooks
      postStart: {httpGet: {path: /, port: http}}
    ports: [{name: &port http, containerPort: 8080}]
    readinessProbe: &probe
      tcpSocket:
        port: *port # the same
    livenessProbe: *probe
  - name: helper
    image: *image
    lifecycle: *hooks # shared
"""

_DIFFERENT = """\
apiVersion: v1
kind: Pod
metadata: &none
spec:
  containers:
  - &first
    name: web
    image: app:1
    lifecycle: &empty {}
    ports:
    - &web {name: http, containerPort: 8080}
  - name: own
    image: app:1
    lifecycle: *empty
    readinessProbe: {tcpSocket: {port: 80}}
  - name: last
    image: app:1
    lifecycle:   *empty  # nothing yet
    ports: [{name: dns, containerPort: 53, protocol: UDP}]
  volumes: *none
  initContainers: *none
"""

_MERGES = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: settings}
  data: &data
    a: "1"
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: one}
  spec:
    template: &template
      metadata: &metadata
        labels: &labels {app: web}
      spec:
        containers:
        - &container
          name: web
          image: web:1
          lifecycle: {postStart: {httpGet: {port: http}}}
          ports:
          - name: http
            containerPort: 8080
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: two}
  spec:
    template:
      metadata: {labels: {<<: *labels, tier: front}}
      spec:
        containers:
        - <<: *container
          image: web:2
        - <<: [*container, *metadata]
          name: other
          ports: []
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: three}
  spec:
    template: *template
"""

_NULLS = """\
apiVersion: v1
kind: Pod
metadata:
  annotations: ~   # none
  labels:
spec:
  terminationGracePeriodSeconds: null
  initContainers: [
    # none
  ]
  containers:
  -   name: !!str web
      image: 'web:1'
      lifecycle: !!null ''
      ports:
      -   containerPort: 0x1F90
          name: !!str "http"
      readinessProbe:
          tcpSocket:
              port:
                http
  volumes: [ ]# a comment that touches


"""

_SCALARS = """\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    text: |+
      as it is

    folded: >-
      in
      lines

spec:
  terminationGracePeriodSeconds: 0o36
  hostname: on-call
  hostNetwork: off
  containers:
  - image: web:1
    name: >
      web
    env:
    - {name: AT, value: 12:30}
    - {name: MODE, value: "0644"}
    - name: SCRIPT
      value: |
        # no comment
        --- no marker
    args:
    - -c
    - "a
      b"
    ports:
    - containerPort: 8_080
      name: "h\\x74tp"
"""

_SCRIPT = """\
apiVersion: v1
kind: Pod
metadata: {annotations: {drainproxy.io/native-sidecar: "false"}}
spec:
  volumes: []
  containers:
  - name: web
    ports: [{name: http, containerPort: 8080}]
    args:
    - |+2
        exec web
          --all"""

_LIST = """\
---
---
# Source: chart/templates/empty.yaml
---
# Source: chart/templates/list.yaml
apiVersion: v1
kind: PodList
items:
  -
    apiVersion: v1
    kind: Pod
    spec:
      containers:
        -
          # the only one
          name: web
          ports:
            -
              containerPort: 8080
              name: http
...
---
"""

_COMPACT = (
    '{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{}},"spec":{"containers":'
    '[{"name":"web","lifecycle":null,"ports":[{"name":"ht\\u0074p","containerPort":8080}]}]}}'
)
_PRETTY = """\
{
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": { },
    "spec": {
        "volumes": [
        ],
        "containers": [
            {
                "name": "web", "image": "a\\/b:\\ud83d\\ude00",
                "lifecycle" : {},
                "ports": [ { "containerPort": 8080, "name": "http" } ]
            }
        ]
    }
}
"""
_FLOW = """\
{apiVersion: v1, kind: Pod, metadata: {annotations: , labels: { }},
 spec: {containers: [
   {name: web, ports: [{name: http, containerPort: 8080}, ], }, # the app
 ], volumes: [], }, }
"""
_WITHOUT_VALUES = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {reloader/auto: }}
spec:
  template:
    metadata:
      labels: {app: web, tier: }
      annotations:
        checksum/config:
    spec:
      containers:
      - {name: web, image: web, ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {a: }}
spec:
  selector: {app: web, tier: ~}
  ports: [{port: 80, targetPort: 8080, name: }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, annotations: }
spec:
  podSelector:
  ingress:
  -
  - ports:
    - port: 8080
"""
_EMPTY_AT_THE_END = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: }
spec: {containers: [
  {name: web, ports: [{containerPort: 8080, name: http, protocol: }], image: web, command: },
  {name: own, image: web, args: # none
  }], nodeSelector:
 }
"""
_TABS = (
    '{"apiVersion": "v1",\n\t"kind": "Pod",\n\t"spec": {\n\t\t"containers": [{\n\t\t\t"name": '
    '"web",\n\t\t\t"ports": [{"name": "http", "containerPort": 8080}]\n\t\t}]\n\t}\n}'
)
_POD = """\
apiVersion: v1
kind: Pod
spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
"""

# kubectl sends 8080 and 1000.
_NUMBERS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1e3
  containers:
  - name: web
    ports:
    - containerPort: 8080.0
    livenessProbe:
      periodSeconds: 5.0
      tcpSocket: {port: 8080.0}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - port: 80.0
    targetPort: 8080.0
"""
_NUMBERS_IN_JSON = (
    '{"apiVersion": "v1", "kind": "List", "items": ['
    '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},'
    ' "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 8080.0}]}]}},'
    '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},'
    ' "spec": {"selector": {"app": "web"}, "ports": [{"port": 8e1, "targetPort": 8080.0}]}}]}'
)

UNUSUAL = {
    "a deployment": _DEPLOYMENT,
    "no line feed at the end": _DEPLOYMENT.rstrip() + " # end",
    "line ends of Windows": _DEPLOYMENT.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + _DEPLOYMENT,
    "byte order marks of files that were joined": f"\ufeff{_DEPLOYMENT}---\n\ufeff{_POD}"
    f"---\r\n\ufeff{_COMPACT}\n%YAML 1.1\n--- # last\n\ufeff{_POD}",
    "a directive": "%YAML 1.1\n---\n" + _DEPLOYMENT + "...\n",
    "anchors": _ANCHORS,
    "anchors whose places part": _DIFFERENT,
    "merge keys": _MERGES,
    "nulls": _NULLS,
    "nulls without a line feed at the end": _NULLS.rstrip(),
    "a key without a colon at the end": _POD + "? unset",
    "a key without a colon before others": _POD + "? unset # not set\nmetadata: {name: a}\n",
    "a key with a colon of its own line": _POD + "? unset\n: \n",
    "an empty key at the end": _POD + "? ",
    "scalars": _SCALARS,
    "integers with a point": _NUMBERS,
    "integers with a point in JSON": _NUMBERS_IN_JSON,
    "a script without a line feed at the end": _SCRIPT,
    "documents without anything": _LIST,
    "maps whose values are empty": _WITHOUT_VALUES,
    "compact JSON": _COMPACT,
    "pretty JSON": _PRETTY,
    "JSON with tabs": _TABS,
    "JSON in a row": f"{_COMPACT}\n{_COMPACT}{_PRETTY}",
    "an empty document that is closed": "---\n...\n---\n" + _POD,
    "a document without a marker behind a closed one": "---\n... # end\n" + _POD,
    "flow style": _FLOW,
    "flow style with empty values at the end": _EMPTY_AT_THE_END,
}
