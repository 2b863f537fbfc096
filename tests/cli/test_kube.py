"""`drainproxy inject` and `uninject`: what stands where, and with which exit code."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.kube import inject, uninject
from drainproxy.kube.annotations import ANNOTATABLE
from tests.kube.test_batch import DEPLOYMENT, SERVICE


def run(*arguments: str, stdin: str = "", command: click.Command = inject) -> Result:
    return CliRunner().invoke(command, arguments, input=stdin)


def test_every_annotation_is_an_option() -> None:
    options = {name for option in inject.params for name in option.opts}

    assert options == {"-f", "--filename", "paths", *(row.flag for row in ANNOTATABLE)}


def test_manifests_go_to_stdout_and_the_report_to_stderr() -> None:
    done = run("-", stdin=DEPLOYMENT)

    assert done.exit_code == 0
    assert done.stdout.startswith("apiVersion: apps/v1\nkind: Deployment\n")
    assert done.stderr == ("deployment/web injected (names; no Service in this input, unproved)\n")


def test_without_a_name_standard_input_is_read() -> None:
    once = run(stdin=DEPLOYMENT)

    assert run(stdin=once.stdout).stdout == once.stdout
    assert run(stdin=once.stdout, command=uninject).stdout == DEPLOYMENT


def test_nobody_waits_for_manifests_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drainproxy.cli.kube.is_terminal", lambda: True)
    done = run()

    assert done.exit_code == 2
    assert "which manifests? Name a FILE, a DIR, or - for standard input" in done.stderr


def test_options_become_annotations() -> None:
    done = run(
        *("--drain-delay", "3s", "--image", "r/d:1", "--native-sidecar", "off"),
        *("--forward", "7000=8080", "--forward", "7001=8081"),
        stdin=DEPLOYMENT,
    )

    assert done.exit_code == 0
    for line in (
        'drainproxy.io/drain-delay: "3s"',
        'drainproxy.io/image: "r/d:1"',
        'drainproxy.io/native-sidecar: "off"',
        'drainproxy.io/forward: "7000=8080 7001=8081"',
        "image: r/d:1",
    ):
        assert f" {line}\n" in done.stdout
    assert "initContainers" not in done.stdout


def test_files_and_folders_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.yaml").write_text(DEPLOYMENT)
    (tmp_path / "a.yml").write_text(SERVICE)
    (tmp_path / "sub" / "c.json").write_text('{"kind": "Secret"}')
    (tmp_path / "notes.txt").write_text("none of ours")
    done = run("-f", str(tmp_path))

    assert done.exit_code == 0
    assert done.stdout.startswith(SERVICE + "---\napiVersion: apps/v1\nkind: Deployment\n")
    assert done.stdout.endswith('---\n{"kind": "Secret"}')
    assert f"{tmp_path}/b.yaml: deployment/web injected" in done.stderr
    assert "Service web targets 8080" in done.stderr


def test_with_a_mistake_nothing_is_printed_that_could_be_applied(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(DEPLOYMENT)
    (tmp_path / "bad.yaml").write_text("a: [")
    done = run(str(tmp_path))

    assert (done.exit_code, done.stdout) == (1, "")
    assert "bad.yaml line 1: is not valid YAML" in done.stderr


def test_all_wrong_options_are_told_at_once() -> None:
    done = run("--drain-delay", "3", "--capture", "x", stdin=DEPLOYMENT)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "flag --drain-delay: '3' is not a duration" in done.stderr
    assert "flag --capture: 'x' is not one of auto, names, redirect" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.yaml", None, "none.yaml: No such file or directory"),
        ("latin.yaml", b"\xff", "latin.yaml: it is not UTF-8"),
        ("", None, "holds no file that ends with .yaml, .yml or .json"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = run(str(tmp_path / name))

    assert done.exit_code == 1
    assert problem in done.stderr


def test_skipping_is_no_mistake() -> None:
    done = run(stdin=DEPLOYMENT.replace("{app: web}", '{app: web, drainproxy.io/inject: "false"}'))

    assert done.exit_code == 0
    assert done.stderr == 'deployment/web skipped: drainproxy.io/inject is "false"\n'
