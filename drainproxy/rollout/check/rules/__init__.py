"""The table of rules. The order is that of the checklist."""

from typing import Final

from drainproxy.rollout.check.rule import CheckRule

from . import (
    analysis,
    budgets,
    capacity,
    delivery,
    drain,
    exceptions,
    migration,
    objects,
    pipeline,
    probes,
    strategy,
    traffic,
)

_MODULES: Final = (
    *(probes, migration, pipeline, drain, strategy, delivery),
    *(capacity, budgets, traffic, analysis, objects, exceptions),
)

RULES: Final[tuple[CheckRule, ...]] = tuple(
    each for module in _MODULES for each in vars(module).values() if isinstance(each, CheckRule)
)
BY_ID: Final = {each.id: each for each in RULES}
