"""Results as one page that needs nothing else: tables, and plots as SVG."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from drainproxy.rehearsal import table
from drainproxy.rehearsal.result import KindResult, Result
from drainproxy.rehearsal.scores import KINDS

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 760, 180, 46, 22, 16
_VERSIONS = {"v1": "#8da9c4", "v2": "#2a6f97"}
_LINES = ("#2a6f97", "#c1666b", "#4f9d69", "#d4a017", "#7d5ba6", "#e07a1f", "#3d9db3", "#8a6d5a")
_LOST = "#d00000"

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: left }
td.n, th.n { text-align: right }
.good { color: #1a7f37 } .bad { color: #d00000; font-weight: 600 }
svg { display: block; max-width: 100%; margin: .3rem 0 1rem }
svg text { font-size: 11px; fill: #57606a }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em }
"""


def page(results: Sequence[Result]) -> str:
    """The whole page."""
    body = "".join(part for result in results for part in _result(result))
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>drainproxy rehearse</title><style>{_STYLE}</style>"
        f"<h1>Rehearsal of a rollout</h1><p>{_verdict(results)}</p>{body}</html>\n"
    )


def _verdict(results: Sequence[Result]) -> str:
    lines = []
    for result in results:
        style = "bad" if result.problems() else "good"
        lines.append(f'<span class="{style}">{escape(table.verdict([result]))}</span>')
    return "<br>".join(lines)


def _result(result: Result) -> Iterator[str]:
    yield f"<h2>{escape(table.title(result))}</h2>"
    yield _kinds(result)
    yield "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in table.remarks(result)) + "</ul>"
    yield f"<h3>Answers per second, by version {_keys(_VERSIONS)}{_key(_LOST, 'lost')}</h3>"
    for kind in result.asked:
        yield f"<div>{KINDS[kind]}</div>{_answers(result, kind)}"
    names = {replica.name: _LINES[n % len(_LINES)] for n, replica in enumerate(result.replicas)}
    yield f"<h3>Connections per replica {_keys(names)}</h3>{_connections(result, names)}"
    yield _replicas(result)
    yield "<h3>What was done</h3><table>"
    yield "".join(
        f'<tr><td class="n">{at:.1f} s</td><td>{escape(text)}</td></tr>'
        for at, text in result.marks
    )
    yield "</table>"


def _keys(colors: dict[str, str]) -> str:
    return "".join(_key(color, name) for name, color in colors.items())


def _key(color: str, name: str) -> str:
    return f'<span class="key" style="background:{color}"></span>{escape(name)}'


def _kinds(result: Result) -> str:
    heads = [*("clients", "requests", "failed", "how they failed", "goodbyes", "longest gap")]
    heads += ["p50/p99 ms", "in the rollout"]
    rows = "".join(_kind(KINDS[kind], seen) for kind, seen in result.asked.items())
    return f"<table><tr><th>kind{''.join(f'<th>{head}' for head in heads)}</tr>{rows}</table>"


def _kind(name: str, seen: KindResult) -> str:
    style = "bad" if seen.failed else "good"
    return (
        f'<tr><td>{name}<td class="n">{seen.clients}<td class="n">{seen.requests:,}'
        f'<td class="n {style}">{seen.failed:,}<td>{escape(table.classes(seen))}'
        f'<td class="n">{seen.goodbyes:,}<td class="n">{seen.longest_gap:.1f} s'
        f'<td class="n">{table.milliseconds(seen.p50_before, seen.p99_before)}'
        f'<td class="n">{table.milliseconds(seen.p50_during, seen.p99_during)}</tr>'
    )


def _replicas(result: Result) -> str:
    rows = "".join(
        f"<tr><td>{escape(replica.name)}<td>{replica.state}"
        f'<td class="n">{table.drain(replica)}<td>{escape(replica.verdict or "-")}'
        f'<td class="n">{table.last_connections(replica)}</tr>'
        for replica in result.replicas
    )
    heads = "<tr><th>replica<th>in the end<th>drain<th>the sidecar's verdict<th>connections</tr>"
    return f"<h3>Replicas</h3><table>{heads}{rows}</table>"


