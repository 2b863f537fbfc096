"""Parses JSON (RFC 8259) into nodes. A YAML parser would do for most of it but not all: JSON has
other escapes, keys of any length, and tabs anywhere."""

import json
import re
from typing import Final

from .nodes import DEEPEST, MAPPING, SCALAR, SEQUENCE, Budget, Node, Unreadable
from .scalars import number_of

# Made once: `json.loads` makes a decoder for each call that has a parse_float.
_decode = json.JSONDecoder(parse_float=number_of).raw_decode
# Characters for each value: the densest JSON of Kubernetes has five.
_DENSEST: Final = 4.5
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
    ([{}\[\],:])
    |"([^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*)"
    |(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)
    )""",
    re.VERBOSE,
)
_BLANKS = re.compile(r"[ \t\r\n]*")
# Half of a pair of surrogates, which is no character and cannot be encoded.
_HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """A text as kubectl reads it (Go's encoding/json, unquote): what is half a character becomes
    U+FFFD."""
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", text)


def scan(text: str, budget: Budget | None = None) -> Node:
    """The document in a text. Raises Unreadable. `budget`: of the input that it is a part of;
    without one it is all of it."""
    budget = budget or Budget(len(text))
    scanner = _Scanner(text, budget.most(_DENSEST))
    root = scanner.value(scanner.next(), 0)
    budget.spend(scanner.seen, _DENSEST)
    if (end := _BLANKS.match(text, root.end)) and end.end() < len(text):
        raise scanner.problem(end.end())
    return root


class _Scanner:
    def __init__(self, text: str, most: int) -> None:
        self._text = text
        self._at = 0
        self._most = most
        self.seen = 0

    def next(self) -> re.Match[str]:
        """The token after the one before."""
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise self.problem(self._at)
        self._at = match.end()
        return match

    def value(self, token: re.Match[str], depth: int) -> Node:
        """The value that begins with a token."""
        self.seen += 1
        if self.seen > self._most:
            problem = "is not valid JSON: it holds more values than any manifest of its length"
            raise self.problem(token.start(), problem)
        if token[1] is None:
            return _scalar(token)
        if depth >= DEEPEST:
            raise self.problem(token.start(1), f"is nested too deeply: more than {DEEPEST} levels")
        if token[1] == "[":
            return self._sequence(token, depth)
        if token[1] == "{":
            return self._mapping(token, depth)
        raise self.problem(token.start(1))

    def _sequence(self, token: re.Match[str], depth: int) -> Node:
        node = Node(SEQUENCE, token.start(1), 0, [])
        token = self.next()
        while token[1] != "]":
            item = self.value(token, depth + 1)
            node.content.append(item)
            node.size += item.size
            token = self._after("]")
        node.end = token.end()
        return node

    def _mapping(self, token: re.Match[str], depth: int) -> Node:
        node = Node(MAPPING, token.start(1), 0, [])
        found: dict[str, tuple[Node, Node]] = {}
        token = self.next()
        while token[1] != "}":
            if token[2] is None:
                raise self.problem(self._at)
            key = _scalar(token)
            self.seen += 1
            self._expect(":")
            value = self.value(self.next(), depth + 1)
            found[key.content] = key, value  # the last one counts, as in kubectl
            node.size += value.size
            token = self._after("}")
        node.content = list(found.values())
        node.end = token.end()
        return node

    def _after(self, close: str) -> re.Match[str]:
        """The token after a comma, or the end."""
        token = self.next()
        if token[1] == close:
            return token
        if token[1] != ",":
            raise self.problem(token.start())
        token = self.next()
        if token[1] == close:
            raise self.problem(token.start())
        return token

    def _expect(self, mark: str) -> None:
        token = self.next()
        if token[1] != mark:
            raise self.problem(token.start())

    def problem(self, at: int, text: str = "is not valid JSON") -> Unreadable:
        """What is wrong there."""
        return Unreadable(text, self._text.count("\n", 0, at) + 1)


def _scalar(token: re.Match[str]) -> Node:
    if token[2] is None:
        value, _ = _decode(token[3])
        return Node(SCALAR, token.start(3), token.end(3), value)
    start, end = token.start(2) - 1, token.end(2) + 1
    text = token[2] if "\\" not in token[2] else whole(json.loads(f'"{token[2]}"'))
    return Node(SCALAR, start, end, text, '"')
