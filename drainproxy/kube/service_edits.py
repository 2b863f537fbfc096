"""Edits Services so that they target the sidecar, and NetworkPolicies so that they allow its port.

Each object carries the record of its change in its own `drainproxy.io/status`, as pods do.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from drainproxy.manifests.podspec import Json
from drainproxy.manifests.policies import Move, NetworkPolicy, PolicyPod
from drainproxy.manifests.services import Service

from .capture import Rewrite
from .editor import Editor, pointer_of
from .ports import PortTakeover
from .status import write_status

# Of one port, besides its own; nobody gives it more, and each is compared with each.
_MOST_NAMES: Final = 8


def retargeted(body: Json, service: Service, rewrites: Iterable[Rewrite]) -> tuple[Json, list[str]]:
    """A Service whose ports target what is to stand there, and what was done, in words."""
    editor, done, wrote = Editor(body), [], {}
    for rewrite in rewrites:
        port = rewrite.port
        if port in service.ports:
            path = ("spec", "ports", port.step, "targetPort")
            editor.put(path, rewrite.target)
            wrote[pointer_of(path)] = rewrite.target
            done.append(f"port {port.port} targets {rewrite.target} (was {port.target})")
    if done:
        write_status(editor, {}, wrote=wrote)
    return editor.pod, done


def widened(body: Json, policy: NetworkPolicy, moves: Iterable[tuple[PolicyPod, Move]]) -> Json:
    """A policy that allows the sidecar's port wherever it allows the app's."""
    editor, added = Editor(body), set[tuple[tuple[str, ...], int]]()
    for place, move in moves:
        for path in policy.too_narrow(place, move):
            if (path, move.listen) not in added:
                editor.append(path, {"port": move.listen, "protocol": "TCP"}, by="port")
                added.add((path, move.listen))
    if added:
        write_status(editor, {})
    return editor.pod


def move(taken: PortTakeover, names: Iterable[str] = ()) -> Move:
    """What a policy has to know of a port that is taken over, which has these names."""
    others = (each for each in names if each != taken.name)
    return Move(taken.port, taken.listen, taken.name, tuple(islice(others, _MOST_NAMES)))
