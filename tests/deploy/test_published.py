"""What is needed to publish: the chart's page, workflows, the release, one address for all."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ruamel.yaml import YAML

from drainproxy import __version__
from tests.deploy import chart_readme
from tests.deploy.helm import CHART
from tests.test_sourcecode import files

PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def test_the_page_of_the_chart_has_the_values_of_the_chart() -> None:
    assert chart_readme.README.read_text() == chart_readme.readme(), "make manifests"


def test_a_map_that_is_explained_is_a_row_with_those_in_it_that_are() -> None:
    rows = {each.key: each for each in chart_readme.values()}

    assert rows["monitoring.rules"].type == "object"
    assert rows["monitoring.rules.objective"].default == "99.9"
    assert rows["webhook.failurePolicy"].meaning.endswith("`Fail` rejects it.")


def test_the_project_has_one_address(root: Path) -> None:
    urls = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]
    assert all(url.startswith(urls["Source"]) for url in urls.values())

    pattern = re.compile(r"https://(?:github\.com|raw\.githubusercontent\.com)/drainproxy/[\w.-]+")
    owned = {
        match.replace("raw.githubusercontent.com", "github.com")
        for path in files(root)
        if path.suffix in {".md", ".toml", ".yaml", ".yml", ".service"}
        for match in pattern.findall(path.read_text())
    }
    assert owned == {urls["Source"]}


# Where the project is said to live: by address, or as an action.
PLACES = re.compile(r"(?:github(?:usercontent)?\.com/|uses: )([\w.-]+)/drainproxy\b")


def test_no_page_names_another_owner(root: Path) -> None:
    owner = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    found = {
        (path.relative_to(root), match)
        for path in files(root)
        if path.suffix in {".md", ".toml", ".yaml", ".yml", ".service", ".txt"}
        for match in PLACES.findall(path.read_text())
    }
    wrong = [each for each in found if each[1] != owner.split("/")[-2]]

    assert found
    assert wrong == []


def workflows(root: Path) -> list[Path]:
    return sorted((root / ".github").rglob("*.yml"))


def test_actions_are_pinned_by_hash_with_the_version_beside_it(root: Path) -> None:
    uses = [
        line.strip().removeprefix("- ")
        for path in workflows(root)
        for line in path.read_text().splitlines()
        if line.strip().removeprefix("- ").startswith("uses:")
    ]
    assert uses
    assert [line for line in uses if not PINNED.fullmatch(line)] == []


def test_workflows_ask_for_no_right_that_a_job_does_not_name(root: Path) -> None:
    for path in (root / ".github" / "workflows").iterdir():
        workflow = YAML(typ="safe").load(path)
        assert workflow["permissions"] == {"contents": "read"}, path
        assert all("timeout-minutes" in job for job in workflow["jobs"].values()), path


def test_a_release_waits_for_its_tests_and_each_step_for_the_one_before(root: Path) -> None:
    jobs = YAML(typ="safe").load(root / ".github" / "workflows" / "release.yml")["jobs"]

    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step][-2:] == [
        ".ci/run",
        ".ci/image",
    ]
    assert jobs["package"]["needs"] == "test"
    assert jobs["publish"]["needs"] == "package"
    assert jobs["image"]["needs"] == "publish"
    assert jobs["chart"]["needs"] == "image"


@pytest.fixture(scope="module")
def release(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", root / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(root: Path, tmp_path: Path, release: ModuleType) -> Path:
    """What the release looks at, with a changelog and pages that are ready for it."""
    for name in release.NOT_OUT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("It is published.")
    for name in ("pyproject.toml", "drainproxy/__init__.py", "deploy/helm/drainproxy/Chart.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((root / name).read_text())
    sections = [f"## {__version__}, 2026-12-01\n\n- One thing.\n", "## 0.0.9, 2026-11-01\n"]
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n" + "\n".join(sections))
    return tmp_path


def test_a_release_has_the_version_of_its_tag_everywhere(
    release: ModuleType, repository: Path
) -> None:
    urls = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["urls"]

    assert list(release.problems(repository, f"v{__version__}", urls["Source"])) == []
    assert release.notes(repository, f"v{__version__}") == "- One thing.\n"
    wrong = list(release.problems(repository, "v9.9.9", "https://elsewhere/x"))
    assert len(wrong) == 5
    assert "the tag 9.9.9" in wrong[0]
    assert "this is https://elsewhere/x" in wrong[-1]


def test_what_is_not_dated_is_not_released(release: ModuleType, repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text(f"## {__version__}, not released yet\n\n- One.\n")

    assert release.notes(repository, f"v{__version__}") == ""


def test_what_is_looked_for_stands_there_until_the_first_release(
    release: ModuleType, root: Path
) -> None:
    """To be deleted with it."""
    assert all(words in (root / page).read_text() for page, words in release.NOT_OUT.items())


def test_no_page_of_a_release_says_that_nothing_is_published(
    release: ModuleType, repository: Path
) -> None:
    urls = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["urls"]
    (repository / "README.md").write_text("Status: 0.1, not published yet.")

    problems = list(release.problems(repository, f"v{__version__}", urls["Source"]))
    assert problems == ["README.md says: not published yet"]


def test_the_chart_says_where_it_comes_from() -> None:
    chart: dict[str, Any] = YAML(typ="safe").load(CHART / "Chart.yaml")
    links = YAML(typ="safe").load(chart["annotations"]["artifacthub.io/links"])

    assert chart["home"] in chart["sources"]
    assert all(link["url"].startswith(chart["home"]) for link in links)
