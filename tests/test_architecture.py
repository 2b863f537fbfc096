"""The house has rooms, and imports run one way only.

`ROOMS` says which rooms each room may import, `FORBIDDEN` what may not be imported in the pure
ones. Every import counts, also one inside a function or under TYPE_CHECKING: a cycle is a cycle.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import isclass
from pathlib import Path

import pytest

PACKAGE = "drainproxy"

# The package itself holds the version and nothing else.
ITSELF = "__init__"

ROOMS: dict[str, set[str]] = {
    ITSELF: set(),
    "extras": set(),
    "not_http": set(),
    "wire": set(),
    "drain": set(),
    "config": set(),
    "relay": {"wire", "drain"},
    "sidecar": {ITSELF, "extras", "not_http", "config", "wire", "drain", "relay"},
    "manifests": {"config"},
    "kube": {ITSELF, "not_http", "config", "manifests"},
    "rollout": {ITSELF, "extras", "config", "manifests"},
    "rehearsal": {ITSELF, "extras", "config", "sidecar", "rollout"},
}
ROOMS["cli"] = set(ROOMS)
ROOMS["__main__"] = {"cli"}

# Without time, sockets and chance of its own; the relay is what a loop calls, and knows none.
PURE = {"wire", "drain", "relay"}

# What the relay is held to, so that it can be read: attributes of a class, inherited ones
# included, levels of inheritance below a class, lines of a file and of a function.
MOST_ATTRIBUTES, MOST_LEVELS, LONGEST_FILE, LONGEST_FUNCTION = 30, 2, 400, 40
# And the lines of a file anywhere else.
LONGEST_OF_ALL = 450

# Time, sockets, chance and the machine come into a pure room as arguments.
FORBIDDEN = {
    *("asyncio", "socket", "ssl", "time", "random", "threading", "os", "logging"),
    *("aiohttp", "concurrent", "importlib", "multiprocessing", "secrets", "select", "selectors"),
    *("signal", "subprocess", "uvloop"),
}

# The running sidecar starts fast and stays small: these wait for the command that needs them.
HEAVY = {"grpc", "jinja2", "locust", "rich", "ruamel", "websockets", "yaml"}
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


@cache
def nodes(source: str) -> list[ast.AST]:
    """All of a module; several tests look at each."""
    return [*ast.walk(ast.parse(source))]


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything `module` imports, wherever it stands."""
    parts = module.split(".")
    here = parts if is_package else parts[:-1]
    for node in nodes(source):
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


def graph(root: Path) -> dict[str, set[str]]:
    """Which modules of the package each of them imports, for whatever reason."""
    paths = {module_name(path, root): path for path in (root / PACKAGE).rglob("*.py")}
    imported = {}
    for module, path in paths.items():
        names = [name for _, name in imports(path.read_text(), module, path.name == "__init__.py")]
        found = {name if name in paths else name.rpartition(".")[0] for name in names}
        imported[module] = (found & paths.keys()) - {module}
    return imported


def circular(imported: dict[str, set[str]]) -> set[str]:
    """The modules from which a way of imports leads back to themselves."""
    left = {module: set(names) for module, names in imported.items()}
    while free := {m for m, names in left.items() if not names & left.keys()}:
        left = {module: names for module, names in left.items() if module not in free}
    # What is left leads into a circle; of that only those count to which one leads back.
    while unused := left.keys() - set().union(*left.values()):
        left = {module: names for module, names in left.items() if module not in unused}
    return {*left}


def test_no_module_imports_another_in_a_circle(root: Path) -> None:
    assert circular(graph(root)) == set()


@pytest.mark.parametrize(
    ("imported", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, set()),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}, {"a", "b"}),
        ({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}, {"a", "b", "c"}),
    ],
)
def test_a_circle_is_told_from_what_leads_to_it(
    imported: dict[str, set[str]], found: set[str]
) -> None:
    assert circular(imported) == found


def relay_classes(root: Path) -> set[type]:
    """All classes of the relay."""
    modules = (
        import_module(module_name(path, root)) for path in (root / PACKAGE / "relay").rglob("*.py")
    )
    found = (each for module in modules for each in vars(module).values())
    return {each for each in found if isclass(each) and each.__module__.startswith(RELAY)}


