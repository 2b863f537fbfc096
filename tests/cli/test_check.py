"""`drainproxy check`: what it reads, what stands where, and with which exit code."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.check import check
from drainproxy.rollout.check.rules import RULES
from tests.rollout.check.bad_pods import PROBES
from tests.rollout.check.bad_workloads import CAPACITY
from tests.rollout.check.changes import FOLDER

GOOD = FOLDER / "web.yaml"
BAD = PROBES[0].text  # no readinessProbe, which is an error
WEAK = CAPACITY[0].text  # one replica, which is a warning


def run(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(check, [*map(str, arguments)], input=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def test_a_good_manifest_ticks_every_box_that_applies() -> None:
    done = run(GOOD)

    assert done.exit_code == 0, done.output
    assert done.stdout.count("[ ]") == 1
    assert "[ ] Automatic rollback when errors or latency spike: deployment/web: " in done.stdout
    assert "[x] Readiness and liveness probes verified\n" in done.stdout
    assert "[-] Every exception has a reason: nothing here is excepted\n" in done.stdout
    assert done.stdout.endswith("0 errors, 0 warnings, 0 hints in 6 objects of 1 file\n")


def test_a_finding_stands_under_its_box_with_its_place(folder: Path) -> None:
    done = run(folder)
    line = next(at for at, text in enumerate(BAD.splitlines(), 1) if "# !" in text)

    assert done.exit_code == 1
    assert (
        "[ ] Readiness and liveness probes verified: 1 finding\n"
        f"    {folder}/bad.yaml:{line}:9: error: deployment/web: container web has no"
        " readinessProbe [readiness-probe-missing]\n"
    ) in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["--strict"], 1),
        (["--fail-on", "warning"], 1),
        (["--fail-on", "info"], 1),
        (["--strict", "--fail-on", "error"], 1),
        (["--fail-on", "never"], 0),
        (["--strict", "--skip", "single-replica"], 0),
        (["--strict", "--only", "budget-missing,budget-blocks"], 0),
        (["--strict", "--only", "single-replica"], 1),
    ],
)
def test_what_fails_is_a_matter_of_the_options(arguments: list[str], code: int) -> None:
    assert run(*arguments, "-", stdin=WEAK).exit_code == code


def test_a_box_of_which_no_rule_is_asked_is_not_ticked() -> None:
    told = run("--only", "budget-missing", GOOD).stdout
    assert "[-] A smoke test in the pipeline: no rule of it was asked\n" in told
    (capacity,) = (line for line in told.splitlines() if "Capacity" in line)
    assert capacity.startswith("[-] Capacity held during rollouts and node drains: not asked: ")


def test_input_in_which_nothing_is_judged_is_said_to_be_so() -> None:
    nothing = "\nNothing was judged: this input has no workload, "
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n"
    wrong = account.replace("v1", "apps/v1").replace("ServiceAccount", "Deploymnt")

    assert nothing in run("-", stdin=account).stdout
    assert nothing in run("-o", "json", "-", stdin=account).stderr
    assert nothing in run("-", stdin=wrong).stdout
    assert run("-", stdin=wrong).exit_code == 1
    assert nothing not in run(GOOD).stdout
    assert nothing not in run("--only", "budget-missing", "-", stdin=account).stdout


def test_standard_input_is_read_where_nothing_is_named() -> None:
    done = run("-o", "json", stdin=BAD)
    assert [each["file"] for each in json.loads(done.stdout)] == ["-"]


def test_json_is_a_list_of_findings_and_the_boxes_are_aside(folder: Path) -> None:
    done = run("-f", folder / "bad.yaml", "-o", "json")

    (finding,) = json.loads(done.stdout)
    assert {*finding} >= {"rule", "level", "file", "line", "column", "message", "object"}
    assert finding["rule"] == "readiness-probe-missing"
    assert finding["object"] == "deployment/web"
    assert finding["remediation"].startswith("Add a readinessProbe")
    assert "[ ] Readiness and liveness probes verified: 1 finding\n" in done.stderr


@pytest.mark.parametrize("form", ["json", "sarif", "junit", "github"])
def test_every_form_has_the_same_exit_codes(form: str) -> None:
    assert run("-o", form, stdin=BAD).exit_code == 1
    assert run("-o", form, GOOD).exit_code == 0


def test_all_files_are_seen_together(tmp_path: Path) -> None:
    """The autoscaler in one file says how many pods another has."""
    first, second = GOOD.read_text().split("---\napiVersion: policy/v1\n")
    (tmp_path / "app.yaml").write_text(first)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "budget.yml").write_text("apiVersion: policy/v1\n" + second)

    assert "[single-replica]" in run(tmp_path / "app.yaml").stdout
    assert run("--strict", tmp_path).exit_code == 0
    assert run("--strict", tmp_path / "app.yaml", tmp_path / "more").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "single-replica", "--skip", "single-replica"),
        ("--skip", ",".join(each.id for each in RULES)),
    ],
)
def test_rules_of_which_none_is_left_are_a_mistake(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    done = run(str(folder), *arguments)
    assert done.exit_code == 2
    assert "Error: --only and --skip leave no rule: nothing would be checked\n" in done.stderr


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("kind: Service\n  a: b: c\n")
    (tmp_path / "latin.yaml").write_bytes(b"kind: \xff\n")
    (tmp_path / "values.yaml").write_text("replicas: 3\n")
    (tmp_path / "half.yaml").write_text("---\napiVersion: v1\nmetadata: {name: web}\n")
    (tmp_path / "wide.yaml").write_text("kind: Pod\n", "utf-16")
    names = ["broken.yaml", "latin.yaml", "wide.yaml", "values.yaml", "half.yaml", "missing.yaml"]

    done = run("--only", "budget-mising", *(tmp_path / name for name in names), GOOD)

    assert done.exit_code == 2
    assert done.stdout == ""
    assert "--only: there is no rule 'budget-mising': did you mean budget-missing?" in done.stderr
    assert f"{tmp_path}/broken.yaml: line 2: is not valid YAML" in done.stderr
    assert f"{tmp_path}/latin.yaml: it is not UTF-8\n" in done.stderr
    assert f"{tmp_path}/wide.yaml: it is not UTF-8, but UTF-16: convert it" in done.stderr
    assert f"{tmp_path}/values.yaml: holds no Kubernetes object" in done.stderr
    assert (
        f"{tmp_path}/half.yaml: line 2: has apiVersion and metadata.name, but no kind"
        in done.stderr
    )
    assert f"{tmp_path}/missing.yaml: No such file or directory" in done.stderr


@pytest.mark.parametrize("names", ["apiVersion: v1\nKind: Pod", "apiVersion: v1\nkind:"])
def test_an_object_that_does_not_say_its_kind_is_told_in_a_directory_too(
    folder: Path, names: str
) -> None:
    (folder / "half.yaml").write_text(f"{names}\nmetadata: {{name: web}}\n")
    done = run(folder)
    assert done.exit_code == 2
    assert "half.yaml: line 1: has " in done.stderr


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "a: 1\n", "[]", "[{kind: 3}]", '{"kind": 3}', "--- text\n"]
)
def test_input_without_an_object_is_no_success(text: str) -> None:
    done = run("-", stdin=text)
    assert done.exit_code == 2
    assert "-: holds no Kubernetes object" in done.stderr


def test_a_directory_may_hold_other_files(folder: Path) -> None:
    (folder / "values.yaml").write_text("replicas: 3\n")
    (folder / "package.json").write_text('{"name": "x"  // a comment\n}')
    (folder / ".github").mkdir()
    (folder / ".github" / "broken.yaml").write_text("kind: {{")
    (folder / "README.md").write_text("kind: x")

    assert run(folder).exit_code == 1
    (folder / "broken.json").write_text('{"kind": ')
    assert run(folder).exit_code == 2


def test_a_directory_without_manifests_is_a_mistake(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.exit_code == 2
    assert "no file in it that ends with .yaml, .yml or .json holds a Kubernetes" in done.stderr


def test_a_chart_has_to_be_rendered_first(folder: Path) -> None:
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\n")
    template = chart / "templates" / "web.yaml"
    template.write_text("apiVersion: v1\nkind: Service\nmetadata: {{ .Values.x }}\n")

    assert run(chart).exit_code == 2
    assert f"render it first: helm template {chart} | drainproxy check -" in run(chart).stderr
    assert "(a Helm template? render it first)" in run(template).stderr
    aside = run(folder)
    assert aside.exit_code == 1
    assert f"{chart}: is a Helm chart and is not checked" in aside.stderr


def test_a_link_to_a_directory_is_told_to_be_passed_over(folder: Path) -> None:
    (folder / "link").symlink_to(folder)
    assert f"{folder / 'link'}: is a link to a directory and is not followed" in run(folder).stderr


@pytest.mark.parametrize("name", ["kustomization.yaml", "Kustomization"])
def test_patches_of_a_kustomization_are_no_manifests(folder: Path, name: str) -> None:
    (folder / name).write_text(
        "resources: [bad.yaml]\npatches:\n- path: more.yaml\n- patch: |-\n    a: b\n"
        "patchesStrategicMerge:\n- less.yaml\n"
    )
    for patch in ("more.yaml", "less.yaml"):
        (folder / patch).write_text(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        )

    done = run(folder)

    assert "in 6 objects of 1 file" in done.stdout
    assert f"kubectl kustomize {folder} | drainproxy check -" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "images: [{name: web, newTag: '1'}]\nreplicas: [{name: web, count: 3}]",
            "images, replicas",
        ),
        ("commonLabels: {app: web}", "commonLabels"),
        ("patches: [{patch: '[]'}]", "patches"),
        ("configMapGenerator: [{name: a}]\nimages: []", None),
    ],
)
def test_what_a_kustomization_changes_is_told_to_be_unseen(
    folder: Path, text: str, said: str | None
) -> None:
    (folder / "kustomization.yaml").write_text(f"resources: [bad.yaml]\n{text}\n")
    told = f"kustomization.yaml: its {said} are not applied: kubectl kustomize {folder} |"
    assert (told in run(folder).stderr) is (said is not None)
    assert ("not applied" in run(folder).stderr) is (said is not None)


def test_a_file_that_is_named_twice_is_read_once(folder: Path) -> None:
    for again in (folder / "bad.yaml", f"{folder}/./bad.yaml", folder):
        done = run(folder, again)
        assert done.stdout == run(folder).stdout
        assert done.stderr == ""
    (folder / "link.yaml").symlink_to(folder / "bad.yaml")
    assert "of 2 files" in run(folder).stdout


def test_a_file_without_an_object_is_told_however_often_it_is_named(folder: Path) -> None:
    (folder / "empty.yaml").write_text("a: 1\n")
    done = run(folder / "bad.yaml", folder / "empty.yaml", folder / "bad.yaml")
    assert (done.exit_code, done.stderr.count("holds no Kubernetes object")) == (2, 1)


def test_names_of_files_and_objects_carry_no_colours(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.yaml").write_text(BAD.replace("name: web\n", 'name: "w\\x1b[31m"\n'))
    done = run(tmp_path)
    assert "\x1b" not in done.output
    assert "a\\x1b[31m.yaml" in done.stdout


def test_a_name_that_is_no_text_is_written_as_one(tmp_path: Path) -> None:
    path = tmp_path.joinpath(os.fsdecode(b"web-\xff.yaml"))
    path.write_text(BAD)
    (finding,) = json.loads(run("-o", "json", tmp_path).stdout)
    assert finding["file"].endswith("web-\\udcff.yaml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("drop table carts", "alter table " * 20_000),
        ("drop table carts", "flyway goose atlas " * 12_000),
        ("drop table carts", "helm " * 50_000),
        ("path: /ready, port: 8000", f"path: {'/' * 225_000}, port: 8000"),
        ("image: registry.example/billing:12", f"image: {'x' * 225_000}:latest"),
    ],
)
def test_no_text_takes_long(old: str, new: str) -> None:
    text = (FOLDER / "release.yaml").read_text()
    text = text.replace('[alembic, upgrade, "12"]', "[psql, -c, drop table carts]")
    started = time.process_time()

    done = run("-", stdin=text.replace(old, new, 1))

    assert done.exit_code in (0, 1), done.stderr
    assert time.process_time() - started < 2.5
    assert len(done.stdout) < 10_000


def test_half_a_surrogate_is_no_character() -> None:
    """JSON can say it, UTF-8 cannot (RFC 8259, section 8.2); to kubectl it is U+FFFD (Go's
    encoding/json)."""
    text = '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w\\ud800"}}'
    done = run("-o", "json", stdin=text)
    assert {each["object"] for each in json.loads(done.stdout)} == {
        "deployment/w\N{REPLACEMENT CHARACTER}"
    }


def test_the_list_names_every_rule() -> None:
    lines = run("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [rule.id for rule in RULES]
    assert [each["id"] for each in json.loads(run("--list", "-o", "json").stdout)] == [
        rule.id for rule in RULES
    ]


def test_explain_knows_every_rule_and_says_what_may_have_been_meant() -> None:
    assert run("--explain", "grace-covers-drain").stdout.startswith("grace-covers-drain (error): ")
    wrong = run("--explain", "grace-cover-drain")
    assert wrong.exit_code == 2
    assert "did you mean grace-covers-drain?" in wrong.stderr


def test_help_has_examples_and_exit_codes() -> None:
    told = run("--help").stdout
    assert "helm template charts/web | drainproxy check -" in told
    assert "Exit codes: 0 nothing that counts" in told


def test_a_thousand_manifests_are_a_matter_of_seconds(tmp_path: Path) -> None:
    """Everything is seen together, yet not compared with everything."""
    text = GOOD.read_text()
    for number in range(170):  # of six objects each
        (tmp_path / f"{number}.yaml").write_text(
            text.replace("name: web", f"name: web-{number}").replace("/web:", f"/web-{number}:")
        )
    started = time.process_time()
    done = run(tmp_path)

    assert "0 errors, 0 warnings, 0 hints in 1020 objects of 170 files" in done.stdout
    assert time.process_time() - started < 10


def test_it_needs_nothing_heavy(root: Path) -> None:
    """What it imports decides how fast it starts."""
    code = (
        "import sys; from drainproxy.cli.check import check;"
        f"check(['-o', 'json', {str(GOOD)!r}], standalone_mode=False);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "msgspec" in loaded
    assert loaded & {"aiohttp", "asyncio", "ruamel", "lightkube", "grpc", "rich", "uvloop"} == set()
