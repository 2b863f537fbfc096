"""What is read, checked and reported is decided from values: `run`, `matching` and `talk` act."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_architecture import FORBIDDEN, imports

FOLDER = ROOT / "drainproxy" / "rollout" / "smoke"
ACTING = {"run", "matching"}
PURE = [path for path in sorted(FOLDER.glob("*.py")) if path.stem not in ACTING]


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_the_pure_part_knows_no_clock_no_socket_and_no_talk(path: Path) -> None:
    package = "drainproxy.rollout.smoke"
    is_package = path.stem == "__init__"
    module = package if is_package else f"{package}.{path.stem}"
    names = {name for _, name in imports(path.read_text(), module, is_package)}
    assert {name.partition(".")[0] for name in names} & FORBIDDEN == set()
    assert [name for name in names if name.startswith(f"{package}.talk")] == []
