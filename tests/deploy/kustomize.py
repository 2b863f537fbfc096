"""The kustomize base: what the chart makes with cert-manager, without what is Helm's own.

`python -m tests.deploy.kustomize` (`make manifests`) writes it anew.
"""

import io
from typing import Any

from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.deploy.helm import render

BASE = ROOT / "deploy" / "kustomize"
FILE = BASE / "drainproxy.yaml"

_HEAD = "# Made from the Helm chart by `make manifests`.\n"
_HELMS = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def manifests() -> str:
    """All objects, in the order in which they can be applied."""
    (rendered,) = render({"certManager": {"enabled": True}})
    assert not rendered.error
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    things = [
        _without_helm(thing)
        for name, text in sorted(rendered.files.items(), key=lambda file: _rank(file[0]))
        if name.endswith(".yaml")
        for thing in yaml.load_all(text)
        if thing
    ]
    out = io.StringIO()
    yaml.dump_all(things, out)
    return _HEAD + out.getvalue()


def _rank(name: str) -> tuple[bool, str]:
    # As long as nobody answers for it, nobody should be asked.
    return name == "webhook.yaml", name


def _without_helm(thing: Any) -> Any:
    if isinstance(thing, dict):
        for label in _HELMS:
            thing.pop(label, None)
    for part in thing.values() if isinstance(thing, dict) else thing:
        if isinstance(part, dict | list):
            _without_helm(part)
    return thing


if __name__ == "__main__":
    FILE.write_text(manifests())
