"""The rules, the alerts and the dashboard, as Prometheus' own tool and the chart see them."""

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from drainproxy.rollout.gate.signals import FAILED_CALLS
from drainproxy.sidecar.metrics import CALL_FAILURES, METRICS
from tests.deploy.dashboard import queries
from tests.deploy.documents import documents
from tests.deploy.helm import CHART, Rendered, render
from tests.deploy.monitoring import FOLDER, RULES, files
from tests.deploy.promtool import promtool
from tests.deploy.schemas import NEWEST, Object, validate

RELEASE_LABEL = {"release": "prometheus"}
MONITORED = {
    "monitoring": {
        "rules": {"enabled": True, "objective": 99.5, "labels": RELEASE_LABEL},
        "dashboard": {"enabled": True, "annotations": {"grafana_folder": "drainproxy"}},
    }
}
# Counted by sidecars that watch what bypasses them.
OF_SOME_SIDECARS = {"drainproxy_bypassed_connections"}


@cache
def groups(name: str) -> list[dict[str, Any]]:
    (loaded,) = documents(FOLDER / name)
    found: list[dict[str, Any]] = loaded["groups"]
    return found


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in groups(name) for rule in group["rules"]]


def test_prometheus_takes_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", *RULES, folder=FOLDER)


def test_each_alert_fires_and_does_not_fire() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts-test.yaml", folder=FOLDER)
    tested = (FOLDER / "alerts-test.yaml").read_text()
    names = {rule["alert"] for rule in rules("alerts.yaml")}
    burns = {rule["labels"].get("burn_rate") for rule in rules("alerts.yaml")} - {None}
    assert [name for name in names if name not in tested] == []
    assert [burn for burn in burns if f'burn_rate="{burn}"' not in tested] == []
    assert burns == {"14.4", "6", "3", "1"}


def test_each_alert_says_what_it_is_and_whom_it_concerns() -> None:
    for rule in rules("alerts.yaml"):
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule
        assert {"summary", "description"} <= rule["annotations"].keys(), rule
        assert "{{ $labels." in rule["annotations"]["description"], rule


def test_the_page_says_of_each_alert_what_to_do() -> None:
    page = (FOLDER / "README.md").read_text()
    assert [each["alert"] for each in rules("alerts.yaml") if each["alert"] not in page] == []


def test_what_is_asked_for_is_a_metric_of_the_sidecar_or_recorded() -> None:
    recorded = {rule["record"] for rule in rules("recording.yaml")}
    known = {metric.name for metric in METRICS} | OF_SOME_SIDECARS | recorded
    known |= {
        f"{metric.name}_{part}"
        for metric in METRICS
        if metric.type == "histogram"
        for part in ("bucket", "count", "sum")
    }
    asked = [rule["expr"] for name in RULES for rule in rules(name)]
    asked += [query for each in queries().values() for query in each]
    named = {
        name for each in asked for name in re.findall(r"\b(?:drainproxy|process)[_:][\w:]+", each)
    }
    assert named - known == set()


def test_labels_that_are_asked_for_are_labels_of_the_metric() -> None:
    labels = {metric.name: {*metric.labels} for metric in METRICS}
    of_targets = {"namespace", "pod", "le"}
    asked = [rule["expr"] for name in RULES for rule in rules(name)]
    asked += [query for each in queries().values() for query in each]
    for each in asked:
        for name, selector in re.findall(r"\b(drainproxy_\w+)\{([^}]*)\}", each):
            name = re.sub("_(bucket|count|sum)$", "", name)
            named = {*re.findall(r'(\w+)(?:=~|!~|!=|=)"', selector)}
            assert named - labels.get(name, set()) <= of_targets, each


def test_what_the_chart_holds_is_what_is_made() -> None:
    stale = [
        path for path, text in files().items() if not path.exists() or path.read_text() != text
    ]
    assert stale == [], "run `make manifests`"


