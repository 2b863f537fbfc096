"""The rules as text: for `--list`, `--explain`, and the documentation."""

from collections.abc import Iterable
from textwrap import fill

import msgspec

from .rule import SECTIONS, CheckRule
from .rules import BY_ID, RULES

_WIDTH = 96


def listing(rules: Iterable[CheckRule] = RULES) -> str:
    """One line for each rule: id, level, reason."""
    rows = [(rule.id, rule.level, rule.reason) for rule in rules]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(
        f"{id:{widths[0]}}  {level:{widths[1]}}  {reason}\n" for id, level, reason in rows
    )


def listing_json(rules: Iterable[CheckRule] = RULES) -> str:
    """The same for programs."""
    rows = [
        {
            "id": rule.id,
            "level": rule.level,
            "section": rule.section.id,
            "kinds": rule.kinds,
            "reason": rule.reason,
            "remediation": rule.remedy,
        }
        for rule in rules
    ]
    return msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n"


def explain(id: str) -> str:
    """Everything about one rule; KeyError if there is none of that id."""
    rule = BY_ID[id]
    kinds = "any kind" if "*" in rule.kinds else ", ".join(rule.kinds)
    paragraphs = [
        f"{rule.id} ({rule.level}): {rule.reason}",
        rule.explanation,
        f"What to do: {rule.remedy}",
        f"Asked of: {kinds}. Box: {rule.section.title}.",
    ]
    told = "\n\n".join(fill(each, _WIDTH) for each in paragraphs)
    return f"{told}\n\nSee also: {rule.section.help}\n"


def markdown() -> str:
    """The rules under the boxes that they untick."""
    parts = []
    for section in SECTIONS:
        head = f"### {section.title}\n\n| Rule | Level | Why | What to do |\n|---|---|---|---|\n"
        rows = (_row(each) for each in RULES if each.section == section)
        parts.append(head + "".join(rows))
    return "\n".join(parts)


def _row(rule: CheckRule) -> str:
    return f"| `{rule.id}` | {rule.level} | {rule.reason} | {rule.remedy} |\n"
