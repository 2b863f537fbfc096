"""The same values as many people would write them: `write` makes YAML in a style that changes from
node to node, `scribble` edits a text without changing what it says."""

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][\w./-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_NULLS = ("", " null", " ~", " Null")


def write(value: Any, random: Random) -> str:
    """A document of YAML that stands for this value."""
    return "\n".join(_Hand(random).lines(value, 0)) + "\n"


class _Hand:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._anchors: dict[str, str] = {}
        self._offset = random.choice((0, 0, 2))
        self._step = random.choice((2, 2, 2, 4, 3))
        self._habits = random.choice((0, 0.05, 0.3))

    def lines(self, value: Any, column: int) -> Iterator[str]:
        """The lines of a collection whose first key or dash is in this column."""
        margin = " " * column
        if isinstance(value, list):
            dash = "-" + " " * self._random.choice((1, 1, 1, 3))
            for item in value:
                yield from self._comment(column)
                yield from self._item(item, dash, column)
            return
        for key, each in self._shuffled(value):
            yield from self._comment(column)
            head = f"{margin}{self._key(key)}:"
            if self._is_inline(each):
                yield head + self._inline(each)
                continue
            yield head + self._anchor(each) + self._remark()
            offset = self._offset if isinstance(each, list) else self._step
            yield from self.lines(each, column + offset)

    def _item(self, item: Any, dash: str, column: int) -> Iterator[str]:
        margin = " " * column
        if self._is_inline(item):
            yield margin + "-" + (self._inline(item) or " null")
        elif self._rarely():
            yield margin + "-" + self._anchor(item) + self._remark()
            yield from self.lines(item, column + self._step)
        else:
            lines = [*self.lines(item, column + len(dash))]
            while lines[0].lstrip().startswith("#"):
                yield lines.pop(0)
            yield margin + dash + lines[0][column + len(dash) :]
            yield from lines[1:]

    def _inline(self, value: Any) -> str:
        alias = self._alias(value)
        if value is None and not alias:
            return self._random.choice(_NULLS) + self._remark()
        blanks = " " * self._random.choice((1, 1, 1, 2))
        anchor = "" if alias else self._anchor(value).lstrip()
        text = " ".join(filter(None, (anchor, alias or self._flow(value))))
        return blanks + text + self._remark()

    def _flow(self, value: Any) -> str:
        inner = self._random.choice(("", "", " "))
        if isinstance(value, dict):
            entries = self._shuffled(value)
            pairs = [f"{self._key(key)}: {self._flow(each)}" for key, each in entries]
            if entries and entries[-1][1] is None and self._random.random() < 0.5:
                pairs[-1] = f"{self._key(entries[-1][0])}: "
            return "{" + inner + ", ".join(pairs) + inner + "}"
        if isinstance(value, list):
            return "[" + inner + ", ".join(map(self._flow, value)) + inner + "]"
        return self._scalar(value)

    def _scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        styles = ["double"]
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            styles += ["plain"] * 4
        if value.isprintable():
            styles.append("single")
        style = self._random.choice(styles)
        if style == "double":
            return _in_double_quotes(value)
        return value if style == "plain" else "'" + value.replace("'", "''") + "'"

    def _key(self, key: str) -> str:
        is_plain = _PLAIN.fullmatch(key) and key.lower() not in _WORDS
        return key if is_plain else _in_double_quotes(key)

    def _is_inline(self, value: Any) -> bool:
        if not (isinstance(value, dict | list) and value):
            return True
        return self._rarely() or (self._habits > 0 and json.dumps(value) in self._anchors)

    def _alias(self, value: Any) -> str:
        name = self._anchors.get(json.dumps(value))
        return f"*{name}" if name and self._random.random() < 0.7 else ""

    def _anchor(self, value: Any) -> str:
        if not self._rarely() or json.dumps(value) in self._anchors:
            return ""
        name = self._anchors[json.dumps(value)] = f"a{len(self._anchors)}"
        return f" &{name}"

    def _comment(self, column: int) -> Iterator[str]:
        if self._rarely():
            yield self._random.choice(
                ("", "  ", " " * column + "# a comment: {", "# - at the left")
            )

    def _remark(self) -> str:
        if not self._rarely():
            return ""
        return self._random.choice(("  # why", " # - a: [", "   ", "\t"))

    def _rarely(self) -> bool:
        return self._random.random() < self._habits

    def _shuffled(self, value: dict[str, Any]) -> list[tuple[str, Any]]:
        entries = [*value.items()]
        if self._rarely():
            self._random.shuffle(entries)
        return entries


def _in_double_quotes(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(m if m.isprintable() else f"\\U{ord(m):08x}" for m in plain) + '"'


def scribble(text: str, random: Random) -> str:
    """The text with other blanks, comments and ends of lines; some of it may not be YAML then."""
    lines = text.split("\n")
    for _ in range(random.choice((0, 1, 3, 10))):
        at = random.randrange(len(lines))
        edit = random.choice((_remark, _comment, _blank, _trail, _null, _space))
        lines[at : at + 1] = edit(lines[at])
    text = "\n".join(lines)
    end = random.choice(("keep", "keep", "none", "more", "comment", "document", "blanks"))
    text = {
        "none": text.rstrip("\n"),
        "more": text + "\n\n",
        "comment": text + "# the end\n",
        "document": text + "---\n---\n# nothing\n---\n",
        "blanks": text.rstrip("\n") + "   ",
    }.get(end, text)
    if random.random() < 0.2:
        text = text.replace("\n", "\r\n")
    return "\ufeff" + text.lstrip("\ufeff") if random.random() < 0.1 else text


def _remark(line: str) -> list[str]:
    return [line + " # remark"]


def _comment(line: str) -> list[str]:
    return ["    # a comment", line]


def _blank(line: str) -> list[str]:
    return [line, ""]


def _trail(line: str) -> list[str]:
    return [line + "  "]


def _null(line: str) -> list[str]:
    return [re.sub(r":\s*(?:\{\}|\[\])$", ": ~", line)]


def _space(line: str) -> list[str]:
    return [re.sub(r": (?=\S)", ":   ", line, count=1)]
