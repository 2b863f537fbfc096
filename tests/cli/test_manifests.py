"""Reading manifests: files, folders and URLs."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import pytest

from drainproxy.cli import manifests
from drainproxy.cli.manifests import read_texts

TEXT = b"kind: Secret\n"


class Handler(BaseHTTPRequestHandler):
    """Answers with manifests, with something large, with nothing, or with no HTTP."""

    def do_GET(self) -> None:
        """One answer."""
        if self.path == "/broken":
            self.wfile.write(b"what?\r\n")
            return
        self.send_response(404 if self.path == "/none" else 200)
        self.end_headers()
        self.wfile.write(TEXT * 100 if self.path == "/large" else TEXT)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def server() -> Iterator[str]:
    """Where it listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def problem(*paths: str, command: str = "inject") -> str:
    with pytest.raises(click.ClickException) as caught:
        read_texts(paths, command)
    return caught.value.message


def test_a_url_is_read_like_a_file(server: str) -> None:
    assert read_texts((f"{server}/web.yaml",), "inject") == {f"{server}/web.yaml": TEXT.decode()}


def test_what_is_wrong_with_a_url_is_told(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "LARGEST", 100)

    assert problem(f"{server}/none") == f"{server}/none: the server answers 404 Not Found"
    assert problem(f"{server}/large").endswith("has more than 0 MiB")
    assert "no answer that can be read" in problem(f"{server}/broken")
    assert "Connection refused" in problem("http://127.0.0.1:1/x")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Chart.yaml", "`helm template NAME {} | drainproxy check -`"),
        ("kustomization.yaml", "`kubectl kustomize {} | drainproxy check -`"),
        ("kustomization.yml", "`kubectl kustomize {} | drainproxy check -`"),
    ],
)
def test_a_folder_of_templates_says_how_to_render_it(
    tmp_path: Path, name: str, advice: str
) -> None:
    (tmp_path / name).write_text("")
    (tmp_path / "web.yaml").write_bytes(TEXT)

    assert advice.format(tmp_path) in problem(str(tmp_path), command="check")


def test_a_folder_is_read_in_order_and_its_folders_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").mkdir()
    for name in ("b.yaml", "a.json"):
        (tmp_path / name).write_bytes(TEXT)

    assert [Path(each).name for each in read_texts((str(tmp_path),), "inject")] == [
        "a.json",
        "b.yaml",
    ]
