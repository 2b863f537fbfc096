"""`drainproxy reports`, against an API server of the test's own."""

import json
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.admin import EX_CUT
from drainproxy.cli.reports import reports
from drainproxy.cli.run import EX_UNAVAILABLE
from drainproxy.drain.ledger import Ledger
from drainproxy.drain.report import Account
from drainproxy.extras import install_hint
from tests.e2e.process import started
from tests.kube.api import Api, beside, kubeconfig

PATH = "/api/v1/namespaces/default/pods"


def report(verdict: str = "clean") -> str:
    made = Account(Ledger(), 0.0).close("signal", {}, 7.0).as_dict()
    return json.dumps({**made, "verdict": verdict})


def put(api: Api, name: str, message: str | None, path: str = PATH) -> None:
    ended = {"terminated": {"exitCode": 0, "message": message, "containerID": name}}
    state = {"running": {}} if message is None else ended
    status = {"initContainerStatuses": [{"name": "drainproxy", "state": state, "lastState": {}}]}
    api.put(path, name, "shop", metadata={"uid": name}, status=status)


def run(url: str, folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(reports, arguments, env={"KUBECONFIG": str(kubeconfig(folder, url))})


@pytest.fixture
def api() -> Api:
    api = Api()
    put(api, "web-1", report())
    return api


def test_the_reports_of_pods_that_have_ended_are_printed(api: Api, tmp_path: Path) -> None:
    put(api, "web-2", None)
    put(api, "web-3", "killed\x1b[31m")
    with beside(api) as url:
        done = run(url, tmp_path)

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "shop/web-1: drained in 7.0 s (signal): clean",
        "shop/web-3: no report (killed [31m)",
    ]


def test_as_json_each_is_a_line_and_a_cut_shows_in_the_exit_code(api: Api, tmp_path: Path) -> None:
    put(api, "web-2", report("cut 3"), "/api/v1/pods")
    with beside(api) as url:
        done = run(url, tmp_path, "--all-namespaces", "--output", "json")

    assert done.exit_code == EX_CUT
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["namespace"], line["pod"], line["exit-code"]) == ("shop", "web-2", 0)
    assert line["report"]["verdict"] == "cut 3"


def test_a_report_of_another_version_is_printed_as_it_is(api: Api, tmp_path: Path) -> None:
    put(api, "web-1", '{"verdict": "clean", "ended": 5}')
    with beside(api) as url:
        done = run(url, tmp_path)

    assert done.stdout == 'shop/web-1: {"verdict": "clean", "ended": 5}\n'


def test_who_may_not_list_pods_is_told(api: Api, tmp_path: Path) -> None:
    api.refused = {PATH}
    with beside(api) as url:
        done = run(url, tmp_path, "--watch")

    assert done.exit_code == EX_UNAVAILABLE
    assert f"drainproxy: {PATH} is forbidden" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_each_report_is_printed_as_its_pod_ends_whatever_the_stream_does(
    number: signal.Signals, api: Api, tmp_path: Path
) -> None:
    put(api, "web-2", None)
    put(api, "web-3", None)
    put(api, "web-4", None)
    with beside(api) as url:
        env = {"KUBECONFIG": str(kubeconfig(tmp_path, url))}
        command = ("drainproxy", "reports", "--watch", "--selector", "app=web")
        with started(*command, ready=lambda: api.watched == 1, env=env) as process:
            put(api, "web-2", report("cut 1"))
            process.until(lambda: "shop/web-2" in process.output)
            api.delete(PATH, "web-2", "shop")
            api.delete(PATH, "web-4", "shop")
            process.until(lambda: "shop/web-4: no report (the pod was gone" in process.output)
            api.expired = True
            api.end_streams()
            put(api, "web-3", report())
            process.until(lambda: "shop/web-3: drained" in process.output)
            process.send_signal(number)
            assert process.wait() == EX_CUT
            assert process.output.count("shop/web-2: drained in 7.0 s (signal): cut 1") == 1
            assert "Traceback" not in process.output


def test_without_the_library_for_clusters_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    done = run("http://127.0.0.1:1", tmp_path)
    assert done.exit_code == 2
    assert f"needs httpx2: {install_hint('kube')}" in done.output
