"""`drainproxy inject` and `uninject`: what stands where, and with which exit code."""

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.kube import inject, uninject
from drainproxy.kube.annotations import ANNOTATABLE
from drainproxy.kube.report import NAMES_NEED
from tests.kube.pods import IMAGE
from tests.kube.test_batch import DEPLOYMENT, NAMELESS, SERVICE, join

UNPROVED = "deployment/web injected (names; no Service in this input, unproved)\n"
OFF = DEPLOYMENT.replace("{app: web}", '{app: web, drainproxy.io/inject: "false"}')


def run(
    *arguments: str, stdin: str = "", command: click.Command = inject, image: str | None = IMAGE
) -> Result:
    return CliRunner(env={"DRAINPROXY_IMAGE": image}).invoke(command, arguments, input=stdin)


def test_every_annotation_is_an_option() -> None:
    options = {name for option in inject.params for name in option.opts}

    own = {"--only", "-o", "--output", "--dry-run", "--strict"}
    assert options == {"-f", "--filename", "paths", *own, *(row.flag for row in ANNOTATABLE)}


def test_manifests_go_to_stdout_and_the_report_to_stderr() -> None:
    done = run("-", stdin=DEPLOYMENT)

    assert done.exit_code == 0
    assert done.stdout.startswith("apiVersion: apps/v1\nkind: Deployment\n")
    assert done.stderr == UNPROVED + f"note: {NAMES_NEED}\n1 injected, 0 skipped, 0 bypassed\n"


def test_without_a_name_standard_input_is_read() -> None:
    once = run(stdin=DEPLOYMENT)

    assert run(stdin=once.stdout).stdout == once.stdout
    assert run(stdin=once.stdout, command=uninject).stdout == DEPLOYMENT


def test_nobody_waits_for_manifests_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drainproxy.cli.manifests.is_terminal", lambda: True)
    done = run()

    assert done.exit_code == 2
    assert "which manifests? Name a FILE, a DIR, a URL, or - for" in done.stderr


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


def test_the_image_is_that_of_the_option_or_the_environment() -> None:
    said = run("--image", "r/d:1", stdin=DEPLOYMENT, image="r/d:2")
    configured = run(stdin=DEPLOYMENT, image="r/d:2")

    assert "        image: r/d:1\n" in said.stdout
    assert "        image: r/d:2\n" in configured.stdout
    assert "drainproxy.io/image" not in configured.stdout


def test_without_an_image_it_says_how_to_build_and_name_one() -> None:
    done = run(stdin=DEPLOYMENT, image=None)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "deployment/web error\n  image: none is named, and there is no public one" in done.stderr
    assert "`make image TAG=REGISTRY/drainproxy:" in done.stderr
    assert "name it with --image, DRAINPROXY_IMAGE or the annotation" in done.stderr
    assert run(stdin=SERVICE, image=None).exit_code == 0
    wrong = run(stdin=DEPLOYMENT, image="r d")
    assert "environment DRAINPROXY_IMAGE: 'r d' is no image" in wrong.stderr


def test_what_is_injected_keeps_its_image() -> None:
    once = run(stdin=DEPLOYMENT)

    assert run(stdin=once.stdout, image=None).stdout == once.stdout
    assert "image: r/d:2\n" in run(stdin=once.stdout, image="r/d:2").stdout


def test_files_and_folders_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.yaml").write_text(DEPLOYMENT)
    (tmp_path / "a.yml").write_text(SERVICE)
    (tmp_path / "sub" / "c.json").write_text('{"kind": "Secret"}')
    (tmp_path / "notes.txt").write_text("none of ours")
    done = run("-f", str(tmp_path))

    assert done.exit_code == 0
    assert done.stdout.startswith("apiVersion: v1\nkind: Service\n")
    assert "---\napiVersion: apps/v1\nkind: Deployment\n" in done.stdout
    assert done.stdout.endswith('---\n{"kind": "Secret"}')
    assert f"{tmp_path}/b.yaml: deployment/web injected" in done.stderr


