"""The simple commands in what a container runs, as far as the shell's text is plain."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, MutableMapping
from itertools import dropwhile, pairwise
from typing import Final

from msgspec import Struct

from .expansions import (
    CharacterAllowance,
    ShellVariables,
    substitutions,
    with_whole_defaults,
    without_here_documents,
)
from .sql import statements_in

# A program is started with no longer words (execve(2), MAX_ARG_STRLEN), and reading this many
# characters, those of scripts in scripts included, takes a second or two.
_MOST: Final = 200_000
# A command is read as it stands, and up to three times with the values of its variables.
_MOST_MADE: Final = 3 * _MOST
# What an empty script costs.
_LEAST: Final = 20
# Scripts in scripts: sh -c "sh -c '...'". Quotes double with each.
_DEEPEST: Final = 8
_UNREAD: Final = "a script that is too long or too deep to be read"
_SEPARATORS: Final = frozenset("();<>|&\n")
# They only say something, unless a pipe takes it, or it is written to a file that something reads.
_SPEAKERS: Final = ("echo", "printf", ":", "logger")
# They print a here-document or write it to a file. It is a script if a pipe takes it, or if the
# file is named once more.
_WRITERS: Final = ("cat", "tee")
# Here-documents, by the words that stand for them in a script and in the scripts within it.
_Bodies = dict[str, str]
Known = MutableMapping[str, str]
_BLANK: Final = re.compile(r"\s")
# A word for a shell is a script, and a variable may hold several.
_OF_A_SCRIPT: Final = re.compile(r"[\s$]")
_SHELL: Final = re.compile("sh|bash|dash|ash|ksh|zsh")
_BEFORE_A_COMMAND: Final = ("if", "then", "else", "do", "{", "!", "sudo")
# Outside of quotes, at the start of a word. shlex would begin one within a word too.
_COMMENT: Final = re.compile(
    r"^((?:(?:[^\n\"'`#\\]|\\.|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\")*[\s;])?)#[^\n]*", re.MULTILINE
)


def simple_commands(words: list[str], known: Known | None = None) -> Iterator[list[str]]:
    """The words of each simple command that may run, those of scripts among the words included.
    Bodies of here-documents are words. What is only said (`echo`) is left out. `known`: the
    variables that a shell among them starts with."""
    return iter(read(words, {} if known is None else known).commands)


class Reading(Struct, frozen=True):
    """The simple commands of what a container runs, and what of it is not looked at, in words."""

    commands: list[list[str]]
    unread: str


def read(words: list[str], known: Known) -> Reading:
    """Both; with the same words as the first command, unless they only say something."""
    reader = _ScriptReader()
    commands = [*reader.in_words(words, 0, known)]
    return Reading(
        commands, "a script that is too long or too deep to be read" if reader.is_cut else ""
    )


class _ScriptReader:
    """Reads what one container runs: scripts in words, and scripts in scripts."""

    def __init__(self) -> None:
        self._bodies: _Bodies = {}
        self._read, self._made = CharacterAllowance(_MOST), CharacterAllowance(_MOST_MADE)
        self._is_too_deep = False

    @property
    def is_cut(self) -> bool:
        """Whether there was more than is looked at."""
        return self._read.is_spent or self._made.is_spent or self._is_too_deep

    def in_words(
        self, words: list[str], depth: int, known: Known, around: str = ""
    ) -> Iterator[list[str]]:
        """Those of a command in the script `around`, and of the scripts among its words."""
        if words and _name(words[0]) in _SPEAKERS:
            return
        yield words
        mark = _OF_A_SCRIPT if any(_SHELL.fullmatch(_name(each)) for each in words) else _BLANK
        for word in words:
            # A text for `sh -c`, or for an entrypoint that is one.
            if not mark.search(word) or statements_in(word):
                continue
            # Between double quotes it is the inner shell's.
            script = word.replace("\\$", "$") if depth else word
            # A default with blanks is one word, and as a script nothing but that word again.
            if script == around:
                continue
            if depth == _DEEPEST:
                self._is_too_deep = True
            else:
                yield from self._of_script(script, depth + 1, known)

    def _of_script(self, script: str, depth: int, known: Known) -> Iterator[list[str]]:
        if not self._read.covers(len(script) + _LEAST):
            return
        text = _COMMENT.sub(r"\1", without_here_documents(script, self._kept))
        for each in substitutions(text) if depth < _DEEPEST else ():
            yield from self._of_script(each, depth + 1, known)
        tokens = _tokens(with_whole_defaults(text))
        named = Counter(_name(word) for token in tokens for word in token.split())
        variables = ShellVariables(known, self._made)
        for command, piped in _commands(tokens, self._bodies, _read_again(tokens, named)):
            if not piped and _only_writes(command, named):
                yield command
                continue
            yield from self.in_words(command, depth, variables.values, script)
            for expanded in variables.expanded(command):
                if _name(command[0]) not in _SPEAKERS:
                    yield from self.in_words(expanded, depth, variables.values)
            variables.take(command)

    def _kept(self, body: str) -> str:
        name = f"\0{len(self._bodies)}"
        self._bodies[name] = body
        return name


def _commands(
    tokens: list[str], bodies: _Bodies, read_again: set[str]
) -> Iterator[tuple[list[str], bool]]:
    """The words of each simple command, and whether a pipe takes what it writes."""
    command: list[str] = []
    for token in [*tokens, ";"]:
        if not set(token) <= _SEPARATORS or not token:
            command.append(bodies.get(token, token))
        elif token[0] in "<>":
            continue  # a redirection does not end a command
        elif command:
            piped = token in ("|", "|&")
            if _name(command[0]) in _SPEAKERS and (piped or read_again & {*command[1:]}):
                command = command[1:]
                if piped:
                    continue  # what is said is the input of what follows
            if command:
                yield command, piped
            command = []


def _read_again(tokens: list[str], named: Counter[str]) -> set[str]:
    """The files that are written by a redirection and named once more for something else."""
    written = [word for before, word in pairwise(tokens) if before.startswith(">")]
    times = Counter(map(_name, written))
    return {
        word
        for word in written
        if named[name := _name(word)] > times[name] and not word.startswith("/dev/")
    } - set("012")


def _only_writes(command: list[str], named: Counter[str]) -> bool:
    """Whether it prints its words, or writes them to files that its script does not name again."""
    program, *rest = [*dropwhile(_BEFORE_A_COMMAND.__contains__, command), ""]
    files = (_name(word) for word in rest if word and not word.isdigit())
    return _name(program) in _WRITERS and all(named[file] < 2 for file in files)


def _tokens(text: str) -> list[str]:
    """The words and separators of a script. Where its quotes do not fit, what stands between them
    and each line of it are words: better one too many than a statement that nobody sees."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        lines = [word for line in text.splitlines() for word in [*line.split(), "\n"]]
        return [*lines, *re.split("[\"'`]", text)]


def _name(word: str) -> str:
    return word.rpartition("/")[2]
