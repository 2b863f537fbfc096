"""`drainproxy smoke`: what it takes, what it says, and with which exit code it ends."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from xml.etree import ElementTree as xml

import click
import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.smoke import smoke
from drainproxy.rollout.smoke.reading import SmokeOptions, read_test

PASSES = "- exec: 'true'\n"
FAILS = "- exec: 'false'\n"


class Hello(BaseHTTPRequestHandler):
    """Says hello, and 404 to everybody else."""

    def do_GET(self) -> None:
        found = self.path == "/hello"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", "5" if found else "0")
        self.end_headers()
        self.wfile.write(b"hello" if found else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def silent() -> Iterator[str]:
    """The URL of somebody who takes a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(smoke, arguments, input=stdin)


def test_every_step_that_passes_is_a_line_and_the_exit_code_0(url: str) -> None:
    done = run("-", "--url", url, stdin="- http: /hello\n- exec: 'true'\n")

    assert (done.exit_code, done.stderr) == (0, "")
    first, second, verdict = done.stdout.splitlines()
    assert first.startswith("pass  GET /hello  (")
    assert second.startswith("pass  exec true  (")
    assert verdict.startswith("pass: 2 of 2 steps passed, in ")


def test_a_step_that_fails_is_said_with_its_reason_and_the_exit_code_1(url: str) -> None:
    done = run("-", "--url", url, stdin="- http: /nope\n- http: /hello\n")

    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("fail  GET /nope")
    assert lines[1] == "      status is 404, not 2xx"
    assert lines[2].startswith("pass  GET /hello")
    assert lines[3].startswith("fail: 1 of 2 steps passed, 1 failed, in ")


@pytest.mark.parametrize("text", ["", "[]", "steps: []\n", "name: nothing\n"])
def test_a_test_without_steps_fails(text: str) -> None:
    done = run("-", "-o", "json", stdin=text)

    assert done.exit_code == 1
    assert json.loads(done.stdout)["verdict"] == "fail"
    assert "it has no steps, so nothing was tested" in done.stderr


def test_a_url_is_got_once(url: str) -> None:
    good, bad = run(f"{url}/hello"), run(f"{url}/nope")

    assert good.exit_code == 0
    assert good.stdout.startswith(f"pass  GET {url}/hello")
    assert bad.exit_code == 1
    assert "status is 404, not 2xx" in bad.stdout


@pytest.mark.parametrize("scheme", ["http", "https", "file", "ftp"])
def test_a_test_file_is_never_fetched_from_a_url(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL of a test is a service to be asked, whatever it answers, or no service at all."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ran").write_text("")
    steps = f"- exec: rm {tmp_path}/ran\n"
    (tmp_path / "t.yaml").write_text(steps)

    class Steps(Hello):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(steps.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Steps) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        host = "" if scheme == "file" else f"127.0.0.1:{server.server_port}"
        run(f"{scheme}://{host}{tmp_path}/t.yaml")
        server.shutdown()
        thread.join()
    assert (tmp_path / "ran").exists()


def test_mistakes_of_flags_and_of_the_file_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("- htpp: /a\n- http: /b\n  timeout: 5\n")
    done = run(
        *(str(file), "--url", "shop", "--timeout", "1", "--retries", "x"),
        *("--retry-interval", "1", "--variable", "A", "--variable", "1=2"),
    )

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "flag --url: 'shop' is not a URL that begins with http:// or https://",
        "flag --timeout: '1' is not a duration, such as 500ms, 30s, 5m or 1h30m",
        "flag --retries: 'x' is not a whole number",
        "flag --retry-interval: '1' is not a duration, such as 500ms, 30s, 5m or 1h30m",
        "flag --variable: 'A' is not NAME=VALUE",
        "flag --variable: '1=...' is not NAME=VALUE",
        f"{file}:1: htpp is not a key of a step: did you mean http?",
        f"{file}:3: timeout '5' is not a duration, such as 500ms, 30s, 5m or 1h30m",
    ]


