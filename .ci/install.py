"""Make a virtual environment from the lock: `install.py VENV [NAME ...]`.

Installs what pyproject.toml names for the package and for each extra or group, every file checked
against the hashes in constraints.txt. The package itself is left to the caller.

pip takes hashes from a constraints file since 26.1 and the one that comes with Python may be
older, so the first thing installed is the pip of the lock.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "constraints.txt"


def main(target: Path, names: list[str]) -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = asked["project"]
    known = {**project["optional-dependencies"], **asked["dependency-groups"]}
    wanted = [*project["dependencies"], *requirements(known, names)]
    if target.is_symlink():
        sys.exit(f"{target} links to {target.resolve()}, which would be emptied: remove the link")
    # As links: three copies of the interpreter would be a fifth of the image.
    venv.create(target, clear=True, with_pip=True, symlinks=True)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "pip.txt")
        first.write_text(locked("pip"))
        pip(target, "--require-hashes", "-r", str(first))
    pip(target, "-c", str(LOCK), *wanted)


def requirements(known: dict[str, Any], names: list[str]) -> list[str]:
    """What extras and groups ask for; a group may include others (PEP 735)."""
    wanted: list[str] = []
    for each in (item for name in names for item in known[name]):
        wanted += [each] if isinstance(each, str) else requirements(known, [each["include-group"]])
    return wanted


def locked(name: str) -> str:
    """The entry of the lock for one package: its pinned version and its hashes."""
    entry = re.search(rf"^{name}==(.*\\\n)*.*\n", LOCK.read_text(), re.MULTILINE)
    if entry is None:
        sys.exit(f"{LOCK.name} has no entry for {name}: run `make lock`")
    return entry[0]


def pip(target: Path, *arguments: str) -> None:
    command = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    done = subprocess.run([*command, "--disable-pip-version-check", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
