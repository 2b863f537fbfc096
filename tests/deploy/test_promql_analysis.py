"""The analysis without the gate, evaluated by Prometheus itself."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.deploy import engines
from tests.deploy.analysis import Phase, measured
from tests.deploy.promtool import promtool

FILE = ROOT / "deploy" / "rollouts" / "argo" / "analysis-promql.yaml"
ARGUMENTS = {"canary-hash": "new", "namespace": "shop", "prometheus": "http://localhost"}
METRICS = {
    metric.name: metric
    for metric in msgspec.convert(
        YAML(typ="safe").load(FILE), engines.AnalysisTemplate
    ).spec.metrics
}


def series(name: str, a_minute: int, **labels: str) -> dict[str, str]:
    """A counter that has been growing for ten minutes."""
    all_of_them = {"namespace": "shop", "rollouts_pod_template_hash": "new"} | labels
    text = ",".join(f'{key}="{value}"' for key, value in all_of_them.items())
    return {"series": f"{name}{{{text}}}", "values": f"0+{a_minute}x10"}


def answers(code: str, a_minute: int, pods: str = "new") -> dict[str, str]:
    return series(
        "drainproxy_requests_total",
        a_minute,
        kind="http1",
        code=code,
        rollouts_pod_template_hash=pods,
    )


def times(within: int, in_all: int) -> list[dict[str, str]]:
    name = "drainproxy_request_duration_seconds"
    return [
        series(f"{name}_bucket", within, kind="http1", le="1.0"),
        series(f"{name}_count", in_all, kind="http1"),
    ]


OLD = answers("500", 1000, pods="old")


@pytest.mark.parametrize(
    ("name", "found", "value", "phase"),
    [
        ("errors", [answers("200", 60), answers("500", 20), OLD], 0.25, "Failed"),
        # The sidecar has a series of each failure from the start.
        ("errors", [answers("200", 90), answers("500", 0), OLD], 0, "Successful"),
        ("errors", [OLD], None, "Inconclusive"),
        ("slower-than-a-second", times(50, 100), 0.5, "Failed"),
        ("slower-than-a-second", times(100, 100), 0, "Successful"),
        ("slower-than-a-second", [], None, "Inconclusive"),
    ],
)
def test_its_queries_are_about_the_canary_alone(
    tmp_path: Path, name: str, found: list[dict[str, str]], value: float | None, phase: Phase
) -> None:
    prometheus = METRICS[name].provider.prometheus
    assert prometheus is not None
    query = re.sub(r"{{ *args\.([\w-]+) *}}", lambda it: ARGUMENTS[it[1]], prometheus.query)
    samples = [] if value is None else [{"labels": "{}", "value": value}]
    asked = {"expr": query, "eval_time": "9m", "exp_samples": samples}
    test = {"interval": "1m", "input_series": found, "promql_expr_test": [asked]}
    file = tmp_path / "test.yaml"
    # JSON is YAML.
    file.write_text(json.dumps({"tests": [test]}))
    promtool("test", "rules", str(file))
    assert measured(METRICS[name], [] if value is None else [value]) == phase
