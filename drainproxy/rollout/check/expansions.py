"""What a shell makes of a text before it runs commands, each in one pass: it takes the bodies of
here-documents out, runs what stands in command substitutions, and puts values in the place of
variables that it knows (POSIX.1-2024, Shell Command Language, 2.6 and 2.7.4)."""

import re
from bisect import bisect
from collections import ChainMap
from collections.abc import Callable, Iterator, MutableMapping
from typing import Final

# `<<<` gives a word and no document.
_HERE: Final = re.compile(r"(?<!<)<<-?[ \t]*\\?(['\"]?)(?P<end>\w[\w.-]*)\1")
_ASSIGNED: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
# `$NAME`, or `${NAME` with what says what to do if there is no such variable (2.6.2).
_USED: Final = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*|[0-9@*])(?:\}|(?P<how>:?[-=?+])))"
)
# Defaults of defaults. What is deeper stays as it is.
_DEEPEST: Final = 3
# They set what stands behind them.
_SETTERS: Final = frozenset(("export", "readonly", "local", "declare", "typeset"))


def without_here_documents(text: str, kept: Callable[[str], str]) -> str:
    """The text with what `kept` says in the place of each here-document, whose body it is given."""
    lines = text.split("\n")
    ends: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        ends.setdefault(line.strip(" \t"), []).append(at)
    left: list[str] = []
    at = 0
    while at < len(lines):
        line, below, looked_at = lines[at], at, 0
        for begun in _HERE.finditer(line):
            places = ends.get(begun["end"], [])
            behind = bisect(places, below)
            if behind < len(places):
                body = "".join(f"{each}\n" for each in lines[below + 1 : places[behind]])
                left.append(f"{line[looked_at : begun.start()]} {kept(body)} ")
                below, looked_at = places[behind], begun.end()
        left.append(f"{line[looked_at:]}\n")
        at = below + 1
    return "".join(left)


def substitutions(text: str) -> Iterator[str]:
    """The scripts in `$(...)` and in backticks, but for those between single quotes. What stands in
    one of them is part of it; one that does not end is none."""
    letters = _Letters(text)
    for letter in letters:
        at = letters.at
        if letter == "`":
            letters.at = _backtick(text, at + 1)
            if letters.at < len(text):
                yield re.sub(r"\\([`\\$])", r"\1", text[at + 1 : letters.at])
        elif text.startswith("$(", at) and not text.startswith("$((", at):
            letters.at = _parenthesis(text, at + 2)
            if letters.at == len(text):
                return  # nor does any that stands in it
            yield text[at + 2 : letters.at]


class _Letters:
    """Those of a text that are neither quotes nor behind a backslash or between single quotes.
    `at` is where the last one stands, and may be set; `is_quoted`: between double quotes."""

    def __init__(self, text: str, at: int = 0) -> None:
        self._text = text
        self.at = at
        self.is_quoted = False

    def __iter__(self) -> Iterator[str]:
        while self.at < len(self._text):
            letter = self._text[self.at]
            if letter == "\\":
                self.at += 1
            elif letter == '"':
                self.is_quoted = not self.is_quoted
            elif letter == "'" and not self.is_quoted:
                end = self._text.find("'", self.at + 1)
                self.at = len(self._text) if end < 0 else end
            else:
                yield letter
            self.at += 1


def _backtick(text: str, start: int) -> int:
    at = start
    while at < len(text) and text[at] != "`":
        at += 2 if text[at] == "\\" else 1
    return min(at, len(text))


def _parenthesis(text: str, start: int) -> int:
    """Where the one ends that was opened before `start`; quotes hide those between them."""
    letters, depth = _Letters(text, start), 1
    for letter in letters:
        if letter in "()" and not letters.is_quoted:
            depth += 1 if letter == "(" else -1
            if not depth:
                return letters.at
    return len(text)