def test_with_a_mistake_nothing_is_printed_that_could_be_applied(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(DEPLOYMENT)
    (tmp_path / "bad.yaml").write_text("a: [")
    done = run(str(tmp_path))

    assert (done.exit_code, done.stdout) == (1, "")
    assert "bad.yaml line 1: is not valid YAML" in done.stderr


def test_all_wrong_options_are_told_at_once() -> None:
    done = run("--drain-delay", "3", "--capture", "x", stdin=DEPLOYMENT)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "flag --drain-delay: '3' is not a duration" in done.stderr
    assert "flag --capture: 'x' is not one of auto, names, redirect" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.yaml", None, "none.yaml: No such file or directory"),
        ("latin.yaml", b"\xff", "latin.yaml: it is not UTF-8\n"),
        ("wide.yaml", "kind: x".encode("utf-16"), "it is not UTF-8, but UTF-16: convert it"),
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


def test_who_has_captured_nothing_has_failed_but_prints_it_all_the_same() -> None:
    done = run(stdin=OFF)

    assert (done.exit_code, done.stdout) == (1, OFF)
    assert done.stderr == (
        'deployment/web skipped (drainproxy.io/inject is "false")\n'
        "0 injected, 1 skipped, 0 bypassed\n"
    )
    assert run("--capture", "names", stdin=join(DEPLOYMENT, SERVICE)).exit_code == 1
    assert run(stdin=join(DEPLOYMENT, OFF)).exit_code == 0
    assert run(stdin=SERVICE).exit_code == 0, "nothing there makes pods"


def test_who_is_strict_wants_everything_captured() -> None:
    assert run("--strict", stdin=join(DEPLOYMENT, SERVICE)).exit_code == 0
    done = run("--strict", stdin=join(DEPLOYMENT, OFF))

    assert done.exit_code == 1
    assert "initContainers" in done.stdout


@pytest.mark.parametrize("text", ["", "# nothing\n", "a: 1\n", "[]", "kind: List\nitems: []\n"])
@pytest.mark.parametrize("command", [inject, uninject])
def test_an_input_without_an_object_is_a_mistake(text: str, command: click.Command) -> None:
    done = run("-", stdin=text, command=command)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "the input has no Kubernetes object" in done.stderr


def test_the_report_is_json_for_machines() -> None:
    done = run("-o", "json", stdin=join(NAMELESS, SERVICE))

    (one,) = json.loads(done.stderr)["objects"]
    assert one["object"] == "deployment/web"
    assert (one["outcome"], one["capture"], one["line"]) == ("injected", "service rewrite", 1)
    assert one["reason"] == "Service web targets 8080"
    assert one["ports"] == [{"port": 8080, "listen": 9181, "protocol": "auto"}]
    assert len(one["steps"]) == 3
    assert json.loads(done.stderr)["summary"] == {"injected": 1, "skipped": 0, "bypassed": 0}
    assert done.stdout.startswith("apiVersion")


def test_neither_the_locale_nor_the_name_of_a_file_keeps_anything_from_being_printed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    text = DEPLOYMENT + "# \u00e9\n"
    (folder / "web.yaml").write_text(text, encoding="utf-8")
    runner = CliRunner(env={"DRAINPROXY_IMAGE": IMAGE}, charset="ascii")

    done = runner.invoke(inject, ["-o", "json", str(folder)])
    assert done.stdout_bytes.endswith(text.encode()[-5:])
    assert json.loads(done.stderr_bytes)["objects"][0]["file"] == str(folder / "web.yaml")
    assert runner.invoke(inject, ["--dry-run", str(folder)]).exit_code == 0


def test_a_dry_run_prints_the_report_alone() -> None:
    assert run("--dry-run", stdin=DEPLOYMENT).stdout.startswith(UNPROVED)
    done = run("--dry-run", "-o", "json", stdin=OFF)

    assert json.loads(done.stdout)["summary"]["skipped"] == 1
    assert (done.exit_code, done.stderr) == (1, "")
    assert run("--dry-run", stdin=DEPLOYMENT, command=uninject).stdout == (
        "deployment/web skipped (it is not injected)\n0 uninjected, 1 skipped\n"
    )


def test_halves_are_printed_one_at_a_time() -> None:
    text = join(NAMELESS, SERVICE)
    first, second = run("--only", "workloads", stdin=text), run("--only", "services", stdin=text)

    assert "kind: Service" not in first.stdout
    assert "initContainers" in first.stdout
    assert "targetPort: 9181" in second.stdout
    assert "kind: Deployment" not in second.stdout
    back = run("--only", "services", stdin=second.stdout, command=uninject)
    assert "targetPort: 8080" in back.stdout
