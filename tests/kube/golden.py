"""The examples as they are before and after injection.

`python -m tests.kube.golden` writes the files in deploy/examples/injected; look at the difference
before you commit it.
"""

from pathlib import Path

from drainproxy import __version__
from drainproxy.kube.batch import BatchResult, inject_all
from drainproxy.kube.plan import Options
from tests.conftest import ROOT

EXAMPLES = ROOT / "deploy" / "examples"
# Of those, what is for Kubernetes.
NAMES = sorted(path.name for path in EXAMPLES.glob("*.yaml") if "\nkind: " in path.read_text())
# In the place of one that is made anew for every pod.
TOKEN = "token-of-the-example"
IMAGE = f"registry.example/drainproxy:{__version__}"


def before(name: str) -> str:
    """The example as a person wrote it."""
    return (EXAMPLES / name).read_text()


def golden(name: str) -> Path:
    """Where its injected form is."""
    return EXAMPLES / "injected" / name


def injected(name: str) -> BatchResult:
    """What becomes of it today."""
    return inject_all({name: before(name)}, Options(image=IMAGE, new_token=lambda: TOKEN))


if __name__ == "__main__":
    for each in NAMES:
        golden(each).write_text(injected(each).text)
