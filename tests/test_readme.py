"""The pages say what the code says, and lead to each other; the first of them stays short."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

from drainproxy import config
from drainproxy.drain import diagram
from drainproxy.sidecar import metrics
from loadtests.bench import plot
from tests.pages import anchors, links, pages

# What a stranger reads in three minutes.
MOST_WORDS = 900


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return found


@pytest.fixture(scope="module")
def published(root: Path) -> str:
    """The README as a package index shows it."""
    metadata = ProjectMetadata(str(root), PluginManager())
    return metadata.core.readme


@pytest.mark.parametrize(
    ("page", "name", "table"),
    [
        ("deploy/SETTINGS.md", "settings", config.markdown()),
        ("deploy/METRICS.md", "metrics", metrics.markdown()),
        ("drainproxy/README.md", "phases", diagram.markdown()),
    ],
)
def test_a_page_has_the_table_that_the_code_prints(
    root: Path, page: str, name: str, table: str
) -> None:
    _, found, after = (root / page).read_text().partition(f"<!-- {name}: ")
    inside, closed, _ = after.partition(f"<!-- {name} end -->")

    assert found, f"{page} has no place for the table of {name}"
    assert closed, f"the place for the table of {name} in {page} does not end"
    assert inside.partition("-->\n")[2].strip() == table.strip(), (
        f"{page}: {name} must be printed anew"
    )


REASON = re.compile(r'rejected\["([\w-]+)"\]|\.reject\("([\w-]+)"')


def test_the_page_names_every_reason_for_which_somebody_is_turned_away(root: Path) -> None:
    modules = [path.read_text() for path in (root / "drainproxy" / "relay").rglob("*.py")]
    reasons = {found[1] or found[2] for text in modules for found in REASON.finditer(text)}
    page = (root / "drainproxy" / "README.md").read_text()
    _, _, listed = page.partition("`drainproxy_rejected_total` by `reason`")

    assert reasons
    assert [each for each in reasons if f"`{each}`" not in listed.partition("\n- ")[0]] == []


def test_the_readme_is_read_in_three_minutes(root: Path) -> None:
    assert len((root / "README.md").read_text().split()) <= MOST_WORDS


def test_links_between_pages_lead_somewhere(root: Path) -> None:
    assert [wrong for page in pages(root) for wrong in dead_links(root, page)] == []


def dead_links(root: Path, page: Path) -> list[str]:
    dead = []
    for link in links(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        known = anchors(target.read_text()) if anchor and target.is_file() else set()
        if not target.exists() or (anchor and anchor not in known):
            dead.append(f"{page.relative_to(root)}: {link}")
    return dead


def test_where_it_is_published_every_link_is_whole(
    root: Path, project: dict[str, Any], published: str
) -> None:
    base = project["urls"]["Source"].removeprefix("https://github.com/")
    ours = (f"https://github.com/{base}/blob/", f"https://raw.githubusercontent.com/{base}/")
    there = links(published)

    assert len(there) == len(links((root / "README.md").read_text()))
    assert [link for link in there if not link.startswith("https://")] == []
    paths = [
        re.sub(r"^[^/]+/", "", link.removeprefix(o)) for link in there for o in ours if o in link
    ]
    assert paths
    assert [path for path in paths if not (root / path.partition("#")[0]).exists()] == []


def test_the_plot_of_costs_is_drawn_from_their_table(root: Path) -> None:
    folder = root / "loadtests" / "bench"
    costs = plot.table((folder / "README.md").read_text())

    assert (folder / "costs.svg").read_text() == plot.svg(costs), (
        "python -m loadtests.bench.plot must draw it anew"
    )


def test_costs_in_the_readme_are_those_of_the_bench(root: Path) -> None:
    costs = plot.table((root / "loadtests" / "bench" / "README.md").read_text())
    measured = {f"{figure:g}" for row in costs.values() for figure in row.values()}
    section = (
        (root / "README.md").read_text().partition("## What it costs\n")[2].partition("\n## ")[0]
    )
    told = re.findall(r"\| ([0-9.]+)(?= \|)", section)

    assert told
    assert [figure for figure in told if f"{float(figure):g}" not in measured] == []
