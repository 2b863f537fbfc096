"""What manifests may cost: ordinary ones little, hostile ones no more than their length."""

import json
import sys
import tracemalloc
from itertools import pairwise
from time import process_time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.kube.batch import inject_all, uninject_all
from tests.cases import some
from tests.kube.pods import options
from tests.kube.unusual import UNUSUAL

MEGABYTE = 1 << 20
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: web
    ports: [{name: http, containerPort: 8080}]
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{0}, labels: {{app: web}}}}
spec:
  replicas: 3
  selector:
    matchLabels: {{app: web-{0}}}
  template:
    metadata:
      labels: {{app: web-{0}}}
    spec:
      containers:
      - name: web # the app
        image: web:1
        env:
        - name: A
          value: "b"
        ports:
        - name: http
          containerPort: 8080
        readinessProbe:
          httpGet:
            path: /
            port: http
        resources:
          requests:
            cpu: 100m
            memory: 64Mi
---
apiVersion: v1
kind: Service
metadata:
  name: web-{0}
spec:
  selector:
    app: web-{0}
  ports:
  - name: http
    port: 80
    targetPort: http
---
"""
DENSE = (
    "{apiVersion: v1, kind: Pod, metadata: {name: a1}, spec: {containers: [{name: a, image: a}]}}\n"
)
PORTS = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: web
    ports:
""" + "".join(f"    - {{containerPort: {at}, name: p{at}}}\n" for at in range(1, 100))
_LETTERS = "abcdefghi"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in pairwise(_LETTERS)
)

