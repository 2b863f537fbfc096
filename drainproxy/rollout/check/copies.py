"""Objects that the input has several times, as overlays do: a cluster would have one of them."""

from collections.abc import Hashable, Iterable

from .place import Object


class Copies:
    """Objects of one kind, namespace and name, by where they were given."""

    def __init__(self) -> None:
        self._first: Object | None = None
        self._by_file: dict[str, Object] = {}
        self._by_folder: dict[str, Object] = {}

    def add(self, each: Object) -> None:
        """One more, after those that were given before it."""
        self._first = self._first or each
        self._by_file.setdefault(each.file, each)
        self._by_folder.setdefault(_folder(each), each)

    def nearest(self, near: Object) -> Object | None:
        """That of the same file as another object, else of the same folder, else the first."""
        found = self._by_file.get(near.file) or self._by_folder.get(_folder(near))
        return found or self._first


class Shelf:
    """Copies under a key by which they are looked up."""

    def __init__(self, found: Iterable[tuple[Hashable, Object]] = ()) -> None:
        self._copies: dict[Hashable, dict[tuple[str, str, str], Copies]] = {}
        for key, each in found:
            same = self._copies.setdefault(key, {})
            same.setdefault((each.kind, each.namespace, each.name), Copies()).add(each)

    def near(self, key: Hashable, near: Object) -> list[Object]:
        """What is under a key in the namespace of another object: of copies, the nearest."""
        found = (copies.nearest(near) for copies in self._copies.get(key, {}).values())
        return [each for each in found if each and each.shares_namespace(near)]


def _folder(each: Object) -> str:
    return each.file.rpartition("/")[0]
