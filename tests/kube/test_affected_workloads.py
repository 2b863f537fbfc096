"""What a policy is about is found without a look at all workloads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drainproxy.kube.affected_workloads import AffectedWorkloads, Behind
from drainproxy.kube.capture import Capture, Mode
from drainproxy.kube.density import Effort, TooMuch
from drainproxy.kube.ports import PortTakeover
from drainproxy.kube.service_edits import move
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.policies import NetworkPolicy, PolicyPod, policies
from tests.cases import dear

_LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=2)
_SPACES = st.sampled_from(["", "a"])


def policy(namespace: str = "", **spec: object) -> NetworkPolicy:
    metadata = {"name": "front", "namespace": namespace}
    body = {"kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    (found,) = policies([{"apiVersion": "networking.k8s.io/v1", **body}])
    return found


def behind(namespace: str, labels: dict[str, str], port: int = 80, name: str = "h") -> Behind:
    taken = PortTakeover(port, 9000 + port, name=name)
    capture = Capture(mode="names", reason="", ports=[taken])
    return Behind(PolicyPod(namespace, labels), capture)


@st.composite
def _selectors(draw: st.DrawFn) -> Json:
    key, operator = draw(st.sampled_from("abc")), draw(st.sampled_from(["Exists", "DoesNotExist"]))
    expressions = [[], [{"key": key, "operator": operator}]]
    return {"matchLabels": draw(_LABELS), "matchExpressions": draw(st.sampled_from(expressions))}


@st.composite
def _policies(draw: st.DrawFn) -> NetworkPolicy:
    ports = st.lists(
        st.sampled_from([{"port": 80}, {"port": "h"}, {"port": 79, "endPort": 81}, {}]), max_size=2
    )
    spaces = st.sampled_from([Json(), {"namespaceSelector": {}}])
    peers = st.lists(
        st.builds(lambda pod, space: {"podSelector": pod, **space}, _selectors(), spaces),
        max_size=2,
    )
    ingress = st.lists(st.builds(lambda ports: {"ports": ports}, ports), max_size=2)
    egress = st.lists(
        st.builds(lambda ports, to: {"ports": ports, "to": to}, ports, peers), max_size=2
    )
    return policy(
        draw(_SPACES), podSelector=draw(_selectors()), ingress=draw(ingress), egress=draw(egress)
    )


@dear
@given(
    views=st.lists(_policies(), max_size=3),
    workloads=st.lists(
        st.builds(behind, _SPACES, _LABELS, st.integers(79, 82), st.sampled_from("hi")), max_size=6
    ),
)
def test_what_it_must_allow_is_what_a_look_at_all_would_find(
    views: list[NetworkPolicy], workloads: list[Behind]
) -> None:
    concerned = AffectedWorkloads(workloads, views, Effort())

    for view in views:
        moves = [(each.place, move(each.capture.ports[0])) for each in workloads if each.capture]
        paths = {(path, one.listen) for each, one in moves for path in view.too_narrow(each, one)}
        found = [(each, one) for _, each, one in concerned.moves(view)]
        assert paths == {
            (path, one.listen) for each, one in found for path in view.too_narrow(each, one)
        }


def _at(listen: int, each: Behind, mode: Mode) -> Behind:
    assert each.capture
    (taken,) = each.capture.ports
    capture = replace(each.capture, mode=mode, ports=[replace(taken, listen=listen)])
    return replace(each, capture=capture, title=str(taken.port))


@dear
@given(
    views=st.lists(_policies(), max_size=3),
    workloads=st.lists(
        st.builds(
            _at,
            st.sampled_from([9181, 9182]),
            st.builds(behind, _SPACES, _LABELS, st.integers(79, 82), st.sampled_from("hi")),
            st.sampled_from(["names", "redirect"]),
        ),
        max_size=6,
    ),
)
def test_what_it_opens_besides_is_what_a_look_at_all_would_find(
    views: list[NetworkPolicy], workloads: list[Behind]
) -> None:
    concerned = AffectedWorkloads(workloads, views, Effort())

    for view in views:
        moves = concerned.moves(view)
        added = {(p, one.listen) for _, at, one in moves for p in view.too_narrow(at, one)}
        expected = set()
        for each in workloads:
            assert each.capture
            one = move(each.capture.ports[0])
            paths = [path for path, listen in added if listen == one.listen]
            if view.opens(each.place, one, paths):
                expected.add(f"port {one.port} of {one.port}")
        opened = {text.partition(" and ")[0] for text in concerned.opened(view, moves)}
        assert opened == expected


def test_pods_that_no_selector_tells_apart_are_looked_at_once() -> None:
    everything = [policy(podSelector={}, ingress=[{"ports": [{"port": 80}]}])] * 1000
    pods = [behind("", {"app": f"a{at}"}) for at in range(1000)]
    concerned = AffectedWorkloads(pods, everything, Effort())

    assert [len(concerned.moves(each)) for each in everything] == [1] * 1000


def test_many_policies_over_many_pods_are_too_much() -> None:
    exists = {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
    view = policy(podSelector=exists, ingress=[{"ports": [{"port": 80}]}])
    concerned = AffectedWorkloads(
        [behind("", {"app": f"a{at}"}) for at in range(100)], [view], Effort(10_000)
    )

    with pytest.raises(TooMuch, match="too many pods are to be compared with NetworkPolicy front"):
        [*map(concerned.moves, [view] * 100)]