RELAY = f"{PACKAGE}.relay"


def slots(cls: type) -> list[str]:
    """The attributes of a class, inherited ones included."""
    of_each = (each.__dict__.get("__slots__", ()) for each in cls.__mro__)
    return [name for names in of_each for name in ((names,) if isinstance(names, str) else names)]


def test_no_class_of_the_relay_holds_too_much(root: Path) -> None:
    held = {each.__qualname__: len(slots(each)) for each in relay_classes(root)}
    assert held
    assert {name: count for name, count in held.items() if count > MOST_ATTRIBUTES} == {}


def test_no_class_of_the_relay_is_the_top_of_a_tower(root: Path) -> None:
    for each in relay_classes(root):
        above = [base for base in each.__mro__[1:] if base.__module__.startswith(PACKAGE)]
        assert len(above) <= MOST_LEVELS, (each, above)


def test_files_and_functions_of_the_relay_can_be_read_at_once(root: Path) -> None:
    long = []
    for path in sorted((root / PACKAGE / "relay").rglob("*.py")):
        text = path.read_text()
        if text.count("\n") > LONGEST_FILE:
            long.append(str(path))
        for node in nodes(text):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno >= LONGEST_FUNCTION:
                    long.append(f"{path}:{node.lineno}")
    assert long == []


def test_two_classes_never_share_a_name(root: Path) -> None:
    """A name stands for one thing, in whatever file it is read."""
    where: dict[str, list[str]] = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        for node in nodes(path.read_text()):
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, []).append(f"{path}:{node.lineno}")
    assert len(where) > 300
    assert {name: places for name, places in where.items() if len(places) > 1} == {}


def unreasoned(source: str) -> list[str]:
    """Functions that are longer than LONGEST_FUNCTION without a comment above them that says why.
    Whether one has too many ways is for ruff to say (C901)."""
    lines = source.splitlines()
    return [
        f"{node.lineno}: {node.name}"
        for node in nodes(source)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
        if not lines[node.lineno - 2].lstrip().startswith("#")
    ]


def test_no_file_is_long_and_no_function_without_a_reason(root: Path) -> None:
    paths = sorted((root / PACKAGE).rglob("*.py"))
    assert {str(p): found for p in paths if (found := unreasoned(p.read_text()))} == {}
    assert [str(p) for p in paths if p.read_text().count("\n") > LONGEST_OF_ALL] == []


@pytest.mark.parametrize(("above", "found"), [("# Hot.", []), ("x = 1", ["2: long"])])
def test_a_reason_is_a_comment_above_the_function(above: str, found: list[str]) -> None:
    assert unreasoned(f"{above}\ndef long():\n" + "    pass\n" * LONGEST_FUNCTION) == found


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
        ("drainproxy.relay.a", "import asyncio", "1: imports asyncio, but relay is a pure room"),
        ("drainproxy.relay.a", "import drainproxy.sidecar", "relay may import drain, wire"),
        ("drainproxy.relay.a", "if TYPE_CHECKING:\n    from drainproxy import cli", "2: imports"),
        ("drainproxy.relay.a", "import_module('drainproxy.cli')", "1: imports drainproxy.cli"),
        ("drainproxy.config", "__import__('drainproxy.wire')", "1: imports drainproxy.wire"),
        ("drainproxy.rehearsal.a", "import drainproxy.relay.session", "rehearsal may import"),
        ("drainproxy", "from drainproxy.wire import http1", "__init__ may import nothing"),
        ("drainproxy.attic.a", "", "1: attic is not a room"),
    ],
)
def test_a_broken_rule_is_named_with_its_line(module: str, source: str, rule: str) -> None:
    (found,) = broken_rules(source, module)
    assert rule in found


def test_a_package_resolves_its_relative_imports_from_itself() -> None:
    assert broken_rules("from .http1 import Head", "drainproxy.wire", is_package=True) == []
    assert broken_rules("from ..relay import session", "drainproxy.wire", is_package=True)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("drainproxy.wire.a", "import re\nfrom . import hpack\nfrom .hpack import timeit"),
        ("drainproxy.relay.a", "import re\nfrom drainproxy.wire import http1"),
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
