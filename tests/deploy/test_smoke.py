"""The smoke tests under deploy/ can be applied, and they are tests."""

import re
from typing import Any

import click
import pytest

from drainproxy import __version__
from drainproxy.cli.smoke import smoke
from drainproxy.rollout.smoke import actions
from drainproxy.rollout.smoke.model import SmokeTest
from drainproxy.rollout.smoke.reading import SmokeOptions, read_test
from tests.conftest import ROOT
from tests.deploy.documents import documents
from tests.deploy.schemas import NEWEST, OLDEST, validate

FOLDER = ROOT / "deploy" / "smoke"
MANIFESTS = ("job.yaml", "helm-test.yaml", "argocd-postsync.yaml")
HOOKS = {
    "job.yaml": {},
    "helm-test.yaml": {"helm.sh/hook": "test"},
    "argocd-postsync.yaml": {"argocd.argoproj.io/hook": "PostSync"},
}


def objects(name: str) -> dict[str, Any]:
    """Kind -> object."""
    return {thing["kind"]: thing for thing in documents(FOLDER / name)}


def read(name: str, text: str) -> SmokeTest:
    return read_test(name, text, SmokeOptions(url="http://shop"), {}, {})


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", MANIFESTS)
def test_every_object_is_valid(name: str, version: str) -> None:
    for thing in objects(name).values():
        validate(thing, version)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_job_runs_the_test_that_it_mounts(name: str) -> None:
    things = objects(name)
    pod = things["Job"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    command, *arguments = container["args"]
    with smoke.make_context(command, list(arguments)) as context:
        given = context.params

    (volume,) = pod["spec"]["volumes"]
    (mount,) = container["volumeMounts"]
    assert volume["configMap"]["name"] == things["ConfigMap"]["metadata"]["name"]
    file = given["test"].removeprefix(f"{mount['mountPath']}/")
    assert {step.kind for step in read(file, things["ConfigMap"]["data"][file]).steps} == {
        *("http", "websocket", "sse"),
    }
    assert container["image"] == f"drainproxy:{__version__}"
    assert pod["metadata"]["labels"]["drainproxy.io/inject"] == "false"


@pytest.mark.parametrize("name", MANIFESTS)
def test_who_runs_it_is_said_as_helm_and_argo_cd_want_it(name: str) -> None:
    annotations = objects(name)["Job"]["metadata"].get("annotations", {})
    assert HOOKS[name].items() <= annotations.items()


def test_the_example_has_a_step_of_each_kind_that_needs_no_program() -> None:
    test = read("smoke.yaml", (FOLDER / "smoke.yaml").read_text())
    assert {step.kind for step in test.steps} == {"http", "websocket", "sse", "grpc"}


def test_the_readme_names_every_key_and_every_option() -> None:
    words = {*re.findall(r"`(?:--)?([\w-]+)", (FOLDER / "README.md").read_text())}
    tables = (
        *(actions.HTTP_KEYS, actions.WEBSOCKET_KEYS, actions.SSE_KEYS, actions.GRPC_KEYS),
        *(actions.TLS, *actions.EXPECT.values()),
    )
    keys = {key for table in tables for key in table}
    options = {
        option.removeprefix("--")
        for parameter in smoke.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--")
    }
    assert (keys | options) - words - {"output"} == set()


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)", (FOLDER / "README.md").read_text())
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []
