"""Ages of ephemeral metadata are what the sidecar makes of the annotations, before and after."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

from ruamel.yaml import YAML

from drainproxy.config import Sources
from drainproxy.config.annotations import split_annotations, unquote
from drainproxy.rehearsal.ages import Ages
from drainproxy.rehearsal.plan import RehearsalPlan
from drainproxy.rehearsal.processes import Processes
from drainproxy.rehearsal.proxies import Drainproxy, Site

KINDS = ("http1", "http2", "websocket", "sse")


def of(text: str) -> dict[str, str]:
    return {key: unquote(value) for key, value in split_annotations(text) if key}


def manifest(root: Path) -> dict[str, Any]:
    path = root / "deploy" / "rollouts" / "argo" / "canary.yaml"
    rollout: dict[str, Any] = next(iter(YAML(typ="safe").load_all(path)))["spec"]
    return rollout


def test_they_are_those_of_the_manifest_in_proportion_to_its_times(root: Path) -> None:
    rollout = manifest(root)
    canary, template = rollout["strategy"]["canary"], rollout["template"]["metadata"]["annotations"]
    ages = Ages(canary["scaleDownDelaySeconds"])
    after, serving = of(ages.annotations(serving=False)), of(ages.annotations(serving=True))
    assert {key: template[key] for key in after} == {
        **after,
        "drainproxy.io/max-connection-age": "1m",
    }
    assert after["drainproxy.io/max-connection-age"] == "60000ms"
    for ephemeral in ("canaryMetadata", "stableMetadata"):
        assert canary[ephemeral]["annotations"] == dict(serving.items() - after.items())


def test_what_is_deleted_covers_nothing_that_is_left() -> None:
    ages = Ages(24.0)
    assert of(ages.annotations(serving=False)).items() < of(ages.annotations(serving=True)).items()
    assert ages.refresh + 1.25 * ages.age < ages.delay


def test_without_a_delay_there_are_none() -> None:
    assert RehearsalPlan().ages is None
    assert RehearsalPlan(scale_down_delay=18.0).ages == Ages(18.0)


def test_a_sidecar_reads_whole_annotations_always(tmp_path: Path) -> None:
    site, nobody = Site("v1-1", "127.0.0.1", {}, 0, {}, tmp_path), Mock()
    proxy = Drainproxy(Processes(tmp_path), nobody, site, (), 'a="1"\n')
    assert (tmp_path / "v1-1-annotations").read_text() == 'a="1"\n'
    proxy.annotate('b="2"\n')
    assert [path.read_text() for path in tmp_path.iterdir()] == ['b="2"\n']


def test_a_sidecar_takes_the_short_age_for_each_kind_without_a_restart() -> None:
    ages, sources = Ages(24.0), Sources(flags={"forward": "8080=9000"})
    serving = sources.load(ages.annotations(serving=True))
    assert {getattr(serving, f"max_connection_age_{kind}") for kind in KINDS} == {1800.0}
    after, mistakes = sources.reload(serving, ages.annotations(serving=False))
    assert not mistakes
    assert {getattr(after, f"max_connection_age_{kind}") for kind in KINDS} == {None}
    assert after.max_connection_age == 8
