"""Reviews that mean no good: each is answered or refused, in little time and memory."""

import asyncio
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.kube.admission import Seen, judge, parse
from drainproxy.kube.reviews import answering
from drainproxy.kube.webhook import LARGEST_REVIEW
from drainproxy.manifests.podspec import Json
from tests.cases import some
from tests.kube.pods import injected, options, pod, pods
from tests.kube.test_admission import response_to, review

# The figures, of which the seconds are of CPU. A constant share of memory is everybody's.
SECONDS = 1.0
MEMORY_PER_BYTE = 100
CONSTANT = 5 << 20
OURS = "drainproxy.io/"
# Much less than the largest, where each byte is followed.
SMALL = 1 << 16


def said(**annotations: str) -> Json:
    return pod(
        annotations={OURS + name.replace("_", "-"): text for name, text in annotations.items()}
    )


def spec(**fields: Any) -> Json:
    before = pod()
    before["spec"].update(fields)
    return before


def ports(count: int, **fields: Any) -> list[Json]:
    return [{"name": f"p{at}", "containerPort": at % 65535 + 1, **fields} for at in range(count)]


def containers(count: int, each: int) -> list[Json]:
    return [{"name": f"c{at}", "image": "i", "ports": ports(each)} for at in range(count)]


def record(**fields: Any) -> Json:
    return said(status=json.dumps({"version": "1", **fields}))


def pointing(count: int, **fields: Any) -> Json:
    before = record(changed={f"/spec/volumes/name=q{at}/name": "x" for at in range(count)})
    before["spec"].update(fields)
    return before


