"""`drainproxy migration`: exit codes, JSON, all mistakes at once, and nobody passes in doubt."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.migration import migration
from drainproxy.extras import install_hint
from drainproxy.rollout.migration.store_configmap import FLOORS, PREFIX
from tests.rollout.migration.api_server import Answer, ApiServer, api_server, status

ALLOW, REFUSE, USAGE, HOLD = range(4)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(migration, arguments)


class Shop:
    """The app of the tests, with its record in a file or in a cluster."""

    def __init__(self, *where: str) -> None:
        self.where = where

    def __call__(self, command: str) -> int:
        """The exit code."""
        return run(*command.split(), "--app", "shop", *self.where).exit_code

    def json(self, command: str) -> dict[str, Any]:
        done = run(*command.split(), "--app", "shop", *self.where, "-o", "json")
        answer: dict[str, Any] = json.loads(done.stdout)
        codes = {"allow": ALLOW, "refuse": REFUSE, "hold": HOLD}
        assert done.exit_code == codes[answer["verdict"]]
        assert answer["reason"]
        return answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.json"


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def api(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    server.reset()
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig", "prod")))
    return server


@pytest.fixture(params=["file", "cluster"])
def shop(request: pytest.FixtureRequest, path: Path) -> Shop:
    if request.param == "file":
        return Shop("--state", str(path))
    request.getfixturevalue("api")
    return Shop("--namespace", "prod")


def test_a_change_goes_its_way(shop: Shop) -> None:
    steps = [
        ("status", HOLD),
        ("may-deploy --version 6", HOLD),
        ("may-rollback --version 6", HOLD),
        ("begin migrate --version 7", HOLD),
        ("complete", HOLD),
        ("deployed --version 6", ALLOW),
        ("begin migrate --version 7", REFUSE),
        ("begin expand --version 7", ALLOW),
        ("begin expand --version 7", ALLOW),
        ("may-deploy --version 7", ALLOW),
        ("begin migrate --version 7", ALLOW),
        ("begin contract --version 7", REFUSE),
        ("deployed --version 7", ALLOW),
        ("may-rollback --version 6", ALLOW),
        ("begin contract --version 7", REFUSE),
        ("begin contract --version 8 --contract-after 0s", REFUSE),
        ("complete", REFUSE),
        ("begin contract --version 7 --contract-after 0s", ALLOW),
        ("may-rollback --version 7", HOLD),
        ("may-rollback --version 6", REFUSE),
        ("may-deploy --version 6", REFUSE),
        ("may-deploy --version 7", ALLOW),
        ("begin expand --version 8", REFUSE),
        ("complete", ALLOW),
        ("may-rollback --version 7", HOLD),
        ("may-deploy --version 6", REFUSE),
        ("begin expand --version 8", ALLOW),
        ("may-rollback --version 7", ALLOW),
        ("deployed --version 6", REFUSE),
        ("status", ALLOW),
    ]
    found = [(command, shop(command)) for command, _ in steps]

    assert found == steps


def test_json_has_the_verdict_the_reason_and_the_record(shop: Shop) -> None:
    before = datetime.now(UTC)
    shop("begin expand --version 7")
    shop("deployed --version 7")
    answer = shop.json("status")
    deployed_at = datetime.fromisoformat(answer["deployed_at"])

    assert {key: answer[key] for key in ("verdict", "app", "phase", "version", "floor")} == {
        "verdict": "allow",
        "app": "shop",
        "phase": "expand",
        "version": 7,
        "floor": None,
    }
    assert answer["deployed_version"] == 7
    assert before <= deployed_at <= datetime.now(UTC)
    contract_from = datetime.fromisoformat(answer["contract_from"])
    assert contract_from - deployed_at == timedelta(hours=24)
    assert shop.json("may-deploy --version 6")["verdict"] == "allow"
    assert shop.json("may-deploy --version 3")["verdict"] == "hold"


def test_a_record_that_was_lost_lets_nothing_pass_when_it_is_begun_anew(shop: Shop) -> None:
    steps = [
        ("may-rollback --version 1", HOLD),
        ("deployed --version 8", ALLOW),
        ("may-rollback --version 1", HOLD),
        ("may-rollback --version 7", HOLD),
        ("may-deploy --version 1", HOLD),
        ("may-rollback --version 8", ALLOW),
        ("may-deploy --version 8", ALLOW),
        ("may-deploy --version 9", ALLOW),
        ("begin expand --version 9", ALLOW),
        ("may-rollback --version 8", ALLOW),
        ("may-rollback --version 7", HOLD),
        ("may-deploy --version 900", HOLD),
        ("deployed --version 900", REFUSE),
        ("may-rollback --version 11", HOLD),
        ("deployed --version 7", REFUSE),
        ("may-rollback --version 7", HOLD),
    ]
    found = [(command, shop(command)) for command, _ in steps]

    assert found == steps


def test_a_deploy_that_was_before_the_expand_begins_no_contract(shop: Shop) -> None:
    steps = [
        ("deployed --version 9", ALLOW),
        ("begin expand --version 9", ALLOW),
        ("begin migrate --version 9", ALLOW),
        ("begin contract --version 9 --contract-after 0s", REFUSE),
        ("deployed --version 9", ALLOW),
        ("begin contract --version 9 --contract-after 0s", ALLOW),
    ]
    found = [(command, shop(command)) for command, _ in steps[:4]]
    early = shop.json("status")["contract_from"]
    found += [(command, shop(command)) for command, _ in steps[4:]]

    assert found == steps
    assert early is None


def test_a_contract_raises_the_floor_that_admission_reads(api: ApiServer) -> None:
    # Without --namespace it is that of the credentials.
    shop = Shop()
    for command in ("begin expand", "begin migrate", "deployed"):
        assert shop(f"{command} --version 7") == ALLOW
    assert api.data("prod", FLOORS) is None
    assert shop("begin contract --version 7 --contract-after 0s") == ALLOW

    assert api.data("prod", FLOORS) == {"shop": "7"}


@pytest.mark.parametrize("floors", [None, {}, {"bank": "9"}, {"shop": "6"}])
def test_status_holds_while_admission_does_not_know_the_floor(
    api: ApiServer, floors: dict[str, str] | None
) -> None:
    shop = Shop("--namespace", "prod")
    for command in ("begin expand", "begin migrate", "deployed"):
        assert shop(f"{command} --version 7") == ALLOW
    assert shop("begin contract --version 7 --contract-after 0s") == ALLOW
    assert shop("status") == ALLOW
    del api.objects["prod", FLOORS]
    if floors is not None:
        api.put("prod", FLOORS, floors)

    found = shop.json("status")
    assert found["verdict"] == "hold"
    assert f"schema 7 of shop is contracted, but the ConfigMap {FLOORS}" in found["reason"]
    assert (found["phase"], found["floor"]) == ("contract", 7)
    # The record itself is true, and whoever writes it next writes the floor.
    assert shop("may-deploy --version 6") == REFUSE
    assert shop("may-deploy --version 7") == ALLOW
    assert shop("complete") == ALLOW
    assert shop("status") == ALLOW
    assert (api.data("prod", FLOORS) or {})["shop"] == "7"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status"], ["--app: is missing"]),
        (["begin"], ["--app: is missing", "--version: is missing", "PHASE: is missing"]),
        (["may-deploy", "--app", "a", "--version", "x"], ["--version: 'x' is not a schema"]),
        (["may-rollback", "--app", "a", "--version", "-1"], ["--version: '-1' is not a schema"]),
        (
            [
                "begin",
                "kontract",
                "--vrsion",
                "7",
                "--app",
                "a/b",
                "--state",
                "x",
                "--namespace",
                "Y",
                "-o",
                "yaml",
            ],
            [
                "--vrsion: is not known: did you mean --version?",
                "--app: 'a/b' is not the name of an app",
                "--version: is missing",
                "PHASE: 'kontract' is not one of expand, migrate, contract: did you mean contract?",
                "--output: 'yaml' is not one of human, json",
                "--namespace: excludes --state",
                "--namespace: 'Y' is not the name of a namespace",
            ],
        ),
        (
            ["deployed", "--version", "7", "--app", "My_App", "--contract-after", "soon"],
            [
                "--contract-after: 'soon' is not a duration",
                "--app: 'My_App' cannot be in the name of a ConfigMap",
            ],
        ),
        (["complete", "--app", "a", "--state", ""], ["--state: '' is not the path of a file"]),
        (["status", "--app", "a", "--version", "7"], ["--version: is not known", "7: is not"]),
    ],
)
def test_all_mistakes_are_said_at_once(arguments: list[str], said: list[str]) -> None:
    done = run(*arguments)

    assert done.exit_code == USAGE
    assert done.stdout == ""
    for line in said:
        assert line in done.stderr
    assert len(done.stderr.splitlines()) >= len(said)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "not json",
        '{"apps": {"shop": {"phase": "expand", "version": 7, "since": "3000-01-01T00:00:00Z"}}}',
        '{"apps": {"shop": {"phase": "contract", "version": 7, "since": "2026-01-01T00:00:00Z"}}}',
        '{"apps": {"shop": {"deployed-version": 7, "deployed-at": "3000-01-01T00:00:00Z"}}}',
    ],
)
def test_a_damaged_record_holds_everything_and_is_not_written(path: Path, damage: str) -> None:
    path.write_text(damage)
    shop = Shop("--state", str(path))
    for command in (
        "status",
        "may-deploy --version 7",
        "may-rollback --version 7",
        "begin expand --version 8",
        "begin migrate --version 7",
        "begin contract --version 7",
        "deployed --version 7",
        "complete",
    ):
        assert shop.json(command)["verdict"] == "hold", command

    assert path.read_text() == damage


def test_a_place_that_cannot_be_written_holds(tmp_path: Path) -> None:
    shop = Shop("--state", str(tmp_path / "missing" / "shop.json"))

    assert "No such file" in shop.json("begin expand --version 7")["reason"]


def test_who_loses_against_another_writer_holds(api: ApiServer) -> None:
    shop = Shop("--namespace", "prod")
    shop("begin expand --version 7")
    record = api.data("prod", PREFIX + "shop")
    assert record is not None

    def disturb(method: str, path: str) -> Answer | None:
        if method == "PUT":
            api.before = lambda method, path: None
            api.put("prod", PREFIX + "shop", record)
        return None

    api.before = disturb
    answer = shop.json("begin migrate --version 7")

    assert answer["verdict"] == "hold"
    assert "somebody else has written" in answer["reason"]
    assert shop.json("status")["phase"] == "expand"


def test_a_cluster_that_does_not_answer_holds(api: ApiServer) -> None:
    api.before = lambda method, path: status(503, "Unavailable")

    assert Shop("--namespace", "prod").json("may-deploy --version 7")["verdict"] == "hold"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightkube", None)
    monkeypatch.setitem(sys.modules, "lightkube.core.exceptions", None)
    done = run("status", "--app", "shop", "--namespace", "prod")

    assert done.exit_code == USAGE
    assert install_hint("kube") in done.stderr


def test_of_processes_that_write_at_once_none_is_lost(path: Path) -> None:
    """However they meet: as many revisions as there were successes."""
    command = [sys.executable, "-m", "drainproxy", "migration", "deployed", "--version", "7"]
    processes = [
        subprocess.Popen(
            [*command, "--app", "shop", "--state", str(path), "-o", "json"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    verdicts = [answer["verdict"] for answer in answers]

    assert set(verdicts) <= {"allow", "hold"}
    record = json.loads(path.read_text())["apps"]["shop"]
    assert record["revision"] == verdicts.count("allow") >= 1


@pytest.mark.parametrize("command", ["", *migration.commands])
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = run(*filter(None, [command]), "--help")

    assert done.exit_code == 0
    assert f"drainproxy migration {command}" in done.stdout.split("Options:")[1]
