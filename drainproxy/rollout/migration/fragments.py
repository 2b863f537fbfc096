"""Texts of others that become a part of a statement of PostgreSQL."""

import re

from .lexer import split

_LINE_BREAK = re.compile(r"[\r\n]")


def quoted(name: str) -> str:
    """A name as an identifier (PostgreSQL, 4.1.1): whatever is in it is a part of the name."""
    return '"' + name.replace('"', '""') + '"'


def fragment_problem(text: str) -> str:
    """Why what stands around it may mean something else than without it; empty if it does not.

    A comment or a quote that it begins swallows what follows, and a semicolon or a parenthesis ends
    what it stands in.
    """
    if _LINE_BREAK.search(text):
        return "a line break in a part of a statement"
    statements = [*split(text, "postgres")]
    # Comments and semicolons are not in the text of a statement.
    if [each.sql for each in statements] != [text.strip()]:
        return "a comment or a semicolon in a part of a statement"
    if statements[0].unsure:
        return f"a part of a statement cannot be read surely: {statements[0].unsure}"
    depth = 0
    for character in statements[0].bare:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
    return "a parenthesis without the other in a part of a statement" if depth else ""