def test_a_failed_call_is_the_same_to_the_gate_the_rules_the_dashboard_and_the_pages() -> None:
    asked = [
        statuses
        for path in files()
        for statuses in re.findall(r'grpc_status=~\\?"([^"\\]+)', path.read_text())
    ]
    assert len(asked) == 3
    assert {*asked} == {"|".join(FAILED_CALLS)} == {"|".join(CALL_FAILURES)}
    pages = (FOLDER / "README.md", FOLDER / "recording.yaml", FOLDER.parent / "ROLLOUTS.md")
    for page in pages:
        text = page.read_text()
        assert [name for name in FAILED_CALLS.values() if name not in text] == [], page


def test_the_dashboard_is_one() -> None:
    made = json.loads((FOLDER / "dashboard.json").read_text())
    panels = [panel for panel in made["panels"] if panel["type"] != "row"]
    places = [tuple(panel["gridPos"].values()) for panel in made["panels"]]

    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])
    assert len({*places}) == len(places)
    assert all(x + w <= 24 for x, _, w, _ in places)
    assert all(panel["title"] and panel["description"] and panel["targets"] for panel in panels)
    variables = {variable["name"] for variable in made["templating"]["list"]}
    used = {*re.findall(r"\$\{?(\w+)", json.dumps(made))}
    assert used - variables - {"__rate_interval", "__all"} == set()


# The chart


def with_objective(objective: object) -> dict[str, Any]:
    return {"monitoring": {"rules": {"enabled": True, "objective": objective}}}


RATIOS = {99.9: "0.999", 99.99: "0.9999", 99: "0.99", 97.5: "0.975"}
NO_OBJECTIVES = (0, 100, "99.9")


@cache
def rendered() -> list[Rendered]:
    """All that is asked of the chart here, in one go: monitored, by default, and by objective."""
    objectives = (*RATIOS, *NO_OBJECTIVES)
    return render(MONITORED, {}, *map(with_objective, objectives))


def monitored() -> dict[str, Object]:
    """Kind -> object, of those that are for monitoring."""
    assert not rendered()[0].error
    loaded = documents(rendered()[0].files["monitoring.yaml"])
    return {thing["kind"]: thing for thing in loaded if thing}


def test_by_default_the_chart_monitors_nothing() -> None:
    text = rendered()[1].files["monitoring.yaml"]
    assert [*filter(None, documents(text))] == []


def test_the_chart_has_the_rules_with_its_objective(tmp_path: Path) -> None:
    rule = monitored()["PrometheusRule"]
    validate(rule, NEWEST)
    held = rule["spec"]["groups"]
    (objective,) = (
        each["expr"]
        for group in held
        for each in group["rules"]
        if each.get("record") == "drainproxy:slo_objective:ratio"
    )
    assert objective == "vector(0.995)"
    assert RELEASE_LABEL.items() <= rule["metadata"]["labels"].items()
    text = json.dumps(held).replace("vector(0.995)", "vector(0.999)")
    assert json.loads(text) == [group for name in RULES for group in groups(name)]

    file = tmp_path / "rules.yaml"
    YAML(typ="safe").dump({"groups": held}, file)
    if shutil.which("promtool"):
        promtool("check", "rules", str(file), folder=FOLDER)


def test_an_objective_is_put_in_as_it_is_meant() -> None:
    for made, ratio in zip(rendered()[2:], RATIOS.values(), strict=False):
        assert f"expr: vector({ratio})\n" in made.files["monitoring.yaml"]


def test_an_objective_that_is_none_is_refused() -> None:
    for made in rendered()[2 + len(RATIOS) :]:
        assert "objective" in made.error


def test_the_chart_has_the_dashboard_where_grafana_looks_for_it() -> None:
    config = monitored()["ConfigMap"]
    validate(config, NEWEST)
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config["metadata"]["annotations"] == {"grafana_folder": "drainproxy"}
    held = json.loads(config["data"]["drainproxy.json"])
    assert held == json.loads((CHART / "monitoring" / "dashboard.json").read_text())
