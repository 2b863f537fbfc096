"""Rules about databases: a release expands or migrates, contracts are released alone, and nothing
rolls back behind one."""

import re
from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.check.commands import Call, call, commands
from drainproxy.rollout.check.hooks import changes_a_database, in_pod, unseen
from drainproxy.rollout.check.inventory import Inventory, hook_of, hook_phases
from drainproxy.rollout.check.migrating import migrates, unread
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.rule import MIGRATION, WORKLOADS, Problem, Proof, rule
from drainproxy.rollout.check.sql import Contract

PHASE: Final = "drainproxy.io/migration-phase"
_VERSION: Final = "drainproxy.io/schema-version"
_PHASES: Final = ("expand", "migrate", "contract")
_JOBS: Final = ("Job", "CronJob", "Pod")
_TEST_HOOKS: Final = {"test", "test-success"}
_RELEASE_HOOKS: Final = {"PreSync", "Sync", "pre-upgrade", "pre-install"}

# Commands that take code back by themselves.
_GOING_BACK: Final = (
    call("helm", "--atomic|--rollback-on-failure|rollback"),
    call("kubectl|rollout|rollouts", "undo"),
)


def phase(each: Object) -> FieldPlace:
    """Where an object says which phase of a migration it belongs to."""
    return each.annotation(PHASE)


def phases(each: Object) -> set[str]:
    """The phases that an object says, a HelmRelease in its values."""
    if each.kind == "HelmRelease":
        return {place.text for place in each.root.every_text() if place.path[-1] == PHASE}
    return {phase(each).text} - {""}


def migrations(inventory: Inventory) -> list[Object]:
    """What says a phase, and what plainly changes a schema."""
    return inventory.that(_is_about_one)


def _is_about_one(each: Object, inventory: Inventory) -> bool:
    if phases(each) or changes_by_sql(each, inventory):
        return True
    runs = each.kind in (*WORKLOADS, *_JOBS)
    return runs and bool(migrates(each, inventory) or not_seen(each, inventory))


def not_seen(each: Object, inventory: Inventory) -> str:
    """What may change a database and is not looked at, in words; empty if all is. What the clock
    runs and what tests have SQL of their own."""
    hook = hook_of(each)
    is_aside = each.kind == "CronJob" or (hook is not None and hook_phases(hook) & _TEST_HOOKS)
    return unread(each, inventory) or ("" if is_aside else unseen(each, inventory))


def changes_by_sql(each: Object, inventory: Inventory) -> bool:
    """Whether it is a Job or the start of a workload in whose commands SQL changes something with
    the release, which a test does not; or a CronJob that changes a schema. One that is suspended is
    run by hand, as a Job."""
    hook = hook_of(each)
    is_test = hook is not None and hook_phases(hook) & _TEST_HOOKS
    if each.kind not in (*WORKLOADS, *_JOBS) or is_test:
        return False
    by_the_clock = each.kind == "CronJob" and each.root.at("spec", "suspend").value is not True
    return changes_a_database(each, inventory, by_the_clock=by_the_clock)


def in_words(each: Object, inventory: Inventory) -> tuple[Proof, str]:
    """What the SQL that an object holds says of the phase that it claims; proved if it has none."""
    found = [*in_pod(each, inventory)] if each.kind in (*WORKLOADS, *_JOBS) else []
    for _, said in found:
        if isinstance(said, Contract):
            return "open", f"{said.words!r} is a contract"
    if found:
        return "unknown", f"{found[0][1].words!r} is not understood"
    return "proved", ""


def contract_of(each: Object, inventory: Inventory) -> tuple[FieldPlace, str] | None:
    """The first contract in the SQL that belongs to a release: where it stands, and its words."""
    if not changes_by_sql(each, inventory):
        return None
    found = in_pod(each, inventory)
    return next(((at, said.words) for at, said in found if isinstance(said, Contract)), None)


def undoes(each: Object, inventory: Inventory) -> bool:
    """Whether it is a Job that takes code back."""
    texts = (text for _, text in commands(each, inventory)) if each.kind in _JOBS else ()
    return any(_calls(_GOING_BACK, text) for text in texts)


def _calls(calls: tuple[Call, ...], text: str) -> str | None:
    """The first of these calls in a command."""
    found = (each.found_in(text) for each in calls)
    return next(filter(None, found), None)


