"""Label selectors, as the API server evaluates them (LabelSelector of meta/v1)."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from .misfits import Texts, filled

Label = tuple[str, str]


class Requirement(Struct, frozen=True):
    """A condition on one label; an operator that nobody knows is met by none."""

    key: str
    operator: str
    values: list[str | None] | None = None

    @property
    def texts(self) -> Sequence[str]:
        """The values as the API server reads them: null is the empty text."""
        return [each or "" for each in self.values or ()]

    def is_met(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it. A label that is missing is in no set."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.texts
            case "NotIn":
                return labels.get(self.key) not in self.texts
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        return False


class Selector(Struct, rename="camel", frozen=True):
    """All conditions must be met; without any, everything is selected."""

    match_labels: Texts | None = None
    match_expressions: list[Requirement] | None = None

    @property
    def labels(self) -> Mapping[str, str]:
        """Those that whatever it selects must have."""
        return filled(self.match_labels)

    @property
    def label(self) -> Label | None:
        """One of those that whatever it selects must have; None if it names none."""
        return next(iter(self.labels.items()), None)

    def keys(self) -> Iterator[str]:
        """The labels on which it depends."""
        yield from self.labels
        yield from (each.key for each in self.match_expressions or [])

    def size(self) -> int:
        """How many values there are to compare."""
        conditions = self.match_expressions or []
        values = sum(1 + len(each.values or ()) for each in conditions)
        return 1 + len(self.labels) + values

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether something with these labels is selected."""
        same = self.labels.items() <= labels.items()
        return same and all(each.is_met(labels) for each in self.match_expressions or [])
