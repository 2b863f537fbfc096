"""The page of a rehearsal, read as text and looked at in a browser."""

import struct
import subprocess
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from drainproxy.rehearsal import plots
from drainproxy.rehearsal.about import about
from drainproxy.rehearsal.page import page
from drainproxy.rehearsal.plan import RehearsalPlan
from drainproxy.rehearsal.result import SecondResult
from tests.rehearsal.test_result import of

LOST, NEW_VERSION = (0xD0, 0x00, 0x00), (0x2A, 0x6F, 0x97)
DARK_PAPER, LIGHT_PAPER, DARK_LOST = (0x14, 0x18, 0x1D), (0xFF, 0xFF, 0xFF), (0xFF, 0x5C, 0x5C)


class Tags(HTMLParser):
    """How often each element begins, the classes of rectangles, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen, self.bars = Counter[str](), Counter[str]()
        self.pictures: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.seen[tag] += 1
        if tag == "rect":
            self.bars[named["class"] or ""] += 1
        if named.get("role") == "img":
            self.pictures.append(named["aria-label"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_needs_nothing_else_and_escapes_what_it_is_told() -> None:
    text = page([of(), of({"refused": 2}, proxy="none")])
    assert "&lt;b&gt;odd&lt;/b&gt;" in text
    assert not any(word in text for word in ("http://", "https://", "src=", "<link", "<b>"))


def test_two_are_side_by_side_by_kind_and_in_the_same_scale() -> None:
    ours, theirs = of(seconds=20.0), of({"refused": 20}, proxy="none", seconds=30.0)
    assert Tags(page([ours, theirs])).pictures == [
        *("HTTP with drainproxy", "HTTP without a proxy", "with drainproxy", "without a proxy"),
    ]
    scale = plots.scale_of_answers([ours, theirs], "http")
    assert scale == plots.Scale(30.0, 21)
    assert Tags(page([ours])).pictures == ["HTTP", "with drainproxy"]


def test_three_are_in_one_row_each_named_by_what_stands_in_front() -> None:
    slept = of({"reset after bytes": 2}, proxy="none", prestop_sleep=5.0)
    text = page([of(), slept, of({"refused": 9}, proxy="none")])
    assert Tags(text).pictures[:3] == [
        *("HTTP with drainproxy", "HTTP with preStop: sleep 5", "HTTP without a proxy"),
    ]
    assert text.count('class="threes"') == 2


@pytest.mark.parametrize(
    ("most", "marked"), [(0, ["0", "1"]), (3, ["0", "1", "3"]), (2000, ["0", "1,000", "2,000"])]
)
def test_a_scale_is_marked_by_whole_numbers_where_they_are(most: int, marked: list[str]) -> None:
    scale = plots.Scale(10.0, most)
    labels = plots.connections(of(), scale, "HTTP").labels
    counts = [label for label in labels if not label.text.endswith((" s", "rollout"))]
    assert [label.text for label in counts] == marked
    for label in counts:
        assert label.y == pytest.approx(scale.y(int(label.text.replace(",", ""))) + 4, abs=0.1)


def test_the_last_second_of_a_scale_is_not_cut_at_the_edge() -> None:
    *others, last = plots.connections(of(), plots.Scale(20.0, 1), "HTTP").labels
    assert (last.text, last.anchor) == ("20 s", "end")
    assert {label.anchor for label in others if label.text.endswith(" s")} == {"middle"}


def test_bars_are_of_the_color_of_their_version_or_of_none() -> None:
    seconds = [SecondResult(0, {"v1": 3, "": 2}, 1), SecondResult(1, {"v2": 4, "beta": 1}, 0)]
    shown = of({"refused": 1}, timeline={"http": seconds})
    bars = plots.answers(shown, "http", plots.scale_of_answers([shown], "http"), "HTTP").bars
    assert [bar.color for bar in bars] == ["during", "other", "old", "lost", "other", "new"]
    # One upon the other.
    assert bars[2].y + bars[2].height == pytest.approx(bars[1].y, abs=0.2)
    assert plots.versions([shown]) == {
        "v1": "old",
        "v2": "new",
        "of an unknown version": "other",
        "lost": "lost",
    }
    assert Tags(page([shown])).bars["lost"] == 1


def test_what_is_no_rollout_is_not_called_one() -> None:
    text = page([of(strategy="kill-app", marks=[(1.0, "the app of v1-1 is killed")])])
    assert "<h1>Rehearsal of kills</h1>" in text
    assert ">kills</text>" in text
    assert ">rollout</text>" not in text
    assert "<title>the app of v1-1 is killed</title>" in text


def test_it_names_date_command_settings_and_versions_for_a_ticket() -> None:
    plan = RehearsalPlan(settings=("--drain-delay=3s",))
    said = about(plan, ["rehearse", "--html", "a<b.html"])
    text = page([of()], said)
    assert f">{said.date}<" in text
    assert "drainproxy rehearse --html 'a<b.html'" in Tags(text).text
    assert "<dt>drain-delay</dt><dd>3s</dd>" in text
    assert f"<dt>Python</dt><dd>{said.versions['Python']}</dd>" in text
    assert "How it was rehearsed" not in page([of()])


def test_on_a_narrow_screen_each_time_says_of_which_part_it_is() -> None:
    text = page([of()])
    for part in ("before", "during"):
        assert f'data-head="p50/p99 ms {part}"' in text


def test_the_command_is_not_broken_inside_an_option() -> None:
    said = about(RehearsalPlan(), ["rehearse", "--drain-delay", "2s"])
    # A browser may break a line behind each hyphen, but not inside an inline block that fits.
    assert '<span class="word">--drain-delay</span> <span class="word">2s</span>' in page(
        [of()], said
    )


def look(
    browser: str, file: Path, picture: Path, *flags: str, size: tuple[int, int] = (1000, 1400)
) -> None:
    subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--disable-dev-shm-usage", "--no-proxy-server", "--hide-scrollbars"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            *("--force-device-scale-factor=1", f"--window-size={size[0]},{size[1]}", *flags),
            *(f"--user-data-dir={picture.parent / 'profile'}", f"--screenshot={picture}"),
            file.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=50,
    )


def colors(picture: Path) -> dict[tuple[int, int, int], int]:
    """How many pixels of a PNG with 8 bits per channel have each color (RFC 2083)."""
    data, at, packed = picture.read_bytes(), 8, b""
    width = height = channels = 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
            assert depth == 8
            channels = {2: 3, 6: 4}[color]
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    raw, line = zlib.decompress(packed), width * channels
    before, seen = bytearray(line), dict[tuple[int, int, int], int]()
    for row in range(height):
        start = row * (line + 1)
        now = unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + line]), before, channels)
        for x in range(0, line, channels):
            pixel = (now[x], now[x + 1], now[x + 2])
            seen[pixel] = seen.get(pixel, 0) + 1
        before = now
    return seen


def unfiltered(kind: int, line: bytearray, above: bytearray, step: int) -> bytearray:
    for i, value in enumerate(line):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        guess = (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]
        line[i] = (value + guess) & 0xFF
    return line


def paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


@pytest.mark.slow
def test_a_browser_shows_the_plots_of_what_was_lost_and_what_was_not(
    browser: str, tmp_path: Path
) -> None:
    file, picture = tmp_path / "report.html", tmp_path / "report.png"
    file.write_text(page([of({"refused": 2})]), encoding="utf-8")
    look(browser, file, picture)
    with_losses = colors(picture)

    file.write_text(page([of()]), encoding="utf-8")
    look(browser, file, picture)
    without = colors(picture)

    # A bar is as wide as one of 20 seconds of a plot of 700 pixels, and tens of pixels high.
    assert with_losses[LOST] > without.get(LOST, 0) + 500
    assert without[NEW_VERSION] > 1000


@pytest.mark.slow
def test_it_is_dark_for_those_who_prefer_that(browser: str, tmp_path: Path) -> None:
    file, picture = tmp_path / "report.html", tmp_path / "report.png"
    file.write_text(page([of({"refused": 2})]), encoding="utf-8")
    look(browser, file, picture, "--blink-settings=preferredColorScheme=0")
    seen = colors(picture)
    assert max(seen, key=lambda color: seen[color]) == DARK_PAPER
    assert seen[DARK_LOST] > 100
    assert LIGHT_PAPER not in seen


@pytest.mark.slow
def test_nothing_of_it_is_wider_than_a_phone(browser: str, tmp_path: Path) -> None:
    # A window has 500 pixels at least, so the page is made narrow in it, and says how wide it got.
    narrow = "<style>html { width: 420px }</style>"
    tell = "<script>document.title = document.body.scrollWidth</script>"
    file = tmp_path / "report.html"
    slept = of({"reset after bytes": 2}, proxy="none", prestop_sleep=5.0)
    said = about(RehearsalPlan(), ["rehearse", "--html", "x" * 80])
    file.write_text(page([of(), slept], said) + narrow + tell, encoding="utf-8")
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-dev-shm-usage", "--no-proxy-server", "--window-size=500,900"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=50,
    )
    _, _, width = done.stdout.partition("<title>")
    assert 0 < int(width.partition("</title>")[0]) <= 420
