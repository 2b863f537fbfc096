"""Finds what remains of an injection that cannot be undone by its record, since the file was
edited.

The record names items of lists by their names and ports, so an item that was renamed is not found.
What was removed is not missed, but what remains of ours leads clients to a sidecar that is gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from drainproxy.manifests.podspec import Json

from .editor import UndoRecord, steps_of

TOKEN_HEADER: Final = "X-Drainproxy-Token"  # noqa: S105 - a name, no secret
PRE_STOP: Final = "/prestop"
_TARGET: Final = "targetPort"
# Where a record of an older version does not say what it wrote: our first numbers.
_OURS: Final = range(9181, 9281)
_REMEDY: Final = "remove this annotation"


def leftovers(
    body: Json, before: Json, record: UndoRecord, wrote: Mapping[str, int | str]
) -> Iterator[str]:
    """A sentence for each, with what would be right. `body` is the object, `before` what undoing
    its record makes of it, `wrote` what ports of a Service were made to target."""
    targets: dict[str, int | str | None] = {}
    names: dict[str, str] = {}
    for pointer in (*record.added, *record.changed):
        match steps_of(pointer):
            case ["spec", "ports", step, "targetPort"]:
                targets[step] = wrote.get(pointer)
            case ["spec", _, _, "ports", new, "name"]:
                names[new.removeprefix("name=")] = str(record.changed.get(pointer, ""))
    yield from _targets(body, before, targets)
    for container in chain(_items(before, "initContainers"), _items(before, "containers")):
        yield from _in_container(container, names)


def _targets(body: Json, before: Json, written: Mapping[str, int | str | None]) -> Iterator[str]:
    """`written` is what ports of the Service were made to target, by what chooses these; None if
    the record does not say it."""
    missing = dict(written)
    for port in _items(body, "ports"):
        for step in _steps(port) & written.keys():
            wrote = missing.pop(step, None)
            if wrote is not None and port.get(_TARGET) != wrote:
                yield (
                    f"port {port.get('port')} targets {port.get(_TARGET)} and not {wrote}, to which"
                    f" it was changed: let it target the app's port, and {_REMEDY}"
                )
    left = {*missing.values()}
    for port in _items(before, "ports") if left else ():
        target = port.get(_TARGET)
        if not isinstance(target, int | str) or _steps(port) & written.keys():
            continue
        if target in left or (None in left and target in _OURS):
            yield (
                f"port {port.get('port')} targets {target} as a port did that is not there now"
                f" ({', '.join(missing)}): let it target the app's port, and {_REMEDY}"
            )


def _in_container(container: Json, names: Mapping[str, str]) -> Iterator[str]:
    """`names` are those that ports of the app were given, with the ones that they had."""
    called = container.get("name")
    ports = container.get("ports")
    for port in ports if isinstance(ports, list) else ():
        name = port.get("name") if isinstance(port, dict) else None
        if isinstance(name, str) and name in names:
            yield (
                f"port {name} of the container {called} was {names[name]!r}, and the container had"
                " another name then: give it that, uninject, and rename it after that"
            )
    lifecycle = container.get("lifecycle")
    if isinstance(lifecycle, dict) and is_ours(lifecycle.get("preStop")):
        yield (
            f"the container {called} has the sidecar's preStop hook, which is not in the record:"
            " remove the hook, or give the container its old name"
        )


def is_ours(hook: Any) -> bool:
    """Whether a hook is the one that containers are given."""
    get = hook.get("httpGet") if isinstance(hook, dict) else None
    # Older versions did not say whose hook it is.
    if not isinstance(get, dict) or str(get.get("path")).partition("?")[0] != PRE_STOP:
        return False
    headers = get.get("httpHeaders")
    held = headers if isinstance(headers, list) else []
    return any(isinstance(each, dict) and each.get("name") == TOKEN_HEADER for each in held)


def _items(body: Json, key: str) -> Sequence[Json]:
    spec = body.get("spec")
    found = spec.get(key) if isinstance(spec, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _steps(port: Json) -> set[str]:
    """How a record may choose it."""
    return {f"{key}={port[key]}" for key in ("name", "port") if key in port}
