"""What a rule is: an identity, a reason, a remedy, and a function that yields problems."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from .place import FieldPlace

Level = Literal["error", "warning", "info"]
# Of what a box asks for: it is there, it is not there, or the input does not say.
Proof = Literal["proved", "open", "unknown"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)

WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")

_KUBERNETES: Final = "https://kubernetes.io/docs/"


class Section(Struct, frozen=True):
    """A section of the guide, which is a box of the checklist.

    `nothing` says when the box does not apply, `help` is the page of those who own the subject.
    """

    id: str
    title: str
    nothing: str
    help: str


PROBES: Final = Section(
    "probes",
    "Readiness and liveness probes verified",
    "no workload here takes connections",
    _KUBERNETES + "concepts/configuration/liveness-readiness-startup-probes/",
)
GRACE: Final = Section(
    "grace",
    "Termination grace period covers the drain",
    "no workload here takes connections",
    _KUBERNETES + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
)
DRAIN: Final = Section(
    "drain",
    "Connections drained and aged",
    "no workload here takes connections",
    _KUBERNETES + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
)
STRATEGY: Final = Section(
    "strategy",
    "Rolling update, blue-green or canary, with room and time to finish",
    "no workload here",
    _KUBERNETES + "concepts/workloads/controllers/deployment/#strategy",
)
CAPACITY: Final = Section(
    "capacity",
    "Capacity held during rollouts and node drains",
    "no workload here takes connections",
    _KUBERNETES + "concepts/workloads/pods/disruptions/",
)
TRAFFIC: Final = Section(
    "traffic",
    "Services send traffic to ready pods until they are drained",
    "no Service here selects pods",
    _KUBERNETES + "concepts/services-networking/service/",
)
ROLLBACK: Final = Section(
    "rollback",
    "Automatic rollback when errors or latency spike",
    "no workload here takes connections",
    "https://argo-rollouts.readthedocs.io/en/stable/features/analysis/",
)
MIGRATION: Final = Section(
    "migration",
    "Database migration in expand or migrate",
    "nothing here migrates a database",
    "https://martinfowler.com/bliki/ParallelChange.html",
)
SMOKE: Final = Section(
    "smoke",
    "A smoke test in the pipeline",
    "no workload here takes connections",
    "https://helm.sh/docs/topics/chart_tests/",
)
BUDGET: Final = Section(
    "budget",
    "Error budget sufficient",
    "no workload here takes connections",
    "https://sre.google/workbook/error-budget-policy/",
)
OBJECTS: Final = Section(
    "objects",
    "Kinds and versions that a cluster has",
    "nothing here is of a kind that is known",
    _KUBERNETES + "reference/using-api/deprecation-guide/",
)
EXCEPTIONS: Final = Section(
    "exceptions",
    "Every exception has a reason",
    "nothing here is excepted",
    _KUBERNETES + "concepts/overview/working-with-objects/annotations/",
)

# The four that the guide asks for before a release come first.
SECTIONS: Final = (
    *(PROBES, MIGRATION, SMOKE, BUDGET),
    *(GRACE, DRAIN, STRATEGY, CAPACITY, TRAFFIC, ROLLBACK, OBJECTS, EXCEPTIONS),
)


class Problem(Struct, frozen=True):
    """What is wrong, and where. `level` is given where it is less than that of the rule."""

    place: FieldPlace
    message: str
    level: Level | None = None


Check = Callable[[Any, Any], Iterator[Problem]]

# The ids of all rules that were made: an exception may name any of them.
IDS: Final[list[str]] = []


class CheckRule(Struct, frozen=True):
    """A row of the table.

    The function is asked about each subject: a `Workload` where all `kinds` are workloads and
    `about` says so, else the root `FieldPlace` of an object of one of the kinds, or the whole input
    (None). `once`: one finding is enough, whatever the number of subjects.
    """

    id: str
    level: Level
    section: Section
    kinds: tuple[str, ...]
    reason: str
    remedy: str
    check: Check
    about: Literal["workload", "object"]
    once: bool

    @property
    def explanation(self) -> str:
        """What `--explain` adds to reason and remedy."""
        lines = (self.check.__doc__ or "").strip().splitlines()
        return "\n".join(line.strip() for line in lines)


def rule(
    id: str,
    level: Level,
    section: Section,
    *,
    reason: str,
    remedy: str,
    kinds: tuple[str, ...] = WORKLOADS,
    about: Literal["workload", "object"] = "workload",
    once: bool = False,
) -> Callable[[Check], CheckRule]:
    """Make a rule of a function; its docstring is what `--explain` says."""

    def made(check: Check) -> CheckRule:
        IDS.append(id)
        return CheckRule(id, level, section, kinds, reason, remedy, check, about, once)

    return made
