"""Markdown pages of the repository, as tests read them: links, anchors, blocks of commands."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.test_sourcecode import files

# What a block of commands begins with; other blocks show output, manifests or pictures.
PROGRAMS = {
    *("click-man", "curl", "docker", "drainproxy", "eval", "export", "helm", "kubectl"),
    *("make", "pip", "pipx", "uvx"),
}
_FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?:    .*\n)(?:(?:    .*)?\n)*")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages(root: Path) -> list[Path]:
    """Every page, those about the repository's own affairs included."""
    return list(files(root, "*.md"))


def commands(text: str) -> list[str]:
    """The blocks of a page that are commands, in their order."""
    found = [(match.start(), match[1]) for match in _FENCED.finditer(text)]
    found += [
        (match.start(), re.sub(r"^    ", "", match[0], flags=re.MULTILINE))
        for match in _INDENTED.finditer(text)
    ]
    return [block for _, block in sorted(found) if _is_commands(block)]


def _is_commands(block: str) -> bool:
    first = block.split(maxsplit=1)[0]
    return first in PROGRAMS or re.match(r"[A-Z_]+=", first) is not None


def links(text: str) -> list[str]:
    """Where its links and pictures lead; code is no link."""
    return _LINK.findall(re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL))


def anchors(text: str) -> set[str]:
    """What `#...` may say of this page: its headings, as GitHub makes names of them."""
    return set(_anchors(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)))


def _anchors(text: str) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
