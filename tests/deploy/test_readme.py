"""What the operators' README names is there."""

import re
from pathlib import Path
from typing import Any

import pytest
from click import Context
from ruamel.yaml import YAML

from drainproxy.cli import main
from tests.deploy.helm import CHART
from tests.pages import commands, pages


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "deploy" / "README.md").read_text()


def test_its_links_lead_somewhere(readme: str, root: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)", readme)
    assert links
    assert [link for link in links if not (root / "deploy" / link).exists()] == []


def test_its_commands_are_commands(readme: str, root: Path) -> None:
    named = set(re.findall(r"(?:^    |`|-- )drainproxy ([a-z]+)", readme, re.MULTILINE))
    assert named
    assert named - {*main.list_commands(Context(main))} == set()
    targets = set(re.findall(r"`make ([a-z]+)", readme))
    makefile = (root / "Makefile").read_text()
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_its_values_are_values_of_the_chart(readme: str) -> None:
    values = YAML(typ="safe").load(CHART / "values.yaml")
    named = set(
        re.findall(r"\b((?:webhook|certManager|podMonitor|monitoring|image)\.[A-Za-z]+)", readme)
    )
    assert named
    assert [name for name in named if not there(values, name.split("."))] == []


def there(values: Any, path: list[str]) -> bool:
    return path[0] in values and (len(path) == 1 or there(values[path[0]], path[1:]))


def test_an_upgrade_takes_the_defaults_of_the_new_chart(root: Path) -> None:
    """`--reuse-values` does not: a template that asks for a new value fails (helm#3957)."""
    upgrades = [
        (page.name, block)
        for page in pages(root)
        for block in commands(page.read_text())
        if "helm upgrade" in block
    ]

    assert upgrades
    assert [each for each in upgrades if "--reuse-values" in each[1]] == []
