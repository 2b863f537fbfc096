"""The tables in the README are printed from the code."""

from pathlib import Path

import pytest

from drainproxy import config
from drainproxy.drain import diagram
from drainproxy.sidecar import metrics


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("settings", config.markdown()),
        ("metrics", metrics.markdown()),
        ("phases", diagram.markdown()),
    ],
)
def test_the_readme_has_the_table_that_the_code_prints(root: Path, name: str, table: str) -> None:
    readme = (root / "README.md").read_text()
    _, found, after = readme.partition(f"<!-- {name}: ")
    inside, closed, _ = after.partition(f"<!-- {name} end -->")

    assert found, f"the README has no place for the table of {name}"
    assert closed, f"the place for the table of {name} does not end"
    assert inside.partition("-->\n")[2].strip() == table.strip(), (
        f"README: {name} must be printed anew"
    )
