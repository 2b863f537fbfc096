"""What rolls a release back by itself when errors or latency spike."""

from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.rule import Proof

from .analysis import TEMPLATES, analyses
from .migration import flux_rolls_back, phases, undoes
from .pipeline import runs_a_gate


def goes_back_on_errors(
    each: Object, canary: Object | None, inventory: Inventory
) -> tuple[Proof, str]:
    """Whether the input proves that of a workload or a HelmRelease, and else why not."""
    if "contract" in phases(each):
        return "unknown", "after a contract no automated rollback is allowed"
    if each.kind == "Rollout":
        found = _analysed(each, inventory)
    elif canary is not None:
        found = _judged(canary, inventory)
    elif each.kind == "HelmRelease":
        found = _remediated(each.root, inventory)
    else:
        found = "open", "no Rollout, Canary or HelmRelease takes it back"
    by_command = all(inventory.has_near(asked, each) for asked in (undoes, runs_a_gate))
    return ("proved", "") if found[0] != "proved" and by_command else found


def _analysed(rollout: Object, inventory: Inventory) -> tuple[Proof, str]:
    found = analyses(rollout.root)
    if not found:
        return "open", "it has no analysis"
    names = [name for each in found for name in _names(each)]
    if not names:
        return "open", "its analysis names no template"
    if any(each.at("dryRun").items for each in found):
        return "unknown", "what is only a dry run in its analyses takes nothing back"
    all_here = _all_here(names, TEMPLATES, rollout, inventory)
    if all_here[0] == "proved" and all(_only_runs_jobs(name, rollout, inventory) for name in names):
        return "unknown", "this input does not show whether the Jobs of its analyses measure errors"
    return all_here


def _only_runs_jobs(name: str, near: Object, inventory: Inventory) -> bool:
    found = (inventory.named(kind, name, near) for kind in TEMPLATES)
    metrics = [one for each in found if each for one in each.root.at("spec", "metrics").items]
    return bool(metrics) and all(one.at("provider", "job").exists for one in metrics)


def _names(analysis: FieldPlace) -> list[str]:
    named = [each.at("templateName").text for each in analysis.at("templates").items]
    return [*filter(None, [*named, analysis.at("templateName").text])]


def _judged(canary: Object, inventory: Inventory) -> tuple[Proof, str]:
    analysis = canary.root.at("spec", "analysis")
    metrics = analysis.at("metrics").items
    if canary.root.at("spec", "skipAnalysis").value is True:
        return "open", f"{canary.title} skips its analysis"
    if not metrics:
        hooks = {each.at("type").text for each in analysis.at("webhooks").items}
        asked = hooks & {"rollback", "rollout"}
        why = "this input does not show what its webhooks measure" if asked else "it has no metrics"
        return "unknown" if asked else "open", f"{canary.title}: {why}"
    named = [each.at("templateRef", "name").text for each in metrics]
    return _all_here([*filter(None, named)], ("MetricTemplate",), canary, inventory)


def _all_here(
    names: list[str], kinds: tuple[str, ...], near: Object, inventory: Inventory
) -> tuple[Proof, str]:
    for name in names:
        if not any(inventory.named(kind, name, near) for kind in kinds):
            return "unknown", f"{kinds[0]} {name} is not in this input"
    return "proved", ""


def _remediated(root: FieldPlace, inventory: Inventory) -> tuple[Proof, str]:
    """Flux goes back where an upgrade or a test fails, and only a test can measure errors."""
    if not flux_rolls_back(root):
        return "open", "it is not remediated by a rollback"
    remediation = root.at("spec", "upgrade", "remediation")
    retries, last = remediation.at("retries").number, remediation.at("remediateLastFailure").value
    if last is False or not (retries or last):
        # Without retries the last failure is the only one, and is remediated where that is said.
        return "open", "its last failure is not remediated"
    test = root.at("spec", "test")
    ignored = (remediation.at("ignoreTestFailures"), test.at("ignoreFailures"))
    if test.at("enable").value is not True or any(each.value is True for each in ignored):
        return "open", "no test of it can fail, so that errors take nothing back"
    if inventory.has_near(runs_a_gate, root.object):
        return "proved", ""
    return "unknown", "this input does not show whether its tests measure errors"
