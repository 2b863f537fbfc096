"""`python -m loadtests.bench.plot`: the table of costs in README.md as bars, in costs.svg."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent

# Row of the table -> what stands above its bars.
_PANELS = {
    "CPU us per request, a browser's head, new each time": "CPU µs, HTTP/1.1 request",
    "gRPC, CPU us per call, an id new in each": "CPU µs, gRPC call",
    "KB of memory per idle WebSocket": "KB, idle WebSocket",
}
_OURS = "drainproxy"
_WIDTH, _LABELS, _GAP, _ROW, _TOP = 860, 112, 24, 24, 30
_BAR = (_WIDTH - _LABELS - len(_PANELS) * _GAP) / len(_PANELS)
# Room behind the longest bar for its figure.
_FIGURE = 36

# A picture is its own document: it follows the reader's scheme, not the page's.
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.h{font-weight:600}"
    ".b{fill:#8c959f}.o{fill:#2a6f97}"
    "@media(prefers-color-scheme:dark){text{fill:#d0d7de}.b{fill:#6e7681}.o{fill:#58a6ff}}"
)


def table(page: str) -> dict[str, dict[str, float]]:
    """Row -> proxy -> figure, from the Markdown between the marks; without one, no proxy."""
    rows = page.partition("<!-- costs: ")[2].partition("<!-- costs end -->")[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1:]]
    heads = cells[0][1:]
    return {
        name: {
            head: float(figure)
            for head, figure in zip(heads, figures, strict=True)
            if figure != "-"
        }
        for name, *figures in cells[2:]
    }


def svg(costs: dict[str, dict[str, float]]) -> str:
    """The picture: a panel for each row of `_PANELS`, a bar for each proxy that any of them has."""
    proxies = list(dict.fromkeys(proxy for row in _PANELS for proxy in costs[row]))
    height = _TOP + _ROW * len(proxies)
    names = [
        _text(_LABELS - 8, _line(n), proxy, "h" if proxy == _OURS else "", "end")
        for n, proxy in enumerate(proxies)
    ]
    panels = [
        part
        for n, (row, title) in enumerate(_PANELS.items())
        for part in _panel(_LABELS + n * (_BAR + _GAP), title, costs[row], proxies)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
        f"<style>{_STYLE}</style>" + "".join([*names, *panels]) + "</svg>\n"
    )


def _panel(left: float, title: str, row: dict[str, float], proxies: list[str]) -> Iterator[str]:
    yield _text(left, 16, title, "h")
    scale = (_BAR - _FIGURE) / max(row.values())
    for n, proxy in enumerate(proxies):
        if proxy not in row:
            yield _text(left, _line(n), "-")
            continue
        length = row[proxy] * scale
        style = "o" if proxy == _OURS else "b"
        yield (
            f'<rect x="{left:.1f}" y="{_line(n) - 13}" width="{length:.1f}" height="17"'
            f' class="{style}"/>'
        )
        yield _text(left + length + 5, _line(n), f"{row[proxy]:.1f}")


def _line(number: int) -> int:
    """The base line of the text of a row."""
    return _TOP + _ROW * number + 14


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    (FOLDER / "costs.svg").write_text(svg(table(page)), encoding="utf-8")
