"""Rules about analyses: that they can fail, and that they measure the right pods."""

import re
from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.check.conditions import NOT_A_NUMBER, NOTHING, Unknown, holds
from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.promql import divides, stands_in
from drainproxy.rollout.check.rule import ROLLBACK, Problem, rule
from drainproxy.rollout.check.workload import CheckedWorkload

TEMPLATES: Final = ("AnalysisTemplate", "ClusterAnalysisTemplate")
# Providers that judge by themselves: an exit code, a score, a plugin.
_JUDGES: Final = ("job", "kayenta", "plugin")

# As long as conditions are; the rest is not looked at.
_LONGEST: Final = 1000
_SHOWN: Final = 80
# What is true of an empty or undefined result.
_EMPTY = (
    r"(?:isNaN\s*\([^()]*\)|len\s*\(\s*result\s*\)\s*(?:==|<=|<)\s*[01]|result\s*==\s*nil"
    r"|(?:!|not\s)\s*\(?\s*len\s*\(\s*result\s*\)\s*(?:>|>=|!=)\s*[01]\s*\)?)"
)
_PASSES_EMPTY = re.compile(
    rf"(?<![!\w])(?<!not )\(?\s*{_EMPTY}\s*\)?\s*(?:\|\||or\b|\?\s*true)"
    rf"|(?:\|\||\bor\b)\s*\(?\s*{_EMPTY}"
)
# True of every element where there is none.
_OF_EACH = re.compile(r"\b(?:all|none)\s*\(\s*result\b")
_LENGTH = re.compile(r"\blen\s*\(\s*result\s*\)\s*(?:>|>=|==|!=)")
# A failure condition that needs a result to be true.
_FAILS_ONLY_FULL = re.compile(
    r"len\s*\(\s*result\s*\)\s*(?:>|>=|!=)\s*[01]\s*(?:&&|and\b)"
    r"|(?:!|not )\s*isNaN\s*\([^()]*\)\s*(?:&&|and\b)"
)
# Arguments such as canary-hash, podTemplateHash and LATEST_HASH; no hashicorp-address.
_HASH = re.compile(r"[hH]ash(?![a-z])|HASH(?![A-Z])")
_HASH_OF_ELSE = re.compile(r"git|commit|image|config|content|build|source|file", re.IGNORECASE)
_COMPARISON = re.compile(r"\s*(?:asFloat\()?result(?:\[0\])?\)?\s*(<=|>=|==|<|>)\s*([0-9.]+)\s*\Z")


