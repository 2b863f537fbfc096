"""How much may be in an input of some length."""

import pytest

from drainproxy.kube.batch import BatchResult, inject_all, uninject_all
from drainproxy.kube.density import Effort, Room, TooMuch
from drainproxy.manifests.documents import parse
from tests.kube.pods import options

POD = (
    "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}\n"
)
USUAL = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: web:1
        ports:
        - containerPort: 80
        imagePullPolicy: IfNotPresent
        args: ["--port=80", "--log-level=info"]
        env:
        - name: DATABASE
          value: "postgres://shop@db:5432/shop"
        readinessProbe:
          httpGet:
            path: /healthz
            port: 80
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
---
"""


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs that are short may hold a tenth of what they may."""
    monkeypatch.setattr("drainproxy.kube.density.LEAST", 100_000)


def problem(done: BatchResult) -> str:
    """Of the only line that there is."""
    (line,) = done.lines
    assert line.outcome == "error"
    assert not done.text
    return "; ".join(line.problems)


def test_more_objects_than_manifests_of_that_length_have_are_refused_unread() -> None:
    dense = "---\n".join([POD] * 1667)

    for done in (inject_all({"x.yaml": dense}, options()), uninject_all({"x.yaml": dense})):
        assert "more objects than an input of its length" in problem(done)
        assert (done.lines[0].line, done.lines[0].document) == (3333, 1667)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: PodList\nitems:\n" + "- {}\n" * 167,
        "---\n".join(["kind: Service\n"] * 1251),
        "kind: List\nitems:\n" + "- kind: a\n" * 2501,
        "---\n".join([POD.replace("{name: a,", "{name: a}, " * 490 + "{name: a,")] * 6),
    ],
)
@pytest.mark.usefixtures("tenth")
def test_so_are_those_of_lists_and_of_other_kinds(text: str) -> None:
    assert "more objects than an input of its length" in problem(
        inject_all({"x.yaml": text}, options())
    )


_PORTS = ", ".join(f"{{containerPort: {at}, name: p{at}}}" for at in range(8000, 8010))
_TARGETS = ", ".join(f"{{name: s{at}, port: {at}}}" for at in range(8000, 8010))


@pytest.mark.usefixtures("tenth")
def test_pods_of_ten_ports_take_the_room_of_two() -> None:
    """With as many ports of Services before them they take the time of two."""
    pod = POD.replace("image: a", f"image: a, ports: [{_PORTS}]")
    spec = f"{{ports: [{_TARGETS}]}}"
    front = f"{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {spec}}}\n"
    dense = "---\n".join([pod, front] * 140)

    assert len(dense) > 100_000
    told = problem(inject_all({"x.yaml": dense}, options()))
    assert "and fewer with many containers or ports" in told


def test_pods_of_ten_ports_that_people_write_fit() -> None:
    ports = "".join(
        f"        - containerPort: {at}\n          name: p{at}\n" for at in range(8000, 8010)
    )
    targets = "".join(f"  - name: p{at}\n    port: {at}\n" for at in range(8000, 8010))
    text = USUAL.replace("        - containerPort: 80\n", ports).replace("  - port: 80\n", targets)
    room = Room([text * 5000])
    bodies = [each.data for each in parse(text) if each.data]

    assert not any(room.take(body) for _ in range(5000) for body in bodies)


@pytest.mark.usefixtures("tenth")
def test_many_files_count_as_one_input() -> None:
    done = inject_all({f"{at}.yaml": POD for at in range(167)}, options())

    assert "more objects than an input of its length" in problem(done)
    assert done.lines[0].file == "166.yaml"


@pytest.mark.parametrize("as_files", [True, False])
def test_values_are_counted_in_the_whole_input_and_not_in_each_part(as_files: bool) -> None:
    """Each by itself may hold as many, since it is short."""
    part = f"{POD.rstrip()[:-1]}, x: [{'a,' * 5000}]}}\n"
    assert not inject_all({"x.yaml": part}, options()).failed
    texts = {f"{at}.yaml": part for at in range(5)}
    if not as_files:
        texts = {"x.yaml": "---\n".join(texts.values())}

    done = inject_all(texts, options())
    line = next(each for each in done.lines if each.outcome == "error")
    assert "more values than any manifest of its length" in "; ".join(line.problems)


