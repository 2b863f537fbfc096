"""Reads a YAML file by its nodes, so that every mistake is reported with its line.

Texts keep their spelling: YAML's own reading of `0x10`, `12:30` or `off` differs between its
versions.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from drainproxy.config import Mistake
from drainproxy.config.mistakes import did_you_mean
from drainproxy.config.yaml_text import yaml_problem

from .hiding import variables as secret_values
from .variables import substitute, used

# A node of ruamel's composer, which has no types.
Node = Any
FieldReader = Callable[["Reader", Node], Any]
Table = Mapping[str, FieldReader]


class Reader:
    """One file: its name, its variables, and what has been found wrong with it."""

    def __init__(self, name: str, variables: Mapping[str, str]) -> None:
        self.name = name
        self.variables = variables
        self._outside = variables
        self._used: set[str] = set()
        self._found: list[tuple[int, Mistake]] = []

    @property
    def mistakes(self) -> list[Mistake]:
        """In the order of their lines."""
        return [mistake for _, mistake in sorted(self._found, key=lambda each: each[0])]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What has been used of variables from outside the file, and is secret."""
        known = self.variables
        return secret_values(
            {
                name: value
                for name, value in self._outside.items()
                if name in self._used and known.get(name) == value
            }
        )

    def compose(self, text: str) -> Node | None:
        """The root of the file; None if it is empty, or no YAML, which is noted."""
        from ruamel.yaml import YAML

        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False
        try:
            root = yaml.compose(text)
        except Exception as error:  # ruamel raises more than its own errors on hostile text
            mark = getattr(error, "problem_mark", None)
            self._note(mark.line + 1 if mark else 1, "", yaml_problem(error))
            return None
        knot = None if root is None else _knot(root, set(), set())
        if knot is None:
            return root
        self.wrong(knot, "stands within itself, by its anchor")
        return None

    def wrong(self, node: Node, problem: str, name: str = "") -> None:
        """Note a mistake at this node."""
        self._note(line(node), name, problem)

    def _note(self, number: int, name: str, problem: str) -> None:
        self._found.append((number, Mistake(f"{self.name}:{number}", name, problem)))

    def fields(self, node: Node, table: Table, what: str) -> dict[str, Any]:
        """What stands under the keys of the table, by their names in Python. Unknown keys, keys
        that are there twice and values that their readers refuse are noted and left out."""
        found = {}
        for key, value in self.entries(node, what):
            name = str(key.value)
            if name not in table:
                self._unknown(key, table, what)
                continue
            try:
                found[name.replace("-", "_")] = table[name](self, value)
            except ValueError as error:
                # A value that is not there begins where the next one does.
                self.wrong(key if is_null(value) else value, f"{name} {error}", name)
        return found

    def entries(self, node: Node, what: str) -> Iterator[tuple[Node, Node]]:
        """The keys and values of a mapping; none, and a mistake, if it is something else."""
        if node.id != "mapping":
            self.wrong(node, f"{what} must be a mapping of keys and values")
            return
        seen = set()
        for key, value in merged(node):
            if key.id != "scalar":
                self.wrong(key, f"a key of {what} must be a word")
            elif key.value in seen:
                self.wrong(key, f"{key.value} is given twice", key.value)
            else:
                yield key, value
            seen.add(key.value if key.id == "scalar" else None)

    def _unknown(self, key: Node, known: Iterable[str], what: str) -> None:
        near = did_you_mean(key.value, known)
        hint = f"did you mean {near}?" if near else f"it has {', '.join(known)}"
        self.wrong(key, f"{key.value} is not a key of {what}: {hint}", key.value)

    def text(self, node: Node) -> str:
        """A text with its variables; ValueError if it is none."""
        if node.id != "scalar" or is_null(node):
            raise ValueError("must be a text")
        text = str(node.value)
        self._used.update(used(text))
        return substitute(text, self.variables)

    def texts(self, node: Node) -> tuple[str, ...]:
        """A text, or a list of them; ValueError if it is neither."""
        if node.id != "sequence":
            return (self.text(node),)
        return tuple(self.text(item) for item in node.value)

    def message(self, node: Node) -> str | bytes:
        """A text, or with `!!binary` bytes in base64; ValueError if it is neither."""
        if not (node.id == "scalar" and node.tag.endswith(":binary")):
            return self.text(node)
        try:
            return base64.b64decode("".join(node.value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("is not base64, which !!binary says that it is") from None

    def pairs(self, node: Node) -> tuple[tuple[str, str], ...]:
        """Names with a text, or with several; ValueError if one of them is none."""
        if node.id != "mapping":
            raise ValueError("must be a mapping of names and texts")
        return tuple(
            (str(key.value), text) for key, value in merged(node) for text in self.texts(value)
        )

    def value(self, node: Node) -> Any:
        """What JSON can say; variables stand in texts only. ValueError if it can not."""
        if node.id == "mapping":
            return {self.text(key): self.value(value) for key, value in merged(node)}
        if node.id == "sequence":
            return [self.value(item) for item in node.value]
        if is_null(node):
            return None
        kind = node.tag.rpartition(":")[2]
        if kind == "bool":
            return node.value.lower() == "true"
        if kind in ("int", "float"):
            return number(node.value)
        return self.text(node)


def merged(node: Node) -> Iterator[tuple[Node, Node]]:
    """The entries of a mapping; those that `<<` brings from others stand behind its own."""
    own = [(key, value) for key, value in node.value if key.value != "<<"]
    yield from own
    names = {key.value for key, _ in own if key.id == "scalar"}
    for key, value in node.value:
        if key.value == "<<":
            for source in value.value if value.id == "sequence" else [value]:
                for each in merged(source) if source.id == "mapping" else ():
                    if each[0].value not in names:
                        names.add(each[0].value)
                        yield each


def keys(node: Node) -> set[str]:
    """The words that are keys of a mapping; none of what is none."""
    if node.id != "mapping":
        return set()
    return {str(key.value) for key, _ in merged(node) if key.id == "scalar"}


def number(text: str) -> int | float:
    """A number of YAML 1.2."""
    plain = text.replace("_", "")
    try:
        return int(plain, 0)
    except ValueError:
        return float(plain)


def _knot(node: Node, above: set[int], done: set[int]) -> Node | None:
    """A node that an alias below it leads back to."""
    if id(node) in above:
        return node
    if id(node) in done or node.id == "scalar":
        return None
    done.add(id(node))
    parts = node.value if node.id == "sequence" else [each for pair in node.value for each in pair]
    below = above | {id(node)}
    found = (_knot(each, below, done) for each in parts)
    return next((each for each in found if each is not None), None)


def line(node: Node) -> int:
    """Where a node begins, counted from 1."""
    return int(node.start_mark.line) + 1


def is_null(node: Node) -> bool:
    """Whether nothing stands there."""
    return bool(node.tag.endswith(":null"))
