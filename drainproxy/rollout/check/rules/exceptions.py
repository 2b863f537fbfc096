"""Rules about exceptions: that they name an existing rule, and give a reason."""

from collections.abc import Iterator
from typing import Final

from drainproxy.config.mistakes import did_you_mean
from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.rule import EXCEPTIONS, IDS, Problem, rule

IGNORE: Final = "drainproxy.io/ignore"
REASON: Final = "drainproxy.io/ignore-reason"


def ignored_by(each: Object) -> list[str]:
    """The rules that an object, or its pod template, asks not to be applied."""
    given = [text for place in each.annotations(IGNORE) for text in place.text.split(",")]
    return [text.strip() for text in given if text.strip()]


@rule(
    "ignore-without-reason",
    "warning",
    EXCEPTIONS,
    kinds=("*",),
    about="object",
    reason="An exception without a reason cannot be judged, and never ends.",
    remedy=f"Say why in {REASON}.",
)
def ignore_without_reason(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """Whoever reads the manifest in a year must know whether the exception still holds. This rule
    cannot be ignored."""
    place = root.object.annotation(IGNORE)
    if place.exists and not root.object.annotation(REASON).text.strip():
        yield Problem(place, f"{IGNORE} without {REASON}: say why")


@rule(
    "ignore-unknown-rule",
    "warning",
    EXCEPTIONS,
    kinds=("*",),
    about="object",
    reason="An exception from a rule that there is not excepts nothing.",
    remedy="Write ids as `drainproxy check --list` has them, separated by commas.",
)
def ignore_unknown_rule(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """A mistyped id leaves the finding in place, or hides that it was never there. This rule cannot
    be ignored."""
    for place in root.object.annotations(IGNORE):
        for text in filter(None, map(str.strip, place.text.split(","))):
            if text not in IDS:
                near = did_you_mean(text, IDS)
                hint = f": did you mean {near}?" if near else ""
                yield Problem(place, f"there is no rule {text!r}{hint}")