@rule(
    "analysis-can-pass-empty",
    "error",
    ROLLBACK,
    kinds=(*TEMPLATES, "Rollout", "MetricTemplate"),
    about="object",
    reason="An analysis that passes without data lets a broken version through.",
    remedy="Let no data be neither success nor failure: len(result) > 0 && result[0] ...",
)
def analysis_can_pass_empty(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """A canary that gets no traffic, or whose metrics are not scraped, has no errors either. A
    condition such as isNaN(...) ||, a query that ends in `or vector(0)`, or no condition at all
    makes that a success. A background analysis blocks no step, and one that ends before its first
    measurement is successful: the steps need analyses of their own."""
    if root.object.kind == "Rollout":
        yield from _in_the_background(root)
    elif root.object.kind == "MetricTemplate":
        yield from _flagger_query(root, inventory)
    else:
        for metric in root.at("spec", "metrics").items:
            yield from _metric(metric)


def _metric(metric: FieldPlace) -> Iterator[Problem]:
    name = metric.at("name").text
    success, failure = metric.at("successCondition"), metric.at("failureCondition")
    provider = metric.at("provider")
    if provider.entries.keys() & {*_JUDGES}:
        return
    query = provider.at("prometheus", "query")
    condition = success.text[:_LONGEST]
    if not success.text and not failure.text:
        yield Problem(metric, f"metric {name} has no successCondition: every result is a success")
    elif found := _passes_empty(condition, query.text):
        yield Problem(
            success,
            f"metric {name} succeeds without data ({found}): write"
            " len(result) > 0 && !isNaN(result[0]) && ..., so that nothing measured is no success",
        )
    elif not success.text and _FAILS_ONLY_FULL.search(failure.text[:_LONGEST]):
        yield Problem(
            failure,
            f"metric {name} fails only with data and succeeds without: add a successCondition",
        )
    elif not success.text and "isNaN" not in failure.text and divides(query.text):
        yield Problem(
            failure,
            f"the ratio of metric {name} is NaN without traffic, of which no comparison is true, so"
            " that it does not fail: add a successCondition",
        )
    number = stands_in(query.text)
    if number is not None and (success.text or failure.text) and _accepts(condition, number):
        yield Problem(
            query,
            f"the query of metric {name} gives {number:g} where there is no data, which its"
            " condition accepts: take `or vector(...)` away",
        )


def _passes_empty(condition: str, query: str) -> str:
    """What in a condition is true of an empty or undefined result; empty if nothing is."""
    may_be_undefined = "isNaN" in condition or divides(query) or "quantile" in query
    results = (*NOTHING, *NOT_A_NUMBER) if may_be_undefined else NOTHING
    try:
        passes = any(holds(condition, each) for each in results)
    except Unknown:
        return _looks_empty(condition)
    return condition.strip()[:_SHOWN] if passes and condition.strip() else ""


def _looks_empty(condition: str) -> str:
    """The same of a condition that cannot be evaluated here, by the usual words."""
    of_each = None if _LENGTH.search(condition) else _OF_EACH.search(condition)
    found = _PASSES_EMPTY.search(condition) or of_each
    return found[0].strip() if found else ""


def _accepts(condition: str, number: float) -> bool:
    """Whether a success condition holds for this number; one that is more than a comparison may."""
    match = _COMPARISON.match(condition)
    if not match:
        return True
    try:
        bound = float(match[2])
    except ValueError:
        return True
    holds = {"<": number < bound, "<=": number <= bound, ">": number > bound}
    return (holds | {">=": number >= bound, "==": number == bound})[match[1]]


def _in_the_background(root: FieldPlace) -> Iterator[Problem]:
    canary = root.at("spec", "strategy", "canary")
    background = canary.at("analysis")
    inline = [each for each in canary.at("steps").items if _judges(each)]
    if background.exists and not inline:
        yield Problem(
            background,
            "the only analysis runs in the background, which blocks no step: add an analysis step"
            " after each setWeight",
        )


def _judges(step: FieldPlace) -> bool:
    return step.at("analysis").exists or step.at("experiment", "analyses").exists


def _flagger_query(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    query = root.at("spec", "query")
    number = stands_in(query.text)
    for metric in inventory.canary_metrics.get(root.object.name, ()) if number is not None else ():
        low, high = (metric.at("thresholdRange", end).value for end in ("min", "max"))
        if _within(number or 0, low, high):
            yield Problem(
                query,
                f"the query gives {number:g} where there is no data, which Canary"
                f" {metric.object.name} accepts: take `or vector(...)` away",
            )
            return


def _within(number: float, low: object, high: object) -> bool:
    return (not isinstance(low, int | float) or number >= low) and (
        not isinstance(high, int | float) or number <= high
    )


@rule(
    "hash-args-without-valuefrom",
    "error",
    ROLLBACK,
    kinds=("Rollout",),
    about="object",
    reason="A query for the pods of one version needs the hash of that version at each release.",
    remedy="Give it in the Rollout: valueFrom.podTemplateHashValue: Latest, or Stable.",
)
def hash_args_without_valuefrom(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """A template that declares an argument for a pod template hash measures nothing, or the wrong
    pods, unless the Rollout that uses it passes podTemplateHashValue. A hash that is written down
    is that of an old release."""
    for analysis in analyses(root):
        given = {each.at("name").text: each for each in analysis.at("args").items}
        for template in _templates(analysis, root.object, inventory):
            for argument in template.root.at("spec", "args").items:
                name = argument.at("name").text
                if not _is_of_pods(name) or _is_derived(argument):
                    continue
                if name not in given or not _is_derived(given[name]):
                    which = "Stable" if re.search("stable|base", name, re.I) else "Latest"
                    yield Problem(
                        given.get(name, analysis),
                        f"argument {name} of {template.title} is not given the hash of a version:"
                        f" add valueFrom.podTemplateHashValue: {which}",
                    )


def _is_of_pods(name: str) -> bool:
    """Whether an argument of this name is a pod template hash: those of commits and images, and
    what else begins with these letters, say so."""
    return bool(_HASH.search(name)) and not _HASH_OF_ELSE.search(name)


def _is_derived(argument: FieldPlace) -> bool:
    """Whether it is filled in at each release; experiments do it with {{templates...}}."""
    return bool(argument.at("valueFrom").entries) or "{{" in argument.at("value").text


def analyses(root: FieldPlace) -> list[FieldPlace]:
    """Where a Rollout names analyses, as steps, in the background and around a promotion."""
    strategy = root.at("spec", "strategy")
    canary, blue_green = strategy.at("canary"), strategy.at("blueGreen")
    found = [canary.at("analysis"), *(each.at("analysis") for each in canary.at("steps").items)]
    found += [blue_green.at(f"{when}PromotionAnalysis") for when in ("pre", "post")]
    for step in canary.at("steps").items:
        found += step.at("experiment", "analyses").items
    return [each for each in found if each.exists]


def named_templates(inventory: Inventory) -> set[str]:
    """The names of the templates that something in the input runs, or is made of."""
    named = inventory.of("Rollout", "Experiment", *TEMPLATES)
    return {name for each in named for name in _named_in(each)}


def templates_of(rollout: Object, inventory: Inventory) -> set[str]:
    """The names of the templates that a Rollout runs, and of those that these are made of."""
    names: set[str] = set()
    left = _named_in(rollout)
    while left:
        name = left.pop()
        if name not in names:
            names.add(name)
            found = (inventory.named(kind, name, rollout) for kind in TEMPLATES)
            left += [more for each in found if each for more in _named_in(each)]
    return names


def _named_in(each: Object) -> list[str]:
    return [place.text for place in each.root.every_text() if place.path[-1] == "templateName"]


def _templates(analysis: FieldPlace, near: Object, inventory: Inventory) -> Iterator[Object]:
    names = [each.at("templateName").text for each in analysis.at("templates").items]
    for name in filter(None, [*names, analysis.at("templateName").text]):
        for kind in TEMPLATES:
            if found := inventory.named(kind, name, near):
                yield found


@rule(
    "image-tag-moves",
    "warning",
    ROLLBACK,
    reason="A tag that moves has no version to go back to.",
    remedy="Name a tag that never moves, or a digest.",
)
def image_tag_moves(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """A rollback applies the old manifest. If that says latest, the old manifest runs the new,
    broken image, and two pods of one ReplicaSet may run different ones."""
    for container in workload.containers:
        image = container.at("image")
        name, at, _digest = image.text.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        if image.text and not at and tag in ("", "latest") and "$" not in image.text:
            said = f"tag {tag}" if tag else "no tag, which is latest"
            yield Problem(image, f"image {image.text} has {said}: a rollback does not go back")
