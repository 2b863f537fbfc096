"""What the chart holds of deploy/monitoring: `python -m tests.deploy.monitoring` writes it anew.

A chart reads only files that are in it, so the rules and the dashboard are in both places.
"""

from pathlib import Path

from tests.conftest import ROOT
from tests.deploy.dashboard import dashboard
from tests.deploy.helm import CHART

FOLDER = ROOT / "deploy" / "monitoring"
IN_CHART = CHART / "monitoring"
RULES = ("recording.yaml", "alerts.yaml")


def files() -> dict[Path, str]:
    """The text of every file that is made."""
    copies = {IN_CHART / name: (FOLDER / name).read_text() for name in RULES}
    made = dashboard()
    return {FOLDER / "dashboard.json": made, IN_CHART / "dashboard.json": made, **copies}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