HOSTILE = {
    "a bomb of aliases": POD + BOMB,
    "a bomb of merge keys": POD
    + "x: &x {"
    + ", ".join(f"k{at}: 1" for at in range(1000))
    + "}\ny:\n"
    + "- {<<: *x}\n" * 50_000,
    "merge keys of little": POD + "x: &x {a: 1}\ny:\n" + "- {<<: *x}\n" * 90_000,
    "aliases of little": POD + "x: &x a\ny: [" + "*x," * (MEGABYTE // 3) + "]\n",
    "pods": f"{DENSE}---\n" * (MEGABYTE // 110),
    "pods in a list": "apiVersion: v1\nkind: PodList\nitems:\n" + "- {}\n" * (MEGABYTE // 5),
    "pods of many ports": "---\n".join([PORTS] * 250),
    "documents": "--- a\n" * (MEGABYTE // 6),
    "empty documents": "---\n" * (MEGABYTE // 4),
    "documents of many values": f"{POD}x: [{'a,' * 20_000}]\n---\n" * (MEGABYTE // 40_000),
    "small objects": "kind: A\nmetadata: {name: abcdefghi}\n---\n" * (MEGABYTE // 42),
    "Services": "kind: Service\nspec: {ports: [{port: 80}]}\n---\n" * (MEGABYTE // 46),
    "directives": "%\n" * (MEGABYTE // 2),
    "brackets": "[" * MEGABYTE,
    "values in YAML": POD + "x: [" + "a," * (MEGABYTE // 2) + "]\n",
    "anchors": POD + "x:\n" + "- &a a\n" * (MEGABYTE // 7),
    "texts of one line": POD + "x:\n" + "- |\n  a\n" * (MEGABYTE // 8),
    "values in JSON": '{"a": [' + "1," * (MEGABYTE // 2) + "1]}",
    "half of a JSON document": '{"a": [' + "1," * (MEGABYTE // 2),
    "maps in JSON": '{"a":' * (MEGABYTE // 5),
    "containers": POD + "".join(f"  - name: c{at}\n" for at in range(70_000)),
    "a text": POD + "x: " + "a" * MEGABYTE,
    "a number": POD + "x: " + "9" * MEGABYTE,
    "blanks": "\n" * MEGABYTE + "a",
    "comments": POD + "#\n" * (MEGABYTE // 2),
    "a block": POD + "x: |+\n" + "\n" * MEGABYTE,
    "pointers": POD.replace(
        "{name: a}",
        '{annotations: {drainproxy.io/status: \'{"version": "1", "added": ['
        + ",".join(['"/spec/containers/name=web/x"'] * 30_000)
        + "]}'}}",
    ),
}


_ONE = """\
apiVersion: v1
kind: Pod
metadata: {{name: p{0}, labels: {{app: x}}}}
spec: {{containers: [{{name: a, image: b, ports: [{{containerPort: 80, name: http}}]}}]}}
---
"""
_BEHIND = """\
apiVersion: v1
kind: Service
metadata: {{name: s{0}}}
spec: {{selector: {{app: x}}, ports: [{{port: 80}}]}}
---
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: n{0}}}
spec: {{podSelector: {{}}, ingress: [{{ports: [{{port: 80}}]}}]}}
---
"""
# Each is behind the Service of the one before, and the first is redirected.
_LINK = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: w{0}}}
spec:
  template:
    metadata:
      labels: {{a{0}: x, a{1}: x}}
      annotations: {{drainproxy.io/capture: {2}}}
    spec: {{containers: [{{name: a, image: b, ports: [{{containerPort: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: s{0}}}
spec: {{selector: {{a{0}: x}}, ports: [{{port: 80}}]}}
---
"""
TOGETHER = {
    "many behind many Services": (_ONE + _BEHIND, 30_000),
    "many under many policies": (_ONE + _POLICY, 30_000),
    "a chain of refusals": (_LINK, 50_000),
}


@pytest.mark.parametrize("name", some(TOGETHER, of=2))
def test_what_is_weighed_together_grows_with_the_input_and_not_with_its_square(name: str) -> None:
    pattern, size = TOGETHER[name]

    def made(count: int) -> str:
        of = ("redirect", *["auto"] * count)
        return "".join(pattern.format(at, at + 1, of[at]) for at in range(count))

    text = made(size // len(pattern))
    before = process_time()
    done = inject_all({"x.yaml": text}, options())

    assert process_time() - before < 1.5
    assert not done.failed
    assert len(done.report.text()) < 2 * len(text)


# With a label and a port of its own, and what leads to it alone or to all.
_OTHER = """\
apiVersion: v1
kind: Pod
metadata: {{name: p{0}, labels: {{of: shop, app: x{0}}}}}
spec: {{containers: [{{name: a, image: b, ports: [{{containerPort: {1}, name: http}}]}}]}}
---
"""
_ITS_OWN = _BEHIND.replace("{{app: x}}", "{{of: shop, app: x{0}}}").replace("80", "{1}")
LINEAR = {
    "pods": _OTHER,
    "pods of one Deployment": _ONE,
    "behind Services of their own": _OTHER + _ITS_OWN,
    "under policies for all": _OTHER + _POLICY,
    "under policies of their own": _OTHER
    + _POLICY.replace("{{}}", "{{matchLabels: {{of: shop, app: x{0}}}}}").replace("80", "{1}"),
    "alike under policies that name labels": _ONE
    + _POLICY.replace("{{}}", "{{matchLabels: {{app: x}}}}"),
    "in a list": _ONE,
    "in a list of JSON": _ONE,
}


def calls(text: str) -> int:
    """How many functions are called to inject it: the same on every machine."""
    count = 0

    def counted(_frame: object, event: str, _what: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        done = inject_all({"x.yaml": text}, options())
    finally:
        sys.setprofile(None)
    assert not done.failed
    return count


@pytest.mark.parametrize("name", some(LINEAR, of=4))
def test_twice_as_much_takes_twice_as_long(name: str) -> None:
    def made(count: int) -> str:
        text = "".join(LINEAR[name].format(at, 8000 + at) for at in range(count))
        if "list" in name:
            whole = {"apiVersion": "v1", "kind": "List", "items": [*yaml.safe_load_all(text)][:-1]}
            return json.dumps(whole) if "JSON" in name else yaml.safe_dump(whole)
        return text

    calls(made(1))
    assert calls(made(50)) < 2.2 * calls(made(25))


def cost(text: str) -> float:
    """The seconds of CPU that it takes, injected or refused."""
    before = process_time()
    inject_all({"x.yaml": text}, options())
    return process_time() - before


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_takes_a_second_at_the_most(name: str) -> None:
    # Work beside it makes the same instructions slower: the least of five is what it takes.
    assert any(cost(HOSTILE[name]) < 1 for _ in range(5))


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(
    "name",
    ["a bomb of aliases", "values in YAML", "containers", "blanks", "pods", "pods in a list"],
)
def test_a_megabyte_takes_a_hundred_at_the_most(name: str) -> None:
    tracemalloc.start()
    try:
        cost(HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] < 100 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.slow  # that twice as much takes twice as long is asked each time
@pytest.mark.alone
def test_a_hundred_thousand_lines_take_less_than_four_seconds() -> None:
    count = 100_000 // DEPLOYMENT.count("\n")
    text = "".join(DEPLOYMENT.format(at) for at in range(count))
    before = process_time()
    done = inject_all({"x.yaml": text}, options())

    assert process_time() - before < 4
    assert done.text.count("name: drainproxy\n") == 2 * count


@pytest.mark.slow
@pytest.mark.alone
def test_a_thousand_files_take_less_than_ten_seconds() -> None:
    texts = {f"{at}.yaml": DEPLOYMENT.format(at) for at in range(1000)}
    before = process_time()
    done = inject_all(texts, options())

    assert process_time() - before < 5
    assert uninject_all({"x.yaml": done.text}).text == "".join(texts.values())


@st.composite
def _broken(draw: st.DrawFn) -> str:
    """A manifest of which pieces are missing, doubled or replaced."""
    text = draw(st.sampled_from([*UNUSUAL.values(), POD, DEPLOYMENT.format(1)]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 12))
        piece = draw(st.sampled_from(_PIECES) | st.just(text[start:end] * 2) | st.text(max_size=3))
        text = text[:start] + piece + text[end:]
    return text


_PIECES = (
    *("", " ", "\n", "\t", "\r", "\x85", "\u2028", "\ufeff", "\0", "- ", ": ", "#", ",", "|", ">"),
    *("[", "]", "{", "}", "'", '"', "&a ", "*a", "<<: ", "? ", "!!str ", "---\n", "...\n", "~"),
    *("\nspec: x\n", "volumes: x", "[null]", "name: web\n", "1e999", "0x", "\\ud800", "%"),
)


@given(text=_broken())
def test_no_text_ends_in_a_traceback(text: str) -> None:
    done = inject_all({"x.yaml": text}, options())

    assert done.failed or uninject_all({"x.yaml": done.text}).text == text
