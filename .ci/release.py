"""What a release needs beside its files: `release.py check TAG URL`, `release.py notes TAG`.

`check` exits with 1 and names all that does not belong to the tag: the version of the package, of
the chart and of the app in it, the section of the changelog, the address of the project; and pages
that say that nothing is published yet. `notes` prints that section of the changelog.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def problems(root: Path, tag: str, url: str) -> Iterator[str]:
    """What is not as the tag, or the repository at this address, says."""
    version = tag.removeprefix("v")
    chart = (root / "deploy/helm/drainproxy/Chart.yaml").read_text()
    told = {
        "drainproxy/__init__.py": r'__version__ = "(.+)"',
        "Chart.yaml, version": r"version: (.+)",
        "Chart.yaml, appVersion": r"appVersion: (.+)",
    }
    texts = [(root / "drainproxy/__init__.py").read_text(), chart, chart]
    for (place, pattern), text in zip(told.items(), texts, strict=True):
        found = re.search(f"^{pattern}$", text, re.MULTILINE)
        if found is None or found[1].strip('"') != version:
            yield f"{place} says {found and found[1]}, the tag {version}"
    if not notes(root, tag):
        yield f"CHANGELOG.md has no section {version} with a date"
    source = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    if source != url:
        yield f"project.urls of pyproject.toml leads to {source}, this is {url}"
    for page, words in NOT_OUT.items():
        if words in (root / page).read_text():
            yield f"{page} says: {words}"


# True until the first release, and read by everybody after it. The chart's page is printed by
# tests/deploy/chart_readme.py.
NOT_OUT = {
    "README.md": "not published yet",
    "deploy/README.md": "There is no public image yet",
    "deploy/helm/drainproxy/README.md": "Nothing is published yet",
    "deploy/helm/drainproxy/values.yaml": "No image is published yet",
    "drainproxy/kube/plan.py": "there is no public one",
}


def notes(root: Path, tag: str) -> str:
    """The section of the changelog; empty if there is none, or if it is not released yet."""
    version = re.escape(tag.removeprefix("v"))
    text = (root / "CHANGELOG.md").read_text()
    found = re.search(
        rf"^## {version}, \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    return found[1].strip() + "\n" if found else ""


def main(command: str, tag: str, *url: str) -> None:
    if command == "notes":
        print(notes(ROOT, tag), end="")
    elif found := list(problems(ROOT, tag, *url)):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
