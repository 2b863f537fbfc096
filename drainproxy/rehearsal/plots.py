"""The plots of a report as shapes: seconds to the right, a count upwards. Pure.

Colors are names of CSS classes, so that light and dark are an affair of the page's style.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from drainproxy.rehearsal.plan import INSTEAD, NEW, OLD
from drainproxy.rehearsal.result import RehearsalResult, SecondResult

# In units of the picture; two such fit side by side, and one a phone.
WIDTH, HEIGHT = 460, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 6, 18, 20
_MOST_TICKS = 8
# Half the width of `300 s`.
_HALF_LABEL = 16
_GAP = 0.5
# How many lines have a color of their own.
LINES = 8

# Marks that have a line.
_ENDS = ("is deleted", "has died", "is restarted", "is killed")
_TURNS = ("flip", "roll back")
# Of the versions, and of what nobody knows the version of.
VERSIONS = {OLD: "old", NEW: "new"}
OTHER, LOST = "other", "lost"


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    color: str


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A line through `points`, as SVG writes them, and what it is."""

    points: str
    color: str
    name: str


@dataclass(frozen=True, slots=True)
class Label:
    """A word or a number."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture; `name` says what of, `floor` is where the axis is."""

    name: str
    bars: Sequence[Bar]
    lines: Sequence[PlotLine]
    labels: Sequence[Label]
    floor: float = HEIGHT - _BOTTOM
    left: float = _LEFT
    right: float = WIDTH - _RIGHT


@dataclass(frozen=True, slots=True)
class Scale:
    """So many seconds and so much of what is counted: the same for plots that are compared."""

    seconds: float
    most: float

    def x(self, seconds: float) -> float:
        """Where a second is."""
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * seconds / max(self.seconds, 1.0)

    def y(self, count: float) -> float:
        """Where a count is."""
        return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * count / max(self.most, 1.0)

    def bar(self, second: int, bottom: float, top: float, color: str) -> Bar:
        """That of one second, between two counts."""
        left, right = self.x(second), self.x(min(second + 1, max(self.seconds, 1.0)))
        return Bar(
            *(round(left, 1), round(self.y(top), 1), round(max(right - left - _GAP, _GAP), 1)),
            *(round(self.y(bottom) - self.y(top), 1), color),
        )

    def line(self, points: Sequence[tuple[float, float]], color: str, name: str) -> PlotLine:
        """One through these (second, count)."""
        path = " ".join(f"{self.x(at):.1f},{self.y(count):.1f}" for at, count in points)
        return PlotLine(path, color, name)


def scale_of_answers(results: Sequence[RehearsalResult], kind: str) -> Scale:
    """In which the plots of a kind are comparable."""
    most = max((_height(second) for r in results for second in r.timeline.get(kind, ())), default=0)
    return Scale(max(result.seconds for result in results), most)


def scale_of_connections(results: Sequence[RehearsalResult]) -> Scale:
    """The same for the connections of replicas."""
    counts = (count for r in results for _, each in r.connections for count in each.values())
    return Scale(max(result.seconds for result in results), max(counts, default=0))


def answers(result: RehearsalResult, kind: str, scale: Scale, name: str) -> Plot:
    """What came in each second, one version upon the other, and what was lost on top."""
    bars = [_during(result, scale)]
    for second in result.timeline.get(kind, ()):
        bottom = 0
        for version, count in sorted(second.answered.items()):
            color = VERSIONS.get(version, OTHER)
            bars.append(scale.bar(second.second, bottom, bottom + count, color))
            bottom += count
        if second.failed:
            bars.append(scale.bar(second.second, bottom, bottom + second.failed, LOST))
    return Plot(name, bars, list(_marks(result, scale)), list(_labels(result, scale)))


def connections(result: RehearsalResult, scale: Scale, name: str) -> Plot:
    """How many each replica had."""
    samples = result.connections
    lines = list(_marks(result, scale))
    for replica, color in colors(result).items():
        if any(replica in counts for _, counts in samples):
            points = [(at, float(counts.get(replica, 0))) for at, counts in samples]
            lines.append(scale.line(list(_changes(points)), color, replica))
    return Plot(name, [_during(result, scale)], lines, list(_labels(result, scale)))


def colors(result: RehearsalResult) -> Mapping[str, str]:
    """Those of the replicas' lines, by name."""
    return {replica.name: f"line{n % LINES}" for n, replica in enumerate(result.replicas)}


def versions(results: Sequence[RehearsalResult]) -> Mapping[str, str]:
    """The colors of the answers that there are, by what they are; of losses too."""
    seen = {v for r in results for s in r.timeline.values() for each in s for v in each.answered}
    named = {version: color for version, color in VERSIONS.items() if version in seen}
    if seen - VERSIONS.keys():
        named["of an unknown version"] = OTHER
    if any(result.failed for result in results):
        named["lost"] = LOST
    return named


def _height(second: SecondResult) -> int:
    return sum(second.answered.values()) + second.failed


def _during(result: RehearsalResult, scale: Scale) -> Bar:
    began, ended = (scale.x(at) for at in result.rollout)
    height = HEIGHT - _BOTTOM - _TOP
    return Bar(round(began, 1), _TOP, round(ended - began, 1), height, "during")


def _marks(result: RehearsalResult, scale: Scale) -> Iterator[PlotLine]:
    for at, text in result.marks:
        if text.endswith(_ENDS) or text.startswith(_TURNS):
            yield scale.line([(at, 0.0), (at, max(scale.most, 1.0))], "mark", text)


def _labels(result: RehearsalResult, scale: Scale) -> Iterator[Label]:
    yield Label(
        round(scale.x(result.rollout[0]) + 3, 1),
        _TOP - 5,
        "start",
        INSTEAD.get(result.strategy, "rollout"),
    )
    # Whole numbers, each where it is: the middle of an odd scale is none.
    most = max(int(scale.most), 1)
    for count in sorted({0, most // 2, most}):
        yield Label(_LEFT - 5, round(scale.y(count) + 4, 1), "end", f"{count:,}")
    for at in range(0, int(scale.seconds) + 1, _tick(scale.seconds)):
        x = round(scale.x(at), 1)
        # At the edge one in the middle would be cut.
        yield Label(x, HEIGHT - 5, "middle" if x + _HALF_LABEL <= WIDTH else "end", f"{at} s")


def _tick(seconds: float) -> int:
    steps = (1, 2, 5, 10, 20, 30, 60, 120, 300)
    return next((step for step in steps if seconds / step <= _MOST_TICKS), 600)


def _changes(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Without the middle of what stays level."""
    yield from points[:1]
    for before, after in pairwise(points):
        if before[1] != after[1]:
            yield before
            yield after
    yield from points[-1:]
