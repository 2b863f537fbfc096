"""The README of the chart: its values, read off `values.yaml` by the conventions of helm-docs.

`python -m tests.deploy.chart_readme` writes it. A comment that begins with `# --` is the meaning
of the value below it, further lines of it included; other comments are for whoever reads the file.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from tests.deploy.helm import CHART

# Those that lead to a value.
Keys = tuple[str, ...]

README = CHART / "README.md"
_TYPES = {bool: "bool", int: "int", float: "float", str: "string", list: "list", dict: "object"}


class Value(NamedTuple):
    """A row of the table."""

    key: str
    type: str
    default: str
    meaning: str


def readme() -> str:
    """What the file has to say."""
    chart = YAML(typ="safe").load(CHART / "Chart.yaml")
    rows = [
        f"| {each.key} | {each.type} | `{each.default}` | {each.meaning} |" for each in values()
    ]
    return _TEXT.format(**chart, values="\n".join(rows))


def values() -> list[Value]:
    """Every value that can be set; of a map that is explained as a whole, the map too."""
    text = (CHART / "values.yaml").read_text()
    meanings = dict(_meanings(text))
    return list(_rows((), YAML(typ="safe").load(text), meanings))


def _rows(path: Keys, value: Any, meanings: dict[Keys, str]) -> Iterator[Value]:
    if isinstance(value, dict) and value and path not in meanings:
        for key, below in value.items():
            yield from _rows((*path, key), below, meanings)
        return
    default = json.dumps(value)
    yield Value(_key(path), _TYPES[type(value)], default, meanings.get(path, ""))
    if isinstance(value, dict):
        for key, below in value.items():
            if any(known[: len(path) + 1] == (*path, key) for known in meanings):
                yield from _rows((*path, key), below, meanings)


def _key(path: Keys) -> str:
    return ".".join(f'"{part}"' if "." in part else part for part in path)


def _meanings(text: str) -> Iterator[tuple[Keys, str]]:
    """Path -> what the comment above it says."""
    path: list[tuple[int, str]] = []
    told: list[str] = []
    for line in text.splitlines():
        if comment := re.match(r" *# ?(-- )?(.*)", line):
            told = [comment[2]] if comment[1] else [*told, comment[2]] if told else []
        elif key := re.match(r"( *)([\w./-]+):", line):
            path = [each for each in path if each[0] < len(key[1])] + [(len(key[1]), key[2])]
            if told:
                yield tuple(name for _, name in path), " ".join(told).replace("|", "\\|")
            told = []


_TEXT = """\
# {name}

{description}.

Version {version}, for drainproxy {appVersion}. It needs Kubernetes {kubeVersion}.

The chart installs the webhook that adds the sidecar to new pods, and changes nothing else. See
[installation and operation]({home}/blob/main/deploy/README.md) and
[the annotations of pods]({home}/blob/main/deploy/ANNOTATIONS.md).

    helm install drainproxy oci://ghcr.io/drainproxy/charts/drainproxy --wait \\
      --namespace drainproxy-system --create-namespace \\
      --set image.repository=ghcr.io/drainproxy/drainproxy

Nothing is published yet: install from a clone, with `deploy/helm/drainproxy` in place of the OCI
address and your own image as `--set image.repository=`. `values-ha.yaml` runs three replicas of the
webhook on three nodes.

## Values

<!-- printed from values.yaml by `make manifests`, kept true by a test -->
| Key | Type | Default | Description |
|-----|------|---------|-------------|
{values}
"""


if __name__ == "__main__":
    README.write_text(readme())
