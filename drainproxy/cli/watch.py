"""`drainproxy status --watch`: shows a drain as it goes on."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

Body = dict[str, Any]

_EVERY = 0.25
_MOST_ROWS = 10
# Where lines are written, one comes so often too, in seconds: silence would look like a hang.
_LINE_EVERY = 5.0


def follow(ask: Callable[[], Body]) -> Body:
    """Show what `ask` answers until it says drained; the last answer. ClickException where there is
    no sidecar; one that goes away after its drain is over is no error."""
    body = ask()
    with _shown(body) as show:
        while body["phase"] != "drained":
            time.sleep(_EVERY)
            try:
                body = ask()
            except click.ClickException:
                if body["phase"] == "serving":
                    raise
                click.echo("the sidecar has ended; its last status:", err=True)
                break
            except KeyboardInterrupt:
                break
            show(body)
    return body


@contextmanager
def _shown(body: Body) -> Iterator[Callable[[Body], None]]:
    """A live view on a terminal; elsewhere and without `rich`, as in the image, lines."""
    if not sys.stdout.isatty():
        yield _lines(body)
        return
    try:
        from rich.live import Live
    except ImportError:
        yield _lines(body)
        return
    with Live(_view(body), transient=True) as live:
        yield lambda each: live.update(_view(each))


def _lines(body: Body) -> Callable[[Body], None]:
    """A line for each change, and one every few seconds."""
    said, at = "", time.monotonic()

    def show(body: Body) -> None:
        nonlocal said, at
        line, now = f"{body['phase']}: {_flying(body)}", time.monotonic()
        if line != said or now >= at + _LINE_EVERY:
            left = body["deadline"]
            click.echo(line if left is None else f"{line}, {left:.1f} s left")
            said, at = line, now

    show(body)
    return show


def _flying(body: Body) -> str:
    """What is in flight; if nothing is, what is waited for all the same."""
    flying = [f"{count} {kind}" for kind, count in body["in_flight"].items() if count]
    idle = body.get("awaited", 0)
    return ", ".join(flying) or (f"idle, {idle} connections may be used again" if idle else "idle")


def _view(body: Body) -> Any:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    passed, left = body["drain_seconds"], body["deadline"]
    told = f"{body['phase']} for {body['since']:.1f} s"
    parts: list[Any] = [Text(told if left is None else f"{told}, {left:.1f} s left")]
    if left is not None:
        # In a row of its own: it does not end its line.
        bar = Table.grid()
        bar.add_row(ProgressBar(total=passed + left, completed=passed, width=60))
        parts.append(bar)
    parts.append(Text(_flying(body)))
    table = Table(box=None, show_header=False)
    for each in body["blocking"][:_MOST_ROWS]:
        table.add_row(each["kind"], f"{each['age']:.1f} s", each["peer"], each["path"])
    return Group(*parts, table)
