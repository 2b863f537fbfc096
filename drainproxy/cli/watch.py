"""`drainproxy status --watch`: a drain as it goes on."""

import time
from collections.abc import Callable
from typing import Any

import click

Body = dict[str, Any]

_EVERY = 0.25
_MOST_ROWS = 10


def follow(ask: Callable[[], Body]) -> Body:
    """Show what `ask` answers until it says drained; the last answer. ClickException where there is
    no sidecar, or no `rich`; one that goes away after its drain is over is no error."""
    try:
        from rich.live import Live
    except ImportError:
        message = "--watch needs rich: pip install 'drainproxy[rehearsal]'"
        raise click.ClickException(message) from None
    body = ask()
    with Live(_view(body), transient=True) as live:
        while body["phase"] != "drained":
            time.sleep(_EVERY)
            try:
                body = ask()
            except click.ClickException:
                if body["phase"] == "serving":
                    raise
                break
            except KeyboardInterrupt:
                break
            live.update(_view(body))
    return body


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
    flying = {kind: count for kind, count in body["in_flight"].items() if count}
    parts.append(Text(", ".join(f"{count} {kind}" for kind, count in flying.items()) or "idle"))
    table = Table(box=None, show_header=False)
    for each in body["blocking"][:_MOST_ROWS]:
        table.add_row(each["kind"], f"{each['age']:.1f} s", each["peer"], each["path"])
    return Group(*parts, table)
