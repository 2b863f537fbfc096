"""Programs that speak HTTP/2 get from an app through the sidecar what they get without it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from drainproxy.rehearsal.app import content
from tests.e2e.http2_apps import hypercorn, nghttpd, node_app
from tests.e2e.process import sidecar
from tests.e2e.programs import output, tool

LARGE = 4 << 20
LARGEST_FRAME = 16384
CURL = ("-sS", "--http2-prior-knowledge")
PAGE = b'<link rel="stylesheet" href="/style.css"><script src="/script.js"></script>'


class Site(NamedTuple):
    """An app that gives something for a path, and gives back what is posted to it."""

    name: str
    direct: str
    through: str
    path: str
    # What h2load may ask of it: some apps are slow.
    requests: int


# Something to get, and how many times it can be asked for in a second.
APPS = {"hypercorn": ("/", 300), "nghttpd": ("/small", 3000), "node": ("/hello", 3000)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file, a large one, and a page with what belongs to it."""
    files = tmp_path_factory.mktemp("files")
    for name, text in {"small": b"hello\n", "page.html": PAGE}.items():
        (files / name).write_bytes(text)
    for name, size in {"large": LARGE, "style.css": 50_000, "script.js": 20_000}.items():
        (files / name).write_bytes(b"".join(content(size)))
    return files


def app(name: str, folder: Path) -> AbstractContextManager[int]:
    if name == "nghttpd":
        return nghttpd(folder, "--push", "/page.html=/style.css")
    return hypercorn() if name == "hypercorn" else node_app()


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=APPS)
def site(request: pytest.FixtureRequest, folder: Path) -> Iterator[Site]:
    path, requests = APPS[request.param]
    with app(request.param, folder) as port, sidecar(f"127.0.0.1:{port}") as running:
        yield Site(request.param, url(port), url(running.port), path, requests)


@pytest.fixture(scope="module")
def files(folder: Path) -> Iterator[Site]:
    """nghttpd alone, for what does not depend on the app."""
    with app("nghttpd", folder) as port, sidecar(f"127.0.0.1:{port}") as running:
        yield Site("nghttpd", url(port), url(running.port), "/small", 20_000)


# curl


def curl(*arguments: str) -> str:
    """What it printed, but for the date."""
    return re.sub(r"(?m)^date: .*\n", "", output(tool("curl"), *CURL, *arguments))


HOW = {"GET": ("-i",), "HEAD": ("-I",), "DELETE": ("-i", "-X", "DELETE")}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_curl_gets_the_same_fields_and_body(how: tuple[str, ...], site: Site) -> None:
    told = curl(*how, site.through + site.path)
    assert told == curl(*how, site.direct + site.path)
    assert told.startswith("HTTP/2 200")


def test_curl_gets_a_large_body_back(site: Site, folder: Path, tmp_path: Path) -> None:
    large, back = folder / "large", tmp_path / "back"
    told = curl("--data-binary", f"@{large}", "-o", str(back), "-w", "%{http_code}", site.through)
    assert told == "200"
    assert back.read_bytes() == large.read_bytes()


# Older versions of curl can do neither.
OFTEN = {"one after the other": (), "at once": ("-Z",)}


@pytest.mark.parametrize("how", OFTEN.values(), ids=OFTEN)
def test_curl_keeps_its_connection(how: tuple[str, ...], site: Site, tmp_path: Path) -> None:
    def told(base: str) -> str:
        urls, names = f"{base}{site.path}?[1-20]", str(tmp_path / "#1")
        command = (tool("curl"), *CURL, *how, "-w", "%{http_code} ", "-o", names, urls)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout if done.returncode == 0 else done.stderr

    if told(site.direct) != "200 " * 20:
        pytest.skip("this curl fails without us too")
    assert told(site.through) == "200 " * 20


# nghttp


