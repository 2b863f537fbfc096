r"""Where statements begin and end in a SQL file, and what in it is code.

A linter and a server that disagree about where a comment or a string ends read different programs,
and one of them may hold a DROP. So only what all readings agree on is code here; the rest makes the
statement, and all behind it, `unsure`: a backslash before a quote (sql_mode and
standard_conforming_strings decide), comments in comments (PostgreSQL nests them, others do not),
`--` without a blank in MySQL (a comment for others), comments that MySQL runs, commands of psql and
other clients, templates, invisible and foreign characters outside of quotes.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal

from msgspec import Struct

Dialect = Literal["postgres", "mysql", "sqlite"]


class Statement(Struct, frozen=True):
    """One statement.

    `line` is where it begins, counted from 1; `sql` is its text without comments; `bare` is that
    with blanks for what stands in quotes, so that every word in it is code; `unsure` says why it
    cannot be read surely.
    """

    line: int
    sql: str
    bare: str
    unsure: str = ""


_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_TOKENS: Final = {
    "line_comment": r"--[^\n]*",
    "block_comment": r"/\*(?:[^*]|\*(?!/))*\*/",
    "open_comment": r"/\*",
    "text": r"'(?:[^']|'')*'",
    "name": r'"(?:[^"]|"")*"',
    "end": r";",
    "cast": r"::",
    # Many at once: none of these begins or ends anything.
    "plain": r"[A-Za-z0-9_ \t\n(),.=<>+%&|~^!]+",
    "other": r"[\s\S]",
}
_OWN: Final[dict[Dialect, dict[str, str]]] = {
    "postgres": {"dollar": rf"\$(?P<tag>{_WORD})?\$"},
    "mysql": {"hash_comment": r"#[^\n]*", "backtick": r"`(?:[^`]|``)*`"},
    "sqlite": {"backtick": r"`(?:[^`]|``)*`", "bracket": r"\[[^\]]*\]"},
}
_SCANNERS: Final = {
    dialect: re.compile(
        "|".join(f"(?P<{name}>{pattern})" for name, pattern in {**own, **_TOKENS}.items())
    )
    for dialect, own in _OWN.items()
}
_QUOTES: Final = {"text", "name", "backtick", "bracket"}
_NAMES: Final = {"name", "backtick", "bracket"}
_COMMENTS: Final = {"line_comment", "block_comment", "hash_comment"}
# An odd number of them: the last one escapes the quote, or does not.
_ESCAPED_QUOTE = re.compile(r"(?<!\\)(?:\\\\)*\\['\"`]")
# Controls, invisible ones, line ends and blanks that some readers take for such and others do not.
_STRANGE: Final = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
_PLAIN: Final = {"\t", "\n", " "}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_DELIMITER = re.compile(r"\bDELIMITER\b", re.IGNORECASE)
# GBK, Big5 and Shift JIS take these for the second byte of a character.
_SWALLOWED = re.compile(r"[^\x00-\x7f][\\`]")
_UNICODE = re.compile(r"\b[Uu]&$")
# Flyway, Liquibase and Evolve put a value there before they look at SQL, in quotes and in comments
# as well. `{{ x }}` and the like are those of templates, which a text may hold and a name does not.
_PLACEHOLDER = re.compile(r"\$\{\s*\w")
_TEMPLATE = re.compile(r"\$\{|\{\{|\{%|<%")
# Where drizzle splits a file, before it looks at SQL; for servers it is a comment, or wrong SQL.
_BREAKPOINT: Final = "--> statement-breakpoint"
_OPENERS: Final = {"'": "a quote", '"': "a quote", "`": "a quote", "[": "a bracket"}


class _Piece(Struct, frozen=True):
    kind: str
    text: str


def split(text: str, dialect: Dialect) -> Iterator[Statement]:
    """The statements of a file that hold anything but comments."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    line, unsure = 1, ""
    for pieces in _groups(text, dialect):
        statement = _statement(pieces, line, dialect, unsure)
        line += sum(piece.text.count("\n") for piece in pieces)
        if statement:
            unsure = statement.unsure
            yield statement


def _groups(text: str, dialect: Dialect) -> Iterator[list[_Piece]]:
    """The pieces between two semicolons."""
    pieces: list[_Piece] = []
    for piece in _pieces(text, dialect):
        if piece.kind == "end":
            yield pieces
            pieces = []
        else:
            pieces.append(piece)
    yield pieces


def _pieces(text: str, dialect: Dialect) -> Iterator[_Piece]:
    scanner, at = _SCANNERS[dialect], 0
    while match := scanner.match(text, at):
        kind, end = match.lastgroup or "other", match.end()
        if kind == "dollar":
            kind, end = _dollar_quoted(text, match)
        yield _Piece(kind, text[at:end])
        at = end


def _dollar_quoted(text: str, match: re.Match[str]) -> tuple[str, int]:
    """The whole of it; `$` in the middle of a name begins none, and one without an end is none."""
    before = text[match.start() - 1] if match.start() else " "
    end = text.find(match[0], match.end())
    if before.isalnum() or before in "_$" or not before.isascii() or end < 0:
        return "broken_dollar", match.end()
    return "dollar", end + len(match[0])


