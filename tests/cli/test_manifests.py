"""Reading manifests: files, folders and URLs."""

from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import pytest

from drainproxy.cli import urls
from drainproxy.cli.manifests import read_texts

TEXT = b"kind: Secret\n"


class Handler(BaseHTTPRequestHandler):
    """Answers with manifests, with something large, with who asks, with nothing, with no HTTP."""

    def do_GET(self) -> None:
        """One answer."""
        path = self.path.partition("?")[0]
        if path == "/broken":
            self.wfile.write(b"what?\r\n")
            return
        self.send_response({"/none": 404, "/away": 302}.get(path, 200))
        if path == "/away":
            self.send_header("Location", f"http://localhost:{self.port}/who")
        if path == "/part":
            self.send_header("Content-Length", str(len(TEXT) + 7))
        self.end_headers()
        who = str(self.headers["Authorization"]).encode()
        self.wfile.write({"/large": TEXT * 100, "/who": who}.get(path, TEXT))

    @property
    def port(self) -> str:
        """Where it listens."""
        return str(self.connection.getsockname()[1])

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


def test_schemes_have_no_case(server: str) -> None:
    assert [*read_texts((server.upper() + "/web.yaml",), "inject").values()] == [TEXT.decode()]


def test_what_is_secret_in_a_url_is_sent_and_not_shown(server: str) -> None:
    url = server.replace("//", "//me:hunter%3A2@") + "/who"
    (name,), (text,) = zip(*read_texts((url,), "inject").items(), strict=True)

    assert name == f"{server}/who"
    assert b64decode(text.removeprefix("Basic ")) == b"me:hunter:2"
    for path in ("/none?sig=hunter2", "/none?sig=hunter2 3", "/none#hunter2", "/broken?hunter2"):
        assert "hunter2" not in problem(server.replace("//", "//hunter2@") + path)
    for wrong in ("http://hunter2@a:b/", "http://hunter2:b@[a/", "HTTP://a:hunter2@b:99999/"):
        assert "hunter2" not in problem(wrong)


def test_a_password_goes_to_no_server_to_which_another_leads_on(server: str) -> None:
    url = server.replace("//", "//me:hunter2@") + "/away"
    assert [*read_texts((url,), "inject").values()] == ["None"]


def test_urls_that_differ_in_what_is_not_shown_are_two_files(server: str) -> None:
    both = (f"{server}/web.yaml?of=a", f"{server}/web.yaml?of=b", f"{server}/web.yaml?of=b")
    assert [*read_texts(both, "inject")] == [f"{server}/web.yaml", f"{server}/web.yaml (2)"]


def test_what_is_wrong_with_a_url_is_told(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "LARGEST", 100)

    assert problem(f"{server}/none") == f"{server}/none: the server answers 404 Not Found"
    assert problem(f"{server}/large").endswith("has more than 0 MiB")
    assert "no answer that can be read" in problem(f"{server}/broken")
    assert problem(f"{server}/part").endswith("the answer breaks off, 7 bytes before its end")
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


def test_what_is_to_be_rendered_is_seen_wherever_it_is(tmp_path: Path) -> None:
    marks = ("base/kustomization.yaml", "overlays/prod/Kustomization", "x/Chart.yaml")
    for name in (*marks, "x/charts/y/Chart.yaml", "web.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(TEXT)

    told = problem(str(tmp_path)).splitlines()
    assert [line.partition(":")[0] for line in told] == [
        *map(str, (tmp_path / "base", tmp_path / "x", tmp_path / "overlays/prod"))
    ]
    assert f"`helm template NAME {tmp_path / 'x'} | drainproxy inject -`" in told[1]


def test_no_more_folders_are_named_than_people_read(tmp_path: Path) -> None:
    for at in range(9):
        (tmp_path / str(at)).mkdir()
        (tmp_path / str(at) / "Chart.yaml").write_bytes(b"")

    assert problem(str(tmp_path)).splitlines()[5:] == ["and 4 more folders like these"]


@pytest.mark.parametrize("name", ["Chart.yaml", "kustomization.yml", "Kustomization"])
def test_a_file_that_only_a_tool_reads_says_how_to_render_it(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"resources: []\n")
    monkeypatch.chdir(tmp_path)

    assert f"{tmp_path} | drainproxy inject -`" in problem(str(tmp_path / name))
    assert " . | drainproxy inject -`" in problem(name)
    assert " FOLDER | drainproxy inject -`" in problem(f"http://a.example/b/{name}?c")


def test_a_folder_is_read_in_order_and_its_folders_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").mkdir()
    for name in ("b.yaml", "a.json"):
        (tmp_path / name).write_bytes(TEXT)

    assert [Path(each).name for each in read_texts((str(tmp_path),), "inject")] == [
        "a.json",
        "b.yaml",
    ]


def test_each_file_of_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "..2026_01_02" / "more").mkdir(parents=True)
    (tmp_path / "..2026_01_02" / "web.yaml").write_bytes(TEXT)
    (tmp_path / "..2026_01_02" / "more" / "Chart.yaml").write_bytes(b"")
    (tmp_path / "..data").symlink_to("..2026_01_02")
    (tmp_path / "web.yaml").symlink_to("..data/web.yaml")
    (tmp_path / "inner").mkdir()

    above = tmp_path / "inner" / ".."
    for folder in (tmp_path, above):
        texts = read_texts((str(folder),), "inject")
        assert texts == {str(folder / "web.yaml"): TEXT.decode()}
