"""What the rules find, and where: good manifests, and each with one change."""

import pytest

from drainproxy.rollout.check.catalogue import explain
from drainproxy.rollout.check.report import CheckReport
from drainproxy.rollout.check.rules import RULES

from . import bad_pods, bad_releases, bad_workloads, good_enough
from .changes import FOLDER, GOOD, Change, checked, found

BAD = [
    change
    for module in (bad_pods, bad_workloads, bad_releases)
    for changes in vars(module).values()
    if isinstance(changes, list)
    for change in changes
]
STILL_GOOD = [*good_enough.PODS, *good_enough.ROLLOUTS, *good_enough.RELEASES]


@pytest.mark.parametrize("file", GOOD)
def test_a_good_manifest_has_no_finding(file: str) -> None:
    assert found((FOLDER / file).read_text()) == set()


@pytest.mark.parametrize("change", BAD, ids=lambda change: change.name)
def test_a_bad_manifest_has_its_findings_at_their_lines_and_no_other(change: Change) -> None:
    assert found(change.text) == change.expected
    assert change.expected


@pytest.mark.parametrize("change", STILL_GOOD, ids=lambda change: change.name)
def test_what_only_looks_like_a_mistake_has_no_finding(change: Change) -> None:
    assert found(change.text) == set()


def test_every_rule_is_tried_on_both_sides() -> None:
    tried = {rule for change in BAD for _, rule in change.expected}

    assert tried == {rule.id for rule in RULES}
    for rule in RULES:
        told = " ".join(explain(rule.id).split())
        assert told.startswith(f"{rule.id} ({rule.level}): {rule.reason} ")
        assert " ".join(rule.explanation.split()) in told
        assert rule.remedy in told
        assert len(rule.explanation) > 100


def test_the_table_is_in_one_style() -> None:
    ids = [rule.id for rule in RULES]

    assert len(set(ids)) == len(ids)
    for rule in RULES:
        assert rule.id == rule.id.lower().replace("_", "-")
        assert rule.reason.endswith(".")
        assert rule.remedy.endswith(".")
        assert rule.explanation.endswith(".")
        assert rule.section.help.startswith("https://")


def test_there_are_at_least_forty_manifests() -> None:
    assert len({change.text for change in [*BAD, *STILL_GOOD]}) + len(GOOD) >= 40


def excepted(change: Change, *lines: str) -> CheckReport:
    """A change whose workload has annotations more."""
    added = "".join(f"    {line}\n" for line in lines)
    return checked(change.text.replace("spec:\n", f"  annotations:\n{added}spec:\n", 1))


def test_a_workload_may_except_what_is_found_in_a_service_about_it() -> None:
    change = bad_releases.TRAFFIC[0]
    (rule,) = {rule for _, rule in change.expected}
    why = "drainproxy.io/ignore-reason: it is for peers"

    report = excepted(change, f"drainproxy.io/ignore: {rule}", why)

    assert report.findings == []
    assert [each.rule for each in report.ignored] == [rule]
    assert excepted(change, "drainproxy.io/ignore: single-replica", why).findings != []


def test_no_exception_excepts_itself() -> None:
    change = bad_releases.TRAFFIC[0]
    report = excepted(change, "drainproxy.io/ignore: ignore-without-reason, no-such-rule")
    found = {each.rule for each in report.findings}
    assert {"ignore-without-reason", "ignore-unknown-rule"} < found


def test_an_excepted_workload_leaves_the_box_to_the_next() -> None:
    """Of what one object of the input would mend, the first that is not excepted is named."""
    text = (FOLDER / "list.json").read_text().replace('"kind": "Test"', '"kind": "Tasted"')
    second = text.replace('"docs"', '"more"')
    ignore = '"annotations": {"drainproxy.io/ignore": "smoke-test-missing",'
    excepting = text.replace('"annotations": {', ignore)

    both = checked(f"{text}\n---\n{second}")
    assert [each.object for each in both.findings] == ["deployment/docs"]
    first = checked(f"{excepting}\n---\n{second}")
    assert ("smoke-test-missing", "deployment/more") in {
        (each.rule, each.object) for each in first.findings
    }
