"""Runs the rules over an inventory, applies exceptions, and ticks the boxes of the checklist."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from .evidence import PROOFS, of_section, summary
from .inventory import Inventory
from .place import Object, printable
from .rule import EXCEPTIONS, LEVELS, OBJECTS, SECTIONS, CheckRule, Level, Problem, Section
from .rules import RULES
from .rules.exceptions import ignored_by
from .workload import CheckedWorkload

State = Literal["ticked", "not ticked", "not applicable"]


class Finding(Struct, frozen=True):
    """Something that is wrong, where, and what would be right. The fields are those of `-o
    json`."""

    rule: str
    level: Level
    file: str
    line: int
    column: int
    message: str
    object: str
    remediation: str
    section: str


class Box(Struct, frozen=True):
    """A box of the checklist: a section of the guide, its state, and the findings under it.

    `note` says why it is not ticked where no finding does.
    """

    section: Section
    state: State
    findings: list[Finding]
    ignored: int
    note: str = ""


class CheckReport(Struct, frozen=True):
    """What was found. `ignored` is what an annotation excepts; `rules` are those that were
    asked."""

    findings: list[Finding]
    ignored: list[Finding]
    boxes: list[Box]
    rules: Sequence[CheckRule]
    inventory: Inventory

    @property
    def is_empty(self) -> bool:
        """Whether every box that a rollout has was asked for, and none had anything to look at."""
        about = (each for each in self.boxes if each.section not in (OBJECTS, EXCEPTIONS))
        return all(not each.findings and each.note == each.section.nothing for each in about)

    def count(self, level: Level) -> int:
        """The findings of a level."""
        return sum(each.level == level for each in self.findings)

    def fails(self, level: Level) -> bool:
        """Whether something is at least as grave."""
        grave = LEVELS[: LEVELS.index(level) + 1]
        return any(each.level in grave for each in self.findings)


def check(inventory: Inventory, rules: Sequence[CheckRule] = RULES) -> CheckReport:
    """Everything that these rules find, in the order of the input."""
    findings: list[Finding] = []
    ignored: list[Finding] = []
    used: set[tuple[int, str]] = set()
    for rule in rules:
        for finding, excepting in _apply(rule, inventory):
            (ignored if excepting else findings).append(finding)
            used |= {(id(each), rule.id) for each in excepting}
    # As the files were given.
    order = {file: at for at, file in enumerate(dict.fromkeys(_files(inventory)))}
    findings.sort(key=lambda each: (order[each.file], each.line, each.column, each.rule))
    boxes = [_box(section, findings, ignored, rules, inventory) for section in SECTIONS]
    boxes = [_with_idle(box, rules, used, inventory) for box in boxes]
    return CheckReport(findings, ignored, boxes, rules, inventory)


def _files(inventory: Inventory) -> Iterator[str]:
    return (each.file for each in inventory.objects)


def _with_idle(
    box: Box, rules: Sequence[CheckRule], used: set[tuple[int, str]], inventory: Inventory
) -> Box:
    """The box of exceptions, with a note of those that except nothing: of a rule that is not asked,
    or that finds nothing there."""
    if box.section.id != "exceptions" or box.state != "ticked":
        return box
    whys = {rule.id: "finds nothing there" for rule in rules}
    whys |= {rule.id: "cannot be excepted" for rule in RULES if rule.section == box.section}
    notes: list[str] = []
    for each in inventory.objects:
        for id_ in dict.fromkeys(ignored_by(each)):
            if (id(each), id_) not in used:
                why = whys.get(id_, "is not asked")
                notes.append(f"{each.title} excepts {id_}, which {why}")
    more = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
    return replace(box, note=f"{notes[0]}{more}") if notes else box


def _apply(rule: CheckRule, inventory: Inventory) -> Iterator[tuple[Finding, tuple[Object, ...]]]:
    """Each finding, and the objects that except it. Of `once` the first that counts is
    enough."""
    seen: set[tuple[object, ...]] = set()
    for subject in _subjects(rule, inventory):
        for problem in rule.check(subject, inventory):
            finding = _finding(rule, problem)
            if (key := (finding.file, finding.line, finding.column, finding.message)) in seen:
                continue
            seen.add(key)
            concerned = () if rule.section.id == "exceptions" else _concerned(subject, problem)
            excepting = tuple(each for each in concerned if rule.id in ignored_by(each))
            yield finding, excepting
            if rule.once and not excepting:
                return


def _concerned(subject: Any, problem: Problem) -> tuple[Object, ...]:
    """The objects that may except a finding: where it is, and what it is about."""
    about = subject.root if isinstance(subject, CheckedWorkload) else subject
    return problem.place.object, about.object


def _subjects(rule: CheckRule, inventory: Inventory) -> Iterable[Any]:
    if rule.about == "workload":
        return (each for each in inventory.workloads if each.kind in rule.kinds)
    every = inventory.objects if "*" in rule.kinds else inventory.of(*rule.kinds)
    return (each.root for each in every)


def _finding(rule: CheckRule, problem: Problem) -> Finding:
    place = problem.place
    return Finding(
        rule=rule.id,
        level=problem.level or rule.level,
        file=place.object.file,
        line=place.mark.line,
        column=place.mark.column,
        message=printable(problem.message),
        object=place.object.title,
        remediation=rule.remedy,
        section=rule.section.id,
    )


def _box(
    section: Section,
    findings: list[Finding],
    ignored: list[Finding],
    rules: Sequence[CheckRule],
    inventory: Inventory,
) -> Box:
    under = [each for each in findings if each.section == section.id]
    excepted = sum(each.section == section.id for each in ignored)

    def box(state: State, note: str = "") -> Box:
        return Box(section, state, under, excepted, note)

    if any(each.level != "info" for each in under):
        return box("not ticked")
    of_it = {rule.id for rule in RULES if rule.section == section}
    if unasked := of_it - {rule.id for rule in rules}:
        whole = unasked == of_it
        return box(
            "not applicable",
            "no rule of it was asked" if whole else f"not asked: {', '.join(sorted(unasked))}",
        )
    found = of_section(section.id, inventory)
    if excepted:
        subjects = {each.about.title for each in found}
        found = [each for each in found if of_it.isdisjoint(ignored_by(each.about))]
        excepts = (each.object for each in ignored if each.section == section.id)
        if not (found and subjects.issuperset(excepts)):
            return box("not applicable", "what it asks for is excepted")
    by_proof = {proof: [each for each in found if each.proof == proof] for proof in PROOFS}
    if by_proof["open"]:
        return box("not ticked", summary(by_proof["open"]))
    if by_proof["unknown"]:
        return box("not applicable", summary(by_proof["unknown"]))
    return box("ticked") if found else box("not applicable", section.nothing)