def test_a_ca_that_is_not_there_is_a_mistake_and_no_failed_test(tmp_path: Path) -> None:
    done = run("https://127.0.0.1:1", "--ca", str(tmp_path / "ca.pem"), "--retries", "x")
    assert done.exit_code == 2
    assert "ca.pem' cannot be read: No such file or directory\n" in done.stderr
    assert "--retries: 'x'" in done.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "No such file or directory"), (b"\xff", "it is not UTF-8")],
)
def test_what_cannot_be_read_is_told_with_the_flags(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "t.yaml"
    if content is not None:
        file.write_bytes(content)
    done = run(str(file), "--timeout", "0")

    assert done.exit_code == 2
    assert done.stderr == f"flag --timeout: '0' must be more than 0\n{file}: {problem}\n"


@pytest.mark.parametrize("flag", [("--url", "http://b"), ("--variable", "A=b")])
def test_what_is_of_no_use_beside_a_url_is_told(flag: tuple[str, str]) -> None:
    done = run("http://a", *flag)
    assert done.exit_code == 2
    assert f"flag {flag[0]}: has no effect with a URL" in done.stderr


def test_a_url_that_is_none_is_told() -> None:
    done = run("ftp://a")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "ftp://a: is not a URL that begins with http:// or https://\n"


def test_flags_reach_the_steps(url: str) -> None:
    done = run(
        *("-", "--url", url, "--retries", "2", "--retry-interval", "10ms", "--variable", "P=nope"),
        stdin="- http: /${P}\n",
    )
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:2] == [
        "wait  GET /${P}  attempt 1 of 3: status is 404, not 2xx; again in 0.01 s",
        "wait  GET /${P}  attempt 2 of 3: status is 404, not 2xx; again in 0.01 s",
    ]
    with silent() as url:
        done = run(url, "--timeout", "100ms")
    assert "no answer within 0.1 s" in done.stdout


def test_behind_a_failure_steps_are_skipped_if_one_wants_that() -> None:
    done = run("-", "--fail-fast", stdin=PASSES + FAILS + PASSES)
    assert [line[:4] for line in done.stdout.splitlines()] == [
        *("pass", "fail", "    ", "skip", "fail"),
    ]


@pytest.mark.parametrize(("text", "code"), [(PASSES, 0), (FAILS, 1)])
def test_json_goes_to_stdout_and_progress_to_stderr(text: str, code: int) -> None:
    done = run("-", "-o", "json", stdin=text)

    assert done.exit_code == code
    assert json.loads(done.stdout)["verdict"] == ("fail" if code else "pass")
    assert done.stderr.splitlines()[-1].startswith("fail: " if code else "pass: ")


def test_junit_goes_to_stdout_or_beside_json_to_files(tmp_path: Path) -> None:
    junit, as_json = tmp_path / "smoke.xml", tmp_path / "smoke.json"
    done = run("-", "-o", "junit", stdin=FAILS)
    assert xml.fromstring(done.stdout).get("failures") == "1"  # noqa: S314 (our own)

    done = run("-", "--junit", str(junit), "--json", str(as_json), stdin=FAILS)
    assert done.exit_code == 1
    assert done.stdout.startswith("fail  exec false")
    assert xml.parse(junit).getroot().get("failures") == "1"  # noqa: S314 (our own)
    assert json.loads(as_json.read_text())["failed"] == 1


def test_a_report_without_a_folder_is_told_before_anything_is_tested(tmp_path: Path) -> None:
    touches = f"steps:\n- exec: [touch, {tmp_path}/tested]\n"
    done = run("-", "--json", str(tmp_path / "no" / "file"), stdin=touches)
    assert done.exit_code == 2
    assert f"there is no folder '{tmp_path}/no'" in done.stderr
    assert not (tmp_path / "tested").exists()


def test_a_report_that_cannot_be_written_is_told() -> None:
    done = run("-", "--json", "/dev/full", stdin=PASSES)
    assert done.exit_code == 2
    assert done.stderr == "/dev/full: No space left on device\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_a_report_of_what_is_known(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    report = tmp_path / "smoke.json"
    began = tmp_path / "began"
    steps = f"- exec: [touch, {began}]\n- exec: [sleep, '600']\n  timeout: 1h\n- exec: 'true'\n"
    process = subprocess.Popen(
        [sys.executable, "-m", "drainproxy", "smoke", "-", "--json", str(report)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(steps)
    process.stdin.close()
    assert process.stdout.readline().startswith("pass  exec touch")
    process.send_signal(number)
    rest = process.stdout.read()
    process.stdout.close()

    assert process.wait(20) == code
    assert "interrupted" in rest
    assert [step["verdict"] for step in json.loads(report.read_text())["steps"]] == [
        *("pass", "fail", "skip"),
    ]


def test_the_examples_in_the_help_are_a_test() -> None:
    with click.Context(smoke, info_name="smoke") as context:
        told = smoke.get_help(context)
    lines = told.partition("<<'END'\n")[2].partition("END\n")[0].splitlines()
    text = "\n".join(line.removeprefix("    ") for line in lines)
    test = read_test("help", text, SmokeOptions(url="http://a"), {}, {})
    assert [step.kind for step in test.steps] == [
        *("http", "http", "websocket", "sse", "grpc", "exec"),
    ]


@pytest.mark.alone
def test_it_starts_fast() -> None:
    """In CPU seconds: a busy machine takes longer, and that says nothing of the command."""
    command = [sys.executable, "-m", "drainproxy", "smoke", "--help"]
    times = []
    for _ in range(3):
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = getrusage(RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.25