def _statement(pieces: list[_Piece], line: int, dialect: Dialect, unsure: str) -> Statement | None:
    bare = "".join(map(_bare, pieces))
    found = next(filter(None, (_doubt(piece, dialect) for piece in pieces)), "")
    found = found or _doubt_of_drizzle(pieces)
    if not bare.strip() and not found:
        return None
    return Statement(
        line=line + _lines_before(pieces),
        sql="".join(" " if piece.kind in _COMMENTS else piece.text for piece in pieces).strip(),
        bare=bare.strip(),
        unsure=unsure
        or found
        or _unicode_escape(pieces, dialect)
        or _client_command(bare, dialect),
    )


def _lines_before(pieces: list[_Piece]) -> int:
    """How many lines end before the first code; before the first comment, if there is none."""
    lines = 0
    for piece in pieces:
        text = "" if piece.kind in _COMMENTS else piece.text.lstrip()
        if text:
            return lines + piece.text[: len(piece.text) - len(text)].count("\n")
        lines += piece.text.count("\n")
    return 0


def _bare(piece: _Piece) -> str:
    if piece.kind in _COMMENTS:
        return " "
    if piece.kind in _QUOTES or piece.kind == "dollar":
        return piece.text[0] + " " + piece.text[-1]
    return piece.text


def _doubt(piece: _Piece, dialect: Dialect) -> str:
    """Why readers may disagree about where this piece ends, or what it is."""
    text = piece.text
    if piece.kind == "plain":
        return ""
    if found := _foreign_text(piece):
        return found
    if piece.kind in _COMMENTS:
        return _comment_doubt(text, dialect)
    if piece.kind in _QUOTES:
        if _ESCAPED_QUOTE.search(text):
            return "a backslash before a quote: settings of the server say where the string ends"
        if dialect != "sqlite" and _SWALLOWED.search(text):
            return "a character that some character sets read together with what follows"
        return ""
    if piece.kind == "open_comment":
        return "a comment that does not end"
    if piece.kind == "broken_dollar":
        return "a dollar quote that does not begin or end"
    if piece.kind == "other":
        return _character_doubt(text, dialect)
    return ""


def _foreign_text(piece: _Piece) -> str:
    """Why it may not be what the server gets."""
    if (_TEMPLATE if piece.kind in _NAMES else _PLACEHOLDER).search(piece.text):
        return "a placeholder: a tool puts a value there, which may end the quote or the comment"
    if strange := _strange(piece.text):
        return f"it holds the character U+{ord(strange):04X}, which some readers skip"
    return ""


def _comment_doubt(text: str, dialect: Dialect) -> str:
    if text.startswith(("/*!", "/*M!")):
        return "MySQL and MariaDB run what stands in this comment"
    if text.startswith("/*+") and dialect == "mysql":
        return "MySQL takes this comment for a hint"
    if text.startswith("/*") and "/*" in text[2:]:
        return "a comment in a comment: not every server nests them"
    if text.startswith(_BREAKPOINT):
        return ""
    if dialect == "mysql" and text.startswith("--") and text[2:3] not in ("", " ", "\t"):
        return "in MySQL `--` begins a comment only with a blank behind it"
    return ""


def _is_breakpoint(piece: _Piece) -> bool:
    """A comment that ends with it, so that what follows is code for all readers."""
    _, found, behind = piece.text.partition(_BREAKPOINT)
    return bool(found) and piece.kind == "line_comment" and not behind.strip(" \t")


def _doubt_of_drizzle(pieces: list[_Piece]) -> str:
    """Why drizzle reads another program than the others."""
    if any(_BREAKPOINT in piece.text and not _is_breakpoint(piece) for piece in pieces):
        return f"drizzle splits the file at `{_BREAKPOINT}`, whatever it stands in"
    code = [
        index
        for index, piece in enumerate(pieces)
        if piece.kind not in _COMMENTS and piece.text.strip()
    ]
    if code and any(map(_is_breakpoint, pieces[code[0] : code[-1]])):
        return f"no semicolon before `{_BREAKPOINT}`: the statement ends there for drizzle alone"
    return ""


def _character_doubt(text: str, dialect: Dialect) -> str:
    if text in _OPENERS and (text != "[" or dialect == "sqlite"):
        return f"{_OPENERS[text]} that does not end, or is none in this dialect"
    if text == "\\":
        return "a backslash outside of quotes, as commands of psql and mysql have it"
    if text in ":?$" or (text == "@" and dialect != "postgres"):
        return f"{text!r} outside of quotes: somebody puts a value there, or SQL"
    if text in "{}":
        return "a brace outside of quotes, as templates have it"
    if not text.isascii():
        return f"the character U+{ord(text):04X} outside of quotes"
    return ""


def _unicode_escape(pieces: list[_Piece], dialect: Dialect) -> str:
    for before, piece in pairwise(pieces if dialect == "postgres" else []):
        if piece.kind in ("text", "name") and _UNICODE.search(before.text):
            return "U& before a quote: escapes say which characters stand in it"
    return ""


def _client_command(bare: str, dialect: Dialect) -> str:
    """What the clients of a server run themselves, up to the end of the line."""
    if bare.lstrip().startswith("."):
        return "a command of the sqlite3 shell"
    if dialect == "mysql" and _DELIMITER.search(bare):
        return "DELIMITER: from here on statements end with something else"
    return ""


def _strange(text: str) -> str:
    """The first character that is invisible, or a blank for some readers only."""
    if text.isascii():
        found = _CONTROL.search(text)
        return found[0] if found else ""
    return next((c for c in text if c not in _PLAIN and unicodedata.category(c) in _STRANGE), "")
