"""What the rules find, and where: good manifests, and each with one change."""

import pytest

from drainproxy.rollout.check.catalogue import explain
from drainproxy.rollout.check.rules import RULES

from . import bad_pods, bad_releases, good_enough
from .changes import FOLDER, GOOD, Change, found

BAD = [
    change
    for module in (bad_pods, bad_releases)
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
