"""Every byte that is not ours stays: in `inject`, in a second `inject`, and in `uninject`."""

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.kube.annotations import STATUS
from drainproxy.kube.batch import BatchResult, inject_all, uninject_all
from drainproxy.manifests.documents import parse
from tests.cases import dear, some
from tests.kube.pods import options, pods
from tests.kube.unusual import UNUSUAL
from tests.manifests.handwriting import scribble, write

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.*"))
MANIFESTS = [path for path in CORPUS if path.suffix in (".yaml", ".json")]
FILES = {**UNUSUAL, **{path.name: path.read_bytes().decode() for path in MANIFESTS}}


def inject(text: str, token: str = "the-token", **fields: Any) -> BatchResult:
    return inject_all({"x.yaml": text}, options(new_token=lambda: token, **fields))


def uninject(text: str) -> str:
    return uninject_all({"x.yaml": text}).text


def check(text: str) -> BatchResult:
    """All that must hold of any text, also of one that is refused."""
    done = inject(text)
    if done.failed:
        assert not any(line.outcome.startswith("injected") for line in done.lines), done.lines
        return done
    assert inject(done.text, "another").text == done.text
    assert uninject(done.text) == text
    assert lost(text, done.text) <= named(done.text)
    other = inject(done.text, given={"drainproxy.io/native-sidecar": "false"})
    assert other.failed or uninject(other.text) == text
    return done


def lost(before: str, after: str) -> int:
    """How many lines of a text do not stand in the other, in their order."""
    lines = before.splitlines()
    matcher = SequenceMatcher(None, lines, after.splitlines(), autojunk=False)
    return len(lines) - sum(block.size for block in matcher.get_matching_blocks())


def named(text: str) -> int:
    """How many lines may have changed by what the annotations name."""
    return sum(
        sum(len(status.get(key, ())) for key in ("added", "created", "filled", "changed"))
        + sum((kept or "").count("\n") + 1 for kept in status.get("texts", {}).values())
        for document in parse(text)
        for status in statuses(document.data)
    )


def statuses(value: Any) -> Iterator[dict[str, Any]]:
    children = value.values() if isinstance(value, dict) else value or ()
    for each in children:
        if isinstance(each, dict | list):
            yield from statuses(each)
    if isinstance(value, dict) and STATUS in value:
        yield json.loads(value[STATUS])


@pytest.mark.parametrize("name", [*UNUSUAL, *some((path.name for path in MANIFESTS), of=3)])
def test_uninject_gives_back_the_bytes_of_every_file(name: str) -> None:
    done = check(FILES[name])

    assert not done.failed, done.lines


@pytest.mark.parametrize("name", UNUSUAL)
def test_every_unusual_file_is_injected(name: str) -> None:
    assert any(line.outcome.startswith("injected") for line in inject(UNUSUAL[name]).lines)


@dear
@given(name=st.sampled_from(sorted(FILES)), seed=st.integers(0, 1 << 30))
def test_uninject_gives_back_the_bytes_of_every_file_that_somebody_edits(
    name: str, seed: int
) -> None:
    check(scribble(FILES[name], Random(seed)))


@dear
@given(name=st.sampled_from(sorted(FILES)), seed=st.integers(0, 1 << 30))
def test_uninject_gives_back_the_bytes_of_every_file_in_any_style(name: str, seed: int) -> None:
    random = Random(seed)
    documents = [each.data for each in parse(FILES[name]) if each.data is not None]

    check(scribble("---\n".join(write(data, random) for data in documents), random))


@dear
@given(pod=pods(), seed=st.integers(0, 1 << 30), items=st.integers(0, 2))
def test_uninject_gives_back_the_bytes_of_every_pod_in_any_style(
    pod: dict[str, Any], seed: int, items: int
) -> None:
    random = Random(seed)
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": pod}}
    several = {"apiVersion": "v1", "kind": "List", "items": [deployment] * items}

    check(scribble(write(several if items else deployment, random), random))