def nghttp(*arguments: str) -> str:
    """What it printed; it ends well whatever happens, so that is what must be read."""
    command = [tool("nghttp"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    assert "RST_STREAM" not in done.stdout, done.stdout
    return done.stdout


def served(told: str) -> dict[str, int]:
    """How many answers came for each path, all 200, in its statistics; * marks a push."""
    counts: dict[str, int] = {}
    for pushed, code, path in re.findall(
        r"(?m)^ *\d+ +\S+ (\*?) +\S+ +\S+ +(\d+) +\S+ (\S+)$", told
    ):
        assert code == "200", told
        counts[pushed + path] = counts.get(pushed + path, 0) + 1
    return counts


def test_nghttp_asks_for_many_things_at_once(site: Site) -> None:
    assert served(nghttp("-ns", "-m", "50", site.through + site.path)) == {site.path: 50}


def test_nghttp_asks_for_several_addresses(files: Site) -> None:
    paths = ["/small", "/large", "/style.css"]
    told = nghttp("-ns", *(files.through + path for path in paths))
    assert served(told) == dict.fromkeys(paths, 1)


def test_nghttp_gets_a_page_with_what_belongs_to_it(files: Site) -> None:
    told = nghttp("-nas", "--no-push", f"{files.through}/page.html")
    assert served(told) == {"/page.html": 1, "/style.css": 1, "/script.js": 1}


def test_what_the_app_pushes_arrives(files: Site) -> None:
    told = nghttp("-ns", f"{files.through}/page.html")
    assert served(told) == {"/page.html": 1, "*/style.css": 1}


WAYS = {
    "padding": ("-b", "255"),
    "narrow windows": ("-w", "14", "-W", "15"),
    "wide windows": ("-w", "24", "-W", "24"),
    "no length": ("--no-content-length",),
    "no priorities": ("--no-dep", "--no-rfc7540-pri"),
    "trailers": ("--trailer", "x-trailer: last"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_nghttp_gets_its_body_back(way: tuple[str, ...], site: Site, folder: Path) -> None:
    assert comes_back(folder / "style.css", site.through, *way)


def test_nghttp_gets_its_body_back_after_100(files: Site, folder: Path) -> None:
    assert comes_back(folder / "style.css", files.through, "--expect-continue")


def comes_back(body: Path, base: str, *options: str) -> bool:
    """Whether a file that is posted is the answer."""
    command = [tool("nghttp"), *options, "-d", str(body), base]
    posted = subprocess.run(command, capture_output=True, timeout=30, check=True)
    return posted.stdout == body.read_bytes()


TABLES = {
    "none of its own": ("-c", "0"),
    "none, then a small one": ("-c", "0", "-c", "1000"),
    "a large one": ("-c", "65536"),
    "none of the app's": ("--encoder-header-table-size", "0"),
}


@pytest.mark.parametrize("tables", TABLES.values(), ids=TABLES)
def test_nghttp_compresses_with_any_table(tables: tuple[str, ...], site: Site) -> None:
    if len(tables) > 2 and site.name == "hypercorn":
        pytest.skip("hypercorn says one change of its table where RFC 7541 4.2 wants two")
    fields = [text for number in range(1, 20) for text in ("-H", f"x-{number}: {number * 'long-'}")]
    assert served(nghttp("-ns", "-m", "20", *tables, *fields, site.through + site.path)) == {
        site.path: 20
    }


def test_nghttp_sends_its_fields_in_continuations(site: Site) -> None:
    told = nghttp("-nv", "--continuation", site.through + site.path)
    # It tells of them as of one frame, which is larger than a frame can be.
    block = re.search(r"send HEADERS frame <length=(\d+)", told)
    assert block is not None
    assert int(block[1]) > LARGEST_FRAME
    assert ":status: 200" in told


# h2load


def all_succeeded(requests: int, *arguments: str) -> bool:
    told = output(tool("h2load"), "-n", str(requests), *arguments)
    assert f"{requests} succeeded, 0 failed, 0 errored, 0 timeout" in told, told
    assert f"status codes: {requests} 2xx" in told, told
    return True


def test_twenty_thousand_requests_succeed(files: Site) -> None:
    assert all_succeeded(files.requests, "-c", "10", "-m", "50", files.through + files.path)


def test_uploads_at_once_succeed(site: Site, folder: Path) -> None:
    body = str(folder / "style.css")
    assert all_succeeded(200, "-c", "5", "-m", "10", "-d", body, site.through)


def test_requests_to_any_app_succeed(site: Site) -> None:
    assert all_succeeded(site.requests, "-c", "5", "-m", "20", site.through + site.path)


KINDS = {
    "without a table": ("-c", "0"),
    "with a large table": ("-c", "65536"),
    "that compresses little": ("--encoder-header-table-size", "0"),
    "that pads": ("-b", "255"),
    "with narrow windows": ("-w", "14", "-W", "15"),
    "that answers early": ("--early-response",),
    "with trailers": ("--trailer", "x-trailer: last"),
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_requests_succeed_before_an_app(options: tuple[str, ...], folder: Path) -> None:
    body = str(folder / "style.css")
    with nghttpd(folder, *options) as port, sidecar(f"127.0.0.1:{port}") as running:
        small = f"{url(running.port)}/small"
        assert all_succeeded(500, "-c", "2", "-m", "20", small)
        assert all_succeeded(50, "-c", "2", "-m", "5", "-d", body, small)
