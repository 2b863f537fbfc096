"""The kustomize base, built by kubectl where there is one."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from drainproxy import __version__
from tests.deploy.documents import documents
from tests.deploy.kustomize import BASE, FILE, manifests
from tests.deploy.schemas import NEWEST, OLDEST, validate
from tests.e2e.programs import output, tool


def by_name(things: Iterable[Any]) -> dict[tuple[str, str], Any]:
    """(Kind, name) -> object."""
    return {(thing["kind"], thing["metadata"]["name"]): thing for thing in things}


def built(folder: Path) -> dict[tuple[str, str], Any]:
    """What kubectl makes of it."""
    text = output(tool("kubectl"), "kustomize", str(folder))
    return by_name(documents(text))


def images(folder: Path) -> tuple[str, str]:
    """The webhook's, and the one that it injects."""
    (container,) = built(folder)["Deployment", "drainproxy"]["spec"]["template"]["spec"][
        "containers"
    ]
    (flag,) = (flag for flag in container["args"] if flag.startswith("--image="))
    return container["image"], flag.removeprefix("--image=")


def test_the_base_is_what_the_chart_makes() -> None:
    assert FILE.read_text() == manifests(), "run `make manifests`"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_of_the_base_is_valid(version: str) -> None:
    for file in (FILE, BASE / "namespace.yaml"):
        for thing in documents(file):
            validate(thing, version)


def test_kubectl_builds_the_base() -> None:
    things = built(BASE)
    loaded = [*documents(FILE), *documents(BASE / "namespace.yaml")]
    assert things == by_name(loaded)
    assert images(BASE) == (f"drainproxy:{__version__}",) * 2


def test_the_image_is_set_in_one_place(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(BASE, folder)
    file = folder / "kustomization.yaml"
    file.write_text(
        file.read_text().replace("newName: drainproxy", "newName: registry.example:5000/drainproxy")
    )
    assert images(folder) == (f"registry.example:5000/drainproxy:{__version__}",) * 2
