"""The page of a rehearsal, looked at in a browser."""

import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from drainproxy.rehearsal.page import page
from tests.rehearsal.test_result import of

LOST, NEW_VERSION = (0xD0, 0x00, 0x00), (0x2A, 0x6F, 0x97)


def look(browser: str, file: Path, picture: Path) -> None:
    subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--disable-dev-shm-usage", "--no-proxy-server", "--hide-scrollbars"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            *("--force-device-scale-factor=1", "--window-size=1000,1400"),
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
    assert with_losses[LOST] > without[LOST] + 500
    assert without[NEW_VERSION] > 1000
