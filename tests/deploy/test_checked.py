"""What we ship, and what our injector makes, passes our own checks."""

from pathlib import Path

from ruamel.yaml import YAML

from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.report import CheckReport, check
from tests.deploy.helm import CHART, render


def checked(texts: dict[str, str]) -> CheckReport:
    objects = [each for name, text in texts.items() for each in read_objects(name, text)]
    assert objects
    return check(take_stock(objects))


def errors(report: CheckReport) -> list[str]:
    return [f"{each.file}: {each.message}" for each in report.findings if each.level == "error"]


def test_the_kustomize_base_and_injected_workloads_have_no_errors(root: Path) -> None:
    for folder in ("kustomize", "examples/injected"):
        files = sorted((root / "deploy" / folder).glob("*.yaml"))
        assert errors(checked({path.name: path.read_text() for path in files})) == []


def test_the_chart_for_production_has_no_errors() -> None:
    (rendered,) = render(YAML(typ="safe").load(CHART / "values-ha.yaml"))
    assert rendered.files, rendered.error
    report = checked({name: text for name, text in rendered.files.items() if "yaml" in name})

    assert errors(report) == []
    states = {box.section.id: box.state for box in report.boxes}
    assert (states["probes"], states["traffic"]) == ("ticked",) * 2
    # It is no proxy: nothing here says that connections of the API server age.
    assert states["drain"] == "not applicable"
