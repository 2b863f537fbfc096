"""Objects that occur several times in the input, as overlays do: a cluster would have one of
them."""

from collections.abc import Hashable, Iterable, Iterator
from heapq import merge

from .place import Object


class Copies:
    """Objects of one kind, namespace and name, by where they were given. `order` is that of the
    first among all that were given."""

    def __init__(self, order: int, first: Object) -> None:
        self.order = order
        self._first = first
        self._by_file: dict[str, Object] = {}
        self._by_folder: dict[str, Object] = {}

    def add(self, each: Object) -> None:
        """One more, after those that were given before it."""
        self._by_file.setdefault(each.file, each)
        self._by_folder.setdefault(each.folder, each)

    def nearest(self, near: Object) -> Object:
        """That of the same file as another object, else of the same folder, else the first."""
        found = self._by_file.get(near.file) or self._by_folder.get(near.folder)
        return found or self._first


class Shelf:
    """Copies under a key by which they are looked up, apart for each namespace: charts give the
    same names in many."""

    def __init__(self, found: Iterable[tuple[Hashable, Object]] = ()) -> None:
        self._every: dict[Hashable, list[Copies]] = {}
        self._apart: dict[tuple[Hashable, str], list[Copies]] = {}
        known: dict[tuple[Hashable, str, str, str], Copies] = {}
        for order, (key, each) in enumerate(found):
            identity = key, each.kind, each.namespace, each.name
            if identity not in known:
                known[identity] = copies = Copies(order, each)
                self._every.setdefault(key, []).append(copies)
                self._apart.setdefault((key, each.namespace), []).append(copies)
            known[identity].add(each)

    def near(self, key: Hashable, near: Object) -> Iterator[Object]:
        """What is under a key in the namespace of another object, or may be: of copies, the
        nearest."""
        found: Iterable[Copies]
        if near.namespace:
            spaces = (self._apart.get((key, space), ()) for space in (near.namespace, ""))
            found = merge(*spaces, key=lambda copies: copies.order)
        else:
            found = self._every.get(key, ())
        return (copies.nearest(near) for copies in found)
