"""Files with an up and a down part: the part that a deploy runs.

Nothing in a file tells which tool will run it: psql takes the markers for comments and runs both
parts. So a part is ignored only for the tool that is named.
"""

import re
from typing import Final, Literal, get_args

Tool = Literal["plain", "dbmate", "goose", "sql-migrate"]
TOOLS: Final[tuple[Tool, ...]] = get_args(Tool)

# Lines, wherever they stand: these tools look at lines before they look at SQL. Spelled as strictly
# as the strictest of them reads: what it would not take for a marker must not hide anything.
_MARKERS: Final = {
    "dbmate": re.compile(r"^--[ \t]*migrate:(up|down)(?:[ \t][^\n]*)?$", re.MULTILINE),
    "goose": re.compile(r"^--[ \t]*\+goose (Up|Down)[ \t]*$", re.MULTILINE),
    "sql-migrate": re.compile(r"^-- \+migrate (Up|Down)(?: [^\n]*)?$", re.MULTILINE),
}


# From there on goose puts variables of the environment into each line, into quotes as well.
_SUBSTITUTED: Final = re.compile(r"^--.*\+goose.*ENVSUB(?:ST)?\s+ON", re.MULTILINE | re.IGNORECASE)


def deployed_part(text: str, tool: Tool) -> tuple[int, str] | str:
    """The part that is run on the way up and the number of lines before it, or why none is sure."""
    text = text.replace("\r\n", "\n")
    if tool == "plain":
        return 0, text
    if tool == "goose" and _SUBSTITUTED.search(text):
        return "goose puts variables of the environment into it, which may hold anything"
    markers = [*_MARKERS[tool].finditer(text)]
    found = [marker[1].lower() for marker in markers]
    if found not in (["up"], ["up", "down"]):
        return f"for {tool} a file has one part up and at most one down behind it, in this order"
    if any(
        line.strip() and not line.strip().startswith("--")
        for line in text[: markers[0].start()].splitlines()
    ):
        return f"something stands before the part up, which {tool} may run or not"
    end = markers[1].start() if len(markers) > 1 else len(text)
    return text.count("\n", 0, markers[0].end()), text[markers[0].end() : end]


def marker_of_another_tool(text: str) -> tuple[Tool, int] | None:
    """The tool whose marker for the way down stands in the text, and its line."""
    text = text.replace("\r\n", "\n")
    for tool in TOOLS:
        for marker in _MARKERS[tool].finditer(text) if tool in _MARKERS else ():
            if marker[1].lower() == "down":
                return tool, text.count("\n", 0, marker.start()) + 1
    return None