class _Plot:
    """Seconds to the right, a count upwards."""

    def __init__(self, result: Result, most: float) -> None:
        self._seconds = max(result.seconds, 1.0)
        self._most = max(most, 1.0)
        began, ended = (self.x(at) for at in result.rollout)
        self.parts = [
            f'<rect x="{began:.1f}" y="{_TOP}" width="{ended - began:.1f}" '
            f'height="{_HEIGHT - _BOTTOM - _TOP}" fill="#f1f5f9"/>',
            f'<text x="{began + 3:.1f}" y="{_TOP - 4}">rollout</text>',
        ]
        for at, text in result.marks:
            if text.endswith(("is deleted", "has died")) or text.startswith(("flip", "roll back")):
                self.line([(at, 0.0), (at, self._most)], "#aab4be", text, "3 3")

    def x(self, seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT) * seconds / self._seconds

    def y(self, count: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * count / self._most

    def bar(self, second: int, bottom: float, top: float, color: str) -> None:
        left, right = self.x(second), self.x(second + 1)
        self.parts.append(
            f'<rect x="{left:.1f}" y="{self.y(top):.1f}" width="{right - left - 0.5:.1f}" '
            f'height="{self.y(bottom) - self.y(top):.1f}" fill="{color}"/>'
        )

    def line(
        self, points: Sequence[tuple[float, float]], color: str, name: str, dashes: str = ""
    ) -> None:
        path = " ".join(f"{self.x(at):.1f},{self.y(count):.1f}" for at, count in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5" '
            f'stroke-dasharray="{dashes}"><title>{escape(name)}</title></polyline>'
        )

    def svg(self) -> str:
        floor = self.y(0)
        axes = [
            f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH}" y2="{floor}" stroke="#57606a"/>',
            *(
                _text(_LEFT - 6, self.y(count) + 4, "end", f"{count:.0f}")
                for count in (0, self._most / 2, self._most)
            ),
            *(
                _text(self.x(at), _HEIGHT - 6, "middle", f"{at} s")
                for at in range(0, int(self._seconds) + 1, _tick(self._seconds))
            ),
        ]
        return (
            f'<svg viewBox="0 0 {_WIDTH + 12} {_HEIGHT}" role="img">'
            + "".join([*self.parts, *axes])
            + "</svg>"
        )


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _tick(seconds: float) -> int:
    return next((step for step in (1, 2, 5, 10, 20, 30, 60) if seconds / step <= 14), 120)


def _answers(result: Result, kind: str) -> str:
    seconds = result.timeline.get(kind, ())
    plot = _Plot(result, max((sum(s.answered.values()) + s.failed for s in seconds), default=0))
    for second in seconds:
        bottom = 0.0
        for version, count in sorted(second.answered.items()):
            plot.bar(second.second, bottom, bottom + count, _VERSIONS.get(version, "#8da9c4"))
            bottom += count
        if second.failed:
            plot.bar(second.second, bottom, bottom + second.failed, _LOST)
    return plot.svg()


def _connections(result: Result, names: dict[str, str]) -> str:
    samples = result.connections
    plot = _Plot(result, max((max(c.values(), default=0) for _, c in samples), default=0))
    seen = Counter(name for _, counts in samples for name in counts)
    for name, color in names.items():
        if seen[name]:
            points = [(at, float(counts.get(name, 0))) for at, counts in samples]
            plot.line(list(_changes(points)), color, name)
    return plot.svg()


def _changes(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Without the middle of what stays level."""
    yield from points[:1]
    for before, after in pairwise(points):
        if before[1] != after[1]:
            yield before
            yield after
    yield from points[-1:]
