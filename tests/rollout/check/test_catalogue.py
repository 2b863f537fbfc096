"""The rules in words: the documentation is what the code prints."""

from pathlib import Path

from drainproxy.rollout.check.catalogue import explain, listing, markdown
from drainproxy.rollout.check.rules import RULES


def test_the_documentation_has_the_rules_that_the_code_has(root: Path) -> None:
    reference = (root / "deploy" / "CHECKS.md").read_text()
    assert reference.endswith(markdown()), "print the end anew: catalogue.markdown()"


def test_the_list_has_a_line_for_each_rule() -> None:
    assert listing().splitlines()[0].split()[:2] == ["readiness-probe-missing", "error"]
    assert len(listing().splitlines()) == len(RULES)


def test_an_explanation_says_of_what_a_rule_is_asked() -> None:
    assert "Asked of: Rollout. Box: Rolling update, blue-green" in explain("unknown-traffic-router")
    assert "Asked of: any kind." in explain("ignore-without-reason")
