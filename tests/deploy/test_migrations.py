"""What MIGRATIONS.md shows can be done, and the role of the pipeline is enough for it."""

import re
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
from click.testing import CliRunner

from drainproxy.cli.migration import migration
from drainproxy.rollout.migration.store_configmap import FLOORS, PREFIX
from tests.deploy.documents import documents
from tests.deploy.schemas import NEWEST, OLDEST
from tests.rollout.migration.api_server import Answer, ApiServer, api_server, status


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / "deploy" / "MIGRATIONS.md").read_text()


def commands(guide: str) -> list[list[str]]:
    """Those on a record, in their order."""
    lines = re.findall(r"^    drainproxy migration (.*)$", guide, re.MULTILINE)
    return [line.split() for line in lines if not line.startswith("lint")]


def test_its_links_lead_somewhere(guide: str, root: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)", guide)

    assert links
    assert [link for link in links if not (root / "deploy" / link).exists()] == []


def test_its_commands_can_be_run(guide: str, tmp_path: Path) -> None:
    file = str(tmp_path / "state.json")
    found = []
    for command in commands(guide):
        where = command.index("--namespace")
        arguments = [*command[:where], "--state", file, *command[where + 2 :]]
        found.append((command[0], CliRunner().invoke(migration, arguments).exit_code))

    assert found == [
        ("begin", 0),
        ("may-deploy", 0),
        ("deployed", 0),
        ("may-rollback", 0),
        ("deployed", 0),
        ("begin", 0),
        # Not a day has passed.
        ("begin", 1),
        ("complete", 1),
        ("status", 0),
    ]


def test_its_options_of_lint_are_options(guide: str) -> None:
    lines = re.findall(r"drainproxy migration lint ([^#\n]*)", guide)
    named = set(re.findall(r"--[a-z]+", " ".join(lines)))
    known = {name for param in migration.commands["lint"].params for name in param.opts}

    assert lines
    assert named <= known


@pytest.fixture
def limited(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """A cluster that allows what the role of the pipeline has, and nothing else."""
    role, _ = documents(root / "deploy/policy/pipeline-role.yaml")
    verbs = {"GET": "get", "PUT": "update", "POST": "create"}

    def check(method: str, path: str) -> Answer | None:
        name = path.partition("/configmaps/")[2]
        allowed = any(
            verbs[method] in rule["verbs"] and name in rule.get("resourceNames", [name])
            for rule in role["rules"]
        )
        return None if allowed else status(403, "Forbidden")

    with api_server() as api:
        api.before = check
        config = api.kubeconfig(tmp_path / "kubeconfig", role["metadata"]["namespace"])
        monkeypatch.setenv("KUBECONFIG", str(config))
        yield api


def test_the_role_of_the_pipeline_is_enough(limited: ApiServer) -> None:
    steps = ["begin expand", "deployed", "begin migrate", "begin contract", "complete", "status"]
    for step in steps:
        version = [] if step in ("complete", "status") else ["--version", "7"]
        options = ["--app", "shop", "--contract-after", "0", *version]
        done = CliRunner().invoke(migration, [*step.split(), *options])
        assert done.exit_code == 0, done.output
    assert set(limited.objects) == {("example", PREFIX + "shop"), ("example", FLOORS)}

    # The record of another app is none of its business.
    done = CliRunner().invoke(migration, ["status", "--app", "bank"])
    assert (done.exit_code, "Forbidden" in done.output) == (3, True)


def test_the_api_server_would_take_the_role(root: Path) -> None:
    for thing in documents(root / "deploy/policy/pipeline-role.yaml"):
        for version in (OLDEST, NEWEST):
            kubernetes_validate.validate(thing, version, strict=True)