@rule(
    "migration-phase-invalid",
    "error",
    MIGRATION,
    kinds=(*WORKLOADS, *_JOBS),
    about="object",
    reason="A phase or schema version that cannot be read has no effect.",
    remedy='Write expand, migrate or contract, and a schema version such as "7".',
)
def migration_phase_invalid(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """Gate and admission policy read drainproxy.io/migration-phase and drainproxy.io/schema-version
    by the letter. A schema version is a text of one to nine digits, and a number without quotes is
    none. A pod template that says something else than its workload leaves open what holds, and so
    does a Job that says expand or migrate and runs SQL that takes away."""
    for place in root.object.annotations(PHASE):
        if place.text not in _PHASES:
            yield Problem(place, f"{place.text!r} is no phase: write one of {', '.join(_PHASES)}")
    for version in root.object.annotations(_VERSION):
        if not re.fullmatch(r"[0-9]{1,9}", version.text):
            right = 'write digits, such as "7"'
            yield Problem(version, f"{version.text!r} is no schema version: {right}")
        elif not isinstance(version.value, str):
            yield Problem(version, f'an annotation is a text: write "{version.text}" in quotes')
    for name in (PHASE, _VERSION):
        given = root.object.annotations(name)
        for other in given[1:]:
            if other.text != given[0].text:
                said = f"{other.text!r} contradicts {given[0].text!r} of the object itself"
                yield Problem(other, f"{name}: {said}: write one of the two")
    if phase(root.object).text in ("expand", "migrate") and (found := _late(root, inventory)):
        said = f"it is in phase {phase(root.object).text}, but {found[1]!r} is a contract"
        yield Problem(found[0], f"{said}: say {PHASE}: contract, and run it 24 h after the release")


def _late(root: FieldPlace, inventory: Inventory) -> tuple[FieldPlace, str] | None:
    """The contract of a Job that other rules say nothing of: those that run in a release do."""
    hook = hook_of(root.object)
    in_release = hook is not None and hook_phases(hook) & _RELEASE_HOOKS
    if root.object.kind in WORKLOADS or in_release:
        return None
    return contract_of(root.object, inventory)


@rule(
    "migration-phase-missing",
    "warning",
    MIGRATION,
    kinds=(*WORKLOADS, *_JOBS),
    about="object",
    reason="Without a stated phase it is unknown whether the release can be rolled back.",
    remedy=f"Annotate it with {PHASE}: expand, migrate or contract.",
)
def migration_phase_missing(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """What runs a migration tool, a Job or a container of a workload, belongs to a phase: expand
    adds, migrate fills, contract takes away. A tool is known by what a command runs (`alembic
    upgrade`, `npx prisma migrate deploy`), other programs by a task or a name that says nothing
    else (`npm run db:migrate`, `bin/migrate`). `drainproxy migration lint` says which phase its SQL
    belongs to. A Job whose SQL stands in the input and only adds needs to say nothing."""
    if phase(root.object).exists:
        return
    if found := migrates(root.object, inventory):
        place = root.at("metadata", "name")
        said = f"{root.object.title} migrates a database ({found}): say {PHASE}: expand"
        yield Problem(place, said)
    elif late := _late(root, inventory):
        said = f"{root.object.title} changes a database, and {late[1]!r} is a contract"
        yield Problem(late[0], f"{said}: say {PHASE}: contract")


@rule(
    "contract-in-release",
    "error",
    MIGRATION,
    kinds=WORKLOADS,
    about="object",
    reason="A release with a contract cannot be rolled back.",
    remedy="Release the code with expand or migrate; contract alone, 24 h later.",
)
def contract_in_release(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """The contract phase removes what the version before needs. It comes at least 24 h after the
    last successful deployment of the code that does without, as a step of its own: `drainproxy
    migration begin contract`. SQL in an init container, or at the start of a container, runs with
    the first new pod, while all old ones serve."""
    place = phase(root.object)
    if place.text == "contract":
        yield Problem(
            place,
            f"{root.object.title} is released in phase contract: release it in expand or migrate,"
            " and begin the contract 24 h after that was deployed",
        )
    elif found := contract_of(root.object, inventory):
        said = f"{found[1]!r} runs as a pod of {root.object.title} starts"
        yield Problem(found[0], f"{said}, and the old pods still need it: run it 24 h after")


@rule(
    "migration-in-release-hook",
    "error",
    MIGRATION,
    kinds=_JOBS,
    about="object",
    reason="A contract before an upgrade breaks the old pods that still serve.",
    remedy="Take it out of the release, and run it 24 h after.",
)
def migration_in_release_hook(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """PreSync and pre-upgrade hooks run while the old version serves every client. What they drop
    or rename is missed at once, and again after a rollback. Expand belongs there, contract does
    not. Looked at is the SQL in commands and in ConfigMaps that the pod mounts, without the ways
    down; what is not understood there is a warning."""
    hook = hook_of(root.object)
    if hook is None or not hook_phases(hook) & _RELEASE_HOOKS:
        return
    place = phase(root.object)
    if place.text == "contract":
        yield Problem(place, f"phase contract in a {hook.text} hook: the old pods still serve")
        return
    for where, found in in_pod(root.object, inventory):
        if isinstance(found, Contract):
            said = f"{found.words!r} in a {hook.text} hook: the old pods still need it"
            yield Problem(where, said)
        else:
            yield Problem(
                where,
                f"{found.words!r} in a {hook.text} hook is not understood: ask"
                " `drainproxy migration lint` and read it before the release",
                "warning",
            )


@rule(
    "rollback-crosses-contract",
    "error",
    MIGRATION,
    kinds=(*WORKLOADS, "HelmRelease", "Canary", *_JOBS),
    about="object",
    reason="Behind a contract the version before cannot run: a rollback is an outage.",
    remedy="Switch automatic rollbacks off for this release, or gate them.",
)
def rollback_crosses_contract(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """After a contract the schema no longer fits the old code. What would bring that back by itself
    must be off: old ReplicaSets one `undo` away, rollbackWindow, the remediation of Flux, a
    Canary's threshold, and commands of Jobs such as helm upgrade --rollback-on-failure (--atomic
    before Helm 4), helm rollback and kubectl rollout undo."""
    each = root.object
    if each.kind == "HelmRelease":
        if "contract" in phases(each) or _contracts_near(each, inventory):
            yield from _flux(root)
    elif each.kind == "Canary":
        target = root.at("spec", "targetRef")
        found = inventory.named(target.at("kind").text, target.at("name").text, each)
        if phase(each).text == "contract" or (found and phase(found).text == "contract"):
            yield from _flagger(root)
    elif each.kind in _JOBS:
        yield from _commanded(each, inventory)
    elif phase(each).text == "contract":
        yield from _workload(root)


def _workload(root: FieldPlace) -> Iterator[Problem]:
    limit = root.at("spec", "revisionHistoryLimit")
    if limit.number != 0:
        kept = 10 if limit.number is None else limit.number
        yield Problem(
            limit,
            f"{kept} revisions of {root.object.title} can be gone back to behind the contract: set"
            " revisionHistoryLimit: 0",
        )
    if (window := root.at("spec", "rollbackWindow")).exists:
        yield Problem(
            window, "rollbackWindow skips the steps and analyses of a rollback: remove it"
        )


def flux_rolls_back(root: FieldPlace) -> bool:
    """Whether Flux goes back to the release before where an upgrade fails."""
    upgrade = root.at("spec", "upgrade")
    remediation, strategy = upgrade.at("remediation"), upgrade.at("strategy", "name")
    retries = remediation.at("retries").number or 0
    remediates = remediation.at("remediateLastFailure").value is True or retries != 0
    says = strategy.text == "RemediateOnFailure" or remediation.at("strategy").text == "rollback"
    uninstalls = remediation.at("strategy").text == "uninstall"
    return strategy.text != "RetryOnFailure" and not uninstalls and (says or remediates)


def _flux(root: FieldPlace) -> Iterator[Problem]:
    upgrade = root.at("spec", "upgrade")
    remediation, strategy = upgrade.at("remediation"), upgrade.at("strategy", "name")
    if flux_rolls_back(root):
        yield Problem(
            remediation if remediation.exists else strategy,
            "Flux rolls a failed upgrade back behind the contract: set"
            " spec.upgrade.strategy.name: RetryOnFailure",
        )
    if (old := root.at("spec", "rollback", "enable")).value is True:
        yield Problem(old, "the Helm operator rolls back behind the contract: set enable: false")


def _flagger(root: FieldPlace) -> Iterator[Problem]:
    metrics = root.at("spec", "analysis", "metrics")
    if metrics.items:
        yield Problem(
            metrics,
            "Flagger rolls back on these thresholds behind the contract, and no hook can veto it:"
            " remove the metrics and let a confirm-promotion hook decide",
        )


def _commanded(job: Object, inventory: Inventory) -> Iterator[Problem]:
    for where, text in commands(job, inventory):
        found = _calls(_GOING_BACK, text)
        if found and _contracts_near(job, inventory):
            yield Problem(where, f"{found!r} goes back behind a contract in this release")


def _contracts_near(each: Object, inventory: Inventory) -> bool:
    return inventory.has_near(_contracts, each)


def _contracts(each: Object, _: Inventory) -> bool:
    return phase(each).text == "contract"