def test_those_that_people_write_fit_however_many_there_are() -> None:
    room = Room([USUAL * 5000])
    bodies = [each.data for each in parse(USUAL) if each.data]

    assert len(bodies) == 2
    assert not any(room.take(body) for _ in range(5000) for body in bodies)


def test_whatever_is_short_may_hold_a_thousand_with_services() -> None:
    room = Room([""])
    bodies = [each.data for each in parse(USUAL) if each.data]

    assert not any(room.take(body) for _ in range(1400) for body in bodies)


def test_hundreds_behind_dozens_of_services_are_done_however_short_they_are() -> None:
    text = "".join(map(_POD.format, range(300))) + "".join(map(_SERVICE.format, range(40)))

    assert len(text) < 60_000
    assert not inject_all({"x.yaml": text}, options()).failed


def test_what_is_to_be_compared_is_bounded_by_the_length_and_a_first_lot() -> None:
    effort = Effort(2_000_000)
    effort.spend(2_000_000, "too many are behind", "Service web")

    with pytest.raises(TooMuch, match="too many are behind Service web, more than"):
        effort.spend(1, "too many are behind", "Service web")
    Effort().spend(1_000_000, "", "")


_POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: p{0}, labels: {{app: x, at: y{0}}}}}
spec: {{containers: [{{name: a, image: b, ports: [{{containerPort: 80, name: http}}]}}]}}
---
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: s{0}}}
spec: {{selector: {{app: x}}, ports: [{{port: 80}}]}}
---
"""
_WIDE = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: n{0}}}
spec:
  podSelector: {{matchExpressions: [{{key: at, operator: NotIn, values: [VALUES]}}]}}
  ingress: [{{ports: [{{port: 80}}]}}]
---
""".replace("VALUES", ", ".join(f"v{at}" for at in range(200)))


def test_too_many_behind_too_many_services_are_named() -> None:
    text = "".join(map(_POD.format, range(700))) + "".join(map(_SERVICE.format, range(50)))
    done = inject_all({"x.yaml": text}, options())

    assert done.lines[0].object.startswith("pod/p")
    assert "inject it in parts" in problem(done)


def test_a_service_of_thousands_of_ports_before_many_pods_is_too_much() -> None:
    ports = ", ".join(f"{{name: p{at}, port: {at}}}" for at in range(1, 3001))
    text = "".join(map(_POD.format, range(100)))
    text += _SERVICE.format(0).replace("{port: 80}", ports)

    assert "behind Service s0, more than" in problem(inject_all({"x.yaml": text}, options()))


def test_too_many_policies_over_too_many_pods_are_named() -> None:
    text = "".join(map(_POD.format, range(30))) + "".join(map(_WIDE.format, range(60)))
    done = inject_all({"x.yaml": text}, options())

    (line,) = (each for each in done.lines if each.outcome == "error")
    assert line.object.startswith("networkpolicy.networking.k8s.io/n")
    assert "too many pods are to be compared with NetworkPolicy n" in line.problems[0]


def test_too_many_policies_that_are_changed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drainproxy.kube.density.LEAST", 2200)
    narrow = _WIDE[: _WIDE.index("matchExpressions")] + "matchLabels: {{app: web}}}}\n"
    narrow += "  ingress: [{{ports: [{{port: 80}}]}}]\n---\n"

    few = inject_all({"x.yaml": USUAL + "".join(map(narrow.format, range(2)))}, options())
    assert not few.failed
    many = inject_all({"x.yaml": USUAL + "".join(map(narrow.format, range(9)))}, options())
    (line,) = (each for each in many.lines if each.outcome == "error")
    assert "too many Services and policies are to be changed, as networkpolicy" in line.problems[0]
    assert "inject it in parts" in line.problems[0]
