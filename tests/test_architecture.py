"""The house has rooms, and imports run one way only.

`ROOMS` says which rooms each room may import, `FORBIDDEN` what may not be imported in the pure
ones. Every import counts, also one inside a function or under TYPE_CHECKING: a cycle is a cycle.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "drainproxy"

# The package itself holds the version and nothing else.
ITSELF = "__init__"

ROOMS: dict[str, set[str]] = {
    ITSELF: set(),
    "wire": set(),
    "drain": set(),
    "config": set(),
    "relay": {"wire", "drain"},
    "sidecar": {ITSELF, "config", "wire", "drain", "relay"},
    "manifests": {"config"},
    "kube": {ITSELF, "config", "manifests"},
    "rollout": {ITSELF, "config", "manifests"},
    "rehearsal": {ITSELF, "config", "sidecar", "rollout"},
}
ROOMS["cli"] = set(ROOMS)
ROOMS["__main__"] = {"cli"}

PURE = {"wire", "drain"}

# Time, sockets, chance and the machine come into a pure room as arguments.
FORBIDDEN = {
    *("asyncio", "socket", "ssl", "time", "random", "threading", "os", "logging"),
    *("aiohttp", "concurrent", "importlib", "multiprocessing", "secrets", "select", "selectors"),
    *("signal", "subprocess", "uvloop"),
}

# The running sidecar starts fast and stays small: these wait for the command that needs them.
HEAVY = {"grpc", "locust", "rich", "ruamel", "websockets", "yaml"}
LIGHT_MODULES: dict[str, set[str]] = {
    "drainproxy.cli": HEAVY | {"aiohttp", "prometheus_client", "uvloop"},
    "drainproxy.cli.run": HEAVY,
    "drainproxy.cli.check": HEAVY | {"aiohttp", "lightkube", "prometheus_client", "uvloop"},
    "drainproxy.cli.rehearse": HEAVY | {"aiohttp", "prometheus_client", "uvloop"},
    "drainproxy.cli.smoke": HEAVY | {"aiohttp", "prometheus_client", "uvloop"},
    "drainproxy.cli.migration": HEAVY
    | {"aiohttp", "prometheus_client", "uvloop", "lightkube", "sqlglot"},
    "drainproxy.sidecar.supervisor": HEAVY,
    "drainproxy.kube.reviews": HEAVY | {"lightkube"},
}


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything `module` imports, wherever it stands."""
    parts = module.split(".")
    here = parts if is_package else parts[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and (name := imported_by_call(node)):
            yield node.lineno, name


def imported_by_call(call: ast.Call) -> str | None:
    """The name in `import_module("name")` or `__import__("name")`."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    match call.args:
        case [ast.Constant(value=str(name)), *_] if called in {"import_module", "__import__"}:
            return name
    return None


def room(name: str) -> str:
    """The room that a dotted name of the package leads to."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else ITSELF


def broken_rules(source: str, module: str, is_package: bool = False) -> list[str]:
    """What `source` breaks, each as `LINE: the rule`."""
    own = [*module.split("."), ITSELF][1]
    if own not in ROOMS:
        return [f"1: {own} is not a room; give it a row in ROOMS or move it into one"]
    broken = []
    for line, name in imports(source, module, is_package):
        top = name.split(".")[0]
        if own in PURE and top in FORBIDDEN:
            broken.append(f"{line}: imports {top}, but {own} is a pure room")
        if top == PACKAGE and room(name) not in ROOMS[own] | {own}:
            allowed = ", ".join(sorted(ROOMS[own])) or "nothing of the package"
            broken.append(f"{line}: imports {name}, but {own} may import {allowed}")
    return broken


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_imports_run_one_way_only(root: Path) -> None:
    broken = [
        f"{path.relative_to(root)}:{rule}"
        for path in sorted((root / PACKAGE).rglob("*.py"))
        for rule in broken_rules(
            path.read_text(), module_name(path, root), path.name == "__init__.py"
        )
    ]
    assert not broken, "\n" + "\n".join(broken)


@pytest.mark.parametrize(
    ("module", "source", "rule"),
    [
        ("drainproxy.wire.http1", "import time", "1: imports time, but wire is a pure room"),
        ("drainproxy.drain.aging", "from os import path", "1: imports os, but drain is a pure"),
        ("drainproxy.wire.a", "def f():\n    import asyncio.events", "2: imports asyncio"),
        ("drainproxy.wire.a", "from drainproxy.drain import ledger", "wire may import nothing"),
        ("drainproxy.wire.a", "from ..drain.ledger import Ledger", "1: imports drainproxy.drain"),
        ("drainproxy.wire.a", "from .. import drain", "1: imports drainproxy.drain"),
        ("drainproxy.wire.a", "import drainproxy", "1: imports drainproxy, but wire"),
        ("drainproxy.drain.a", "from drainproxy import __version__", "drain may import nothing"),
        ("drainproxy.relay.a", "import drainproxy.sidecar", "relay may import drain, wire"),
        ("drainproxy.relay.a", "if TYPE_CHECKING:\n    from drainproxy import cli", "2: imports"),
        ("drainproxy.relay.a", "import_module('drainproxy.cli')", "1: imports drainproxy.cli"),
        ("drainproxy.config", "__import__('drainproxy.wire')", "1: imports drainproxy.wire"),
        ("drainproxy.rehearsal.a", "import drainproxy.relay.pair", "rehearsal may import"),
        ("drainproxy", "from drainproxy.wire import http1", "__init__ may import nothing"),
        ("drainproxy.attic.a", "", "1: attic is not a room"),
    ],
)
def test_a_broken_rule_is_named_with_its_line(module: str, source: str, rule: str) -> None:
    (found,) = broken_rules(source, module)
    assert rule in found


def test_a_package_resolves_its_relative_imports_from_itself() -> None:
    assert broken_rules("from .http1 import Head", "drainproxy.wire", is_package=True) == []
    assert broken_rules("from ..relay import pair", "drainproxy.wire", is_package=True)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("drainproxy.wire.a", "import re\nfrom . import hpack\nfrom .hpack import timeit"),
        ("drainproxy.relay.a", "import asyncio\nfrom drainproxy.wire import http1"),
        ("drainproxy.sidecar.a", "import os, time\nfrom drainproxy import __version__, config"),
        ("drainproxy.cli.run", "from drainproxy.kube.inject import inject"),
    ],
)
def test_what_the_table_allows_breaks_no_rule(module: str, source: str) -> None:
    assert broken_rules(source, module) == []


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_heavy_imports_wait_for_the_command_that_needs_them(module: str, root: Path) -> None:
    code = f"import json, sys, {module}; print(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert loaded & LIGHT_MODULES[module] == set()
