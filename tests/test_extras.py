"""A hint names what can be installed where we are."""

import shlex
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from drainproxy import extras

WHEEL = '{"url": "file:///my%20wheels/drainproxy-0.1.0-py3-none-any.whl", "archive_info": {}}'
REPOSITORY = (
    '{"url": "https://forge.example/drainproxy", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}}'
)


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (None, "pip install 'drainproxy[kube]'"),
        ("no JSON", "pip install 'drainproxy[kube]'"),
        ('{"url": 7}', "pip install 'drainproxy[kube]'"),
        ('{"url": "file:///clone", "dir_info": {}}', "pip install '/clone[kube]'"),
        (
            '{"url": "file:///clone", "dir_info": {"editable": true}}',
            "pip install -e '/clone[kube]'",
        ),
        (WHEEL, "pip install '/my wheels/drainproxy-0.1.0-py3-none-any.whl[kube]'"),
    ],
)
def test_it_is_installed_from_where_we_came_from(origin: str | None, said: str) -> None:
    assert extras.command("kube", origin) == said


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ('{"url": "https://a.example/d.whl", "archive_info": {}}', "https://a.example/d.whl"),
        (REPOSITORY, "git+https://forge.example/drainproxy@0a1b"),
    ],
)
def test_what_came_over_the_net_is_a_direct_reference(origin: str, url: str) -> None:
    asked = Requirement(shlex.split(extras.command("kube", origin))[-1])
    assert (asked.name, asked.extras, asked.url) == ("drainproxy", {"kube"}, url)


def test_an_environment_of_pipx_is_renewed_by_pipx(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert extras.install_hint("kube").startswith("pip install ")
    (tmp_path / "pipx_metadata.json").touch()
    assert extras.install_hint("kube").startswith("pipx install --force ")


def test_what_was_not_installed_at_all_has_the_name_of_the_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "_NAME", "never-installed")
    assert extras.install_hint("kube").endswith("'never-installed[kube]'")