# What is written again and again, as often as it is told.
SHAPES: dict[str, Callable[[int], Json]] = {
    "one forward": lambda n: said(forward="8080=9 " * (n // 7)),
    "forwards": lambda n: said(forward=" ".join(f"{at}=9" for at in range(n // 7))),
    "forwards of one port": lambda n: said(
        forward=" ".join(
            f"127.1.{at // 250}.{at % 250 + 1}:80=127.2.0.1:80" for at in range(min(n // 30, 990))
        )
    ),
    "no forwards": lambda n: said(forward=" ".join(f"x{at}" for at in range(n // 6))),
    "ports asked for": lambda n: said(ports="http," * (n // 5)),
    "ports that are not there": lambda n: said(ports=",".join(map(str, range(n // 6)))),
    "a long value": lambda n: said(drain_delay="9" * n),
    "a long duration": lambda n: said(drain_delay="1h" * (n // 2)),
    "a value that is quoted": lambda n: said(websocket_close_reason='"\\\n' * (n // 6)),
    "unknown annotations": lambda n: said(**{f"x{at}": "" for at in range(n // 24)}),
    "annotations of others": lambda n: pod(annotations={str(at): "" for at in range(n // 10)}),
    "a key": lambda n: said(**{"k" * n: "v"}),
    "labels": lambda n: {**pod(), "metadata": {"labels": {str(at): "" for at in range(n // 12)}}},
    "containers": lambda n: spec(containers=containers(n // 60, 1)),
    "init containers": lambda n: spec(initContainers=[{"name": str(at)} for at in range(n // 18)]),
    "the same container": lambda n: spec(containers=[{"name": "web"}] * (n // 16)),
    "ports": lambda n: pod(*ports(n // 45)),
    "ports of one name": lambda n: pod(*[{"name": "p", "containerPort": 1}] * (n // 35)),
    "ports without a name": lambda n: pod(*[{"containerPort": 1}] * (n // 22)),
    "UDP ports": lambda n: pod(*ports(n // 63, protocol="UDP")),
    "names of one port": lambda n: spec(
        containers=[
            {"name": "web", "image": "i", "ports": ports(min(n // 40, 990), containerPort=80)}
        ]
    ),
    "ports of many": lambda n: spec(containers=containers(n // 2500, 50)),
    "environment": lambda n: pod(env=[{}] * (n // 4)),
    "volumes": lambda n: spec(volumes=[{}] * (n // 4)),
    "lists": lambda n: spec(junk=[[]] * (n // 4)),
    "maps": lambda n: spec(junk=[{"a": 1}] * (n // 10)),
    "texts": lambda n: spec(junk=["a"] * (n // 5)),
    "a text": lambda n: spec(junk="\x00" * (n // 6)),
    "a command": lambda n: pod(lifecycle={"preStop": {"exec": {"command": ["sleep"] * (n // 9)}}}),
    "blanks": lambda n: pod(lifecycle={"preStop": {"exec": {"command": ["sleep" + " " * n]}}}),
    "a record that points": lambda n: pointing(n // 35),
    "a record and volumes": lambda n: pointing(n // 35, volumes=[{}] * 1000),
    "a record and ports": lambda n: {**pod(*ports(900)), "metadata": pointing(n // 35)["metadata"]},
    "a record and containers": lambda n: pointing(n // 35, containers=containers(450, 2)),
}


async def look(_: str) -> Seen:
    return Seen(services=[], labels={})


def answered(body: bytes) -> bytes:
    async def ask() -> bytes:
        return (await answering(options(), look)(body)).body

    with suppress(ValueError):
        return asyncio.run(ask())
    return b""


def largest(shape: Callable[[int], Json]) -> bytes:
    """A review of this shape that the server would still read."""
    size = LARGEST_REVIEW - 2000
    while len(body := review(shape(size))) > LARGEST_REVIEW:
        size -= len(body) - LARGEST_REVIEW + 100
    return body


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("name", SHAPES)
def test_the_largest_review_of_any_shape_takes_less_than_a_second(name: str) -> None:
    body = largest(SHAPES[name])
    begun = process_time()
    answer = answered(body)

    assert process_time() - begun < SECONDS
    assert len(answer) < 2 * LARGEST_REVIEW


@pytest.mark.parametrize("name", some(SHAPES, of=6))
def test_memory_grows_with_the_review_and_no_faster(name: str) -> None:
    body = review(SHAPES[name](SMALL))
    tracemalloc.start()
    try:
        answered(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(body) * MEMORY_PER_BYTE + CONSTANT


# Whatever stands where

STRANGE: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 1e308, 10**25, 10**4000, "", "x", "http", "\0", "9" * 5000),
    *([], [None], [5], [[]], ["x"], {}, {"name": "web"}, {"name": 5}, {"httpGet": {}}, {"a": {}}),
)
RECORDS: tuple[Json, ...] = (
    *({"added": [""]}, {"added": ["/spec"]}, {"added": ["/metadata"]}, {"added": ["x"]}),
    *({"changed": {"/spec/containers": 5}}, {"changed": {"/metadata": 5}}, {"changed": {"": 5}}),
    *({"filled": ["/spec/containers/name=web/name"]}, {"created": ["/metadata/annotations"]}),
    *({"created": ["/spec/containers"]}, {"filled": ["/spec"]}, {"given": ["a", OURS + "forward"]}),
    *(
        {"changed": {"/spec/containers/name=web": {}}},
        {"added": ["/spec/containers/name=web/name"]},
    ),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a value but itself."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


@st.composite
def spoiled(draw: st.DrawFn) -> Json:
    """A pod, injected or not, with strange things in the place of some of its parts."""
    before = draw(pods())
    if draw(st.booleans()):
        before = injected(pod(annotations=(before.get("metadata") or {}).get("annotations"))).pod
    before = deepcopy(before)
    for _ in range(draw(st.integers(1, 3))):
        *way, key = draw(st.sampled_from(sorted(places(before), key=str)))
        node = before
        for step in way:
            node = node[step]
        node[key] = deepcopy(draw(st.sampled_from(STRANGE)))
    return before


@given(before=spoiled())
def test_whatever_stands_where_is_answered_or_refused(before: Json) -> None:
    with suppress(ValueError):
        verdict = judge(parse(review(before)), options(), Seen(services=[], labels={}))
        assert verdict.outcome in ("injected", "unchanged", "skipped", "denied")
        response_to(review(before), options())


@pytest.mark.parametrize("fields", RECORDS, ids=str)
@pytest.mark.parametrize("beside", [True, False])
def test_whatever_a_record_says_is_answered_or_refused(fields: Json, beside: bool) -> None:
    before = injected(pod()).pod if beside else pod()
    status = json.dumps({"version": "1", **fields})
    before["metadata"].setdefault("annotations", {})[OURS + "status"] = status
    with suppress(ValueError):
        response_to(review(before), options())