def with_whole_defaults(text: str) -> str:
    """The text with double quotes around each default that has blanks, as in `${CMD:-run it}`: the
    quotes in one are part of it, and a reader of words takes it for one word."""
    left, looked_at = [], 0
    letters = _Letters(text)
    for letter in letters:
        used = _USED.match(text, letters.at) if letter == "$" else None
        if used is None or not used["how"]:
            continue
        end = _brace(text, used.end(), is_quoted=letters.is_quoted)
        if end == len(text):
            break  # nor does any that stands in it
        word, around = text[used.end() : end], "" if letters.is_quoted else '"'
        # Between double quotes a backslash before one is no part of the default.
        kept = r"\\.|(?P<bare>\")" if letters.is_quoted else r"(?P<bare>[\"\\])"
        word = re.sub(kept, lambda each: "\\" * bool(each["bare"]) + each[0], word, flags=re.DOTALL)
        left.append(f"{text[looked_at : used.start()]}{around}{used[0]}{word}}}{around}")
        letters.at, looked_at = end, end + 1
    return "".join([*left, text[looked_at:]])


def _brace(text: str, start: int, *, is_quoted: bool) -> int:
    """Where the one ends that was opened before `start`. Between double quotes single ones hide
    nothing."""
    letters, depth = _Letters(text, start), 1
    letters.is_quoted = is_quoted
    for letter in letters:
        if letter == "$" and text.startswith("${", letters.at):
            depth += 1
        elif letter == "}":
            depth -= 1
            if not depth:
                return letters.at
    return len(text)


class CharacterAllowance:
    """How many characters may still be read or made: a value that is made of others may double with
    each assignment."""

    def __init__(self, left: int) -> None:
        self._left = left
        self.is_spent = False

    def covers(self, size: int) -> bool:
        """Whether so many more are allowed; they are taken from it."""
        if size > self._left:
            self.is_spent = True
            return False
        self._left -= size
        return True


class ShellVariables:
    """What the commands of a script have set so far, in plain text, and those of the script that it
    stands in. Where their values become too long to be made, they stay as they are."""

    def __init__(self, around: MutableMapping[str, str], made: CharacterAllowance) -> None:
        self.values: ChainMap[str, str] = ChainMap({}, around)
        self._made = made

    def take(self, command: list[str]) -> None:
        """Note what a command sets that is made of nothing but assignments."""
        words = command[1:] if command[0] in _SETTERS else command
        assigned = [_ASSIGNED.fullmatch(word) for word in words]
        for each in assigned if all(assigned) else ():
            if each:
                self.values[each[1]] = self._text(each[2])

    def expanded(self, command: list[str]) -> Iterator[list[str]]:
        """The command with their values, if it has any of them: each whole, as between double
        quotes, then split at blanks (2.6.5), then all as one text, for `eval` and `sh -c` may run
        several commands of it."""
        whole = [self._text(word) for word in command]
        if whole == command:
            return
        split: list[str] = []
        for word, text in zip(command, whole, strict=True):
            split += [word] if text == word else text.split()
        if whole != split:
            yield whole
        yield split
        yield [" ".join(split)]

    def _text(self, word: str, depth: int = 0) -> str:
        """A word with the values of its variables, and of those without one the default."""
        parts: list[str] = []
        at = 0
        while used := _USED.search(word, at):
            end = used.end()
            if used["how"]:
                end = _brace(word, end, is_quoted=True) + 1 if depth < _DEEPEST else len(word) + 1
                if end > len(word):
                    break  # nor does any that stands in it
            value = self._value(used, word[used.end() : end - 1], depth)
            if not self._made.covers(len(value or "")):
                break
            parts += [word[at : used.start()], word[used.start() : end] if value is None else value]
            at = end
        return "".join([*parts, word[at:]])

    def _value(self, used: re.Match[str], default: str, depth: int) -> str | None:
        """None if it is not known."""
        name, how = used["plain"] or used["name"], used["how"] or ""
        value = self.values.get(name)
        is_missing = value is None or (how.startswith(":") and not value)
        if how.endswith("+"):
            # One that is not known may be set.
            return "" if is_missing and value is not None else self._text(default, depth + 1)
        if is_missing and how.endswith(("-", "=")):
            value = self._text(default, depth + 1)
            if how.endswith("="):
                self.values[name] = value
        return value
