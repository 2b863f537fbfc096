"""The pods of the input by their labels: those that a selector selects, and near misses by one
label."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from .place import FieldPlace, Object

Labels = Mapping[str, str]
_Names = tuple[str, ...]


class CheckedPod(Struct, frozen=True, eq=False):
    """A pod, or the template of pods, with its labels. `order` is that of the input."""

    order: int
    place: FieldPlace
    labels: Labels


class Pods:
    """All of them. Charts give a label to all that they make, so that one label finds too many."""

    def __init__(self, places: Iterable[FieldPlace]) -> None:
        self._every = [
            CheckedPod(order, each, each.at("metadata", "labels").texts)
            for order, each in enumerate(places)
        ]
        self._by_label: dict[tuple[str, str, str | None], list[CheckedPod]] = {}
        self._by_key: dict[str, list[CheckedPod]] = {}
        self._by_name: dict[str, list[CheckedPod]] = {}
        for pod in self._every:
            self._by_name.setdefault(pod.place.object.name, []).append(pod)
            for key, value in pod.labels.items():
                self._by_key.setdefault(key, []).append(pod)
                for space in (pod.place.object.namespace, None):
                    self._by_label.setdefault((key, value, space), []).append(pod)
        self._but_one: dict[tuple[_Names, str], dict[tuple[_Names, str | None], CheckedPod]] = {}

    def selected(self, wanted: Labels, near: Object) -> Iterator[CheckedPod]:
        """Those that have all these labels, in the namespace of an object; none for no label."""
        found = [self._with(key, value, near.namespace) for key, value in wanted.items()]
        for pod in min(found, key=len, default=()):
            if wanted.items() <= pod.labels.items():
                yield pod

    def _with(self, key: str, value: str, space: str) -> list[CheckedPod]:
        if not space:
            return self._by_label.get((key, value, None), [])
        own, anywhere = (self._by_label.get((key, value, each), []) for each in (space, ""))
        return own + anywhere if own and anywhere else own or anywhere

    def missed(self, wanted: Labels, near: Object) -> tuple[CheckedPod, str] | None:
        """The first pod that has all but one of these labels, and another value of that one. Where
        only one label is wanted it must be of the same name as the object."""
        found = [(pod, key) for key in wanted for pod in self._close(key, wanted, near)]
        return min(found, key=lambda each: each[0].order, default=None)

    def _close(self, key: str, wanted: Labels, near: Object) -> Iterator[CheckedPod]:
        return self._named(key, near) if len(wanted) == 1 else self._but(key, wanted, near)

    def _named(self, key: str, near: Object) -> Iterator[CheckedPod]:
        for pod in self._by_name.get(near.name, ()):
            if key in pod.labels and pod.place.object.shares_namespace(near):
                yield pod

    def _but(self, key: str, wanted: Labels, near: Object) -> Iterator[CheckedPod]:
        """The first pods, of each namespace that counts, that have all but one."""
        rest = tuple(sorted(wanted.keys() - {key}))
        values = tuple(wanted[each] for each in rest)
        index = self._by_values(rest, key)
        for space in (near.namespace, "") if near.namespace else (None,):
            if pod := index.get((values, space)):
                yield pod

    def _by_values(self, names: _Names, other: str) -> dict[tuple[_Names, str | None], CheckedPod]:
        """The first pod of each namespace that has these labels, by their values, and another."""
        if (names, other) not in self._but_one:
            index: dict[tuple[_Names, str | None], CheckedPod] = {}
            rarest = min((self._by_key.get(each, []) for each in (*names, other)), key=len)
            for pod in rarest:
                if other in pod.labels and all(each in pod.labels for each in names):
                    values = tuple(pod.labels[each] for each in names)
                    for space in (pod.place.object.namespace, None):
                        index.setdefault((values, space), pod)
            self._but_one[names, other] = index
        return self._but_one[names, other]
