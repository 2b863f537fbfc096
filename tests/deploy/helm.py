"""Helm itself, as a library: `render` and `lint`, in one process of its own for all that is asked.

It is Go's, and brings threads and signal handlers that have no business beside a test's event loop.
"""

import json
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import ROOT

CHART = ROOT / "deploy" / "helm" / "drainproxy"
RELEASE, NAMESPACE = "drainproxy", "drainproxy-system"
# Of a message of lint: 1 is info, 2 a warning, 3 an error.
_INFO = 1


class Rendered(NamedTuple):
    """Template -> text, or why there is none."""

    files: dict[str, str]
    error: str


def render(*values: dict[str, Any]) -> list[Rendered]:
    """The chart with each of these values, as `helm template` makes it."""
    answers = _ask({"values": values})
    return [Rendered(answer.get("files", {}), answer.get("error", "")) for answer in answers]


def lint() -> list[str]:
    """What `helm lint` warns of and calls an error."""
    return [str(told["error"]) for told in _ask({"lint": True}) if told["severity"] > _INFO]


@cache
def _helm() -> "subprocess.Popen[str]":
    """Answers a line with a line, and ends with us. To load Helm takes longer than to render."""
    if find_spec("helm_python") is None:
        pytest.skip("helm-python-sdk has no wheel for this machine")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.deploy.helm"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(question: dict[str, Any]) -> list[Any]:
    helm = _helm()
    assert helm.stdin is not None
    assert helm.stdout is not None
    helm.stdin.write(json.dumps(question) + "\n")
    helm.stdin.flush()
    told = helm.stdout.readline()
    assert told, "it ended; its standard error says why"
    answer: list[Any] = json.loads(told)
    return answer


def _answer(question: dict[str, Any]) -> list[Any]:
    import helm_python

    if "lint" in question:
        return list(helm_python.lint(str(CHART))["messages"])
    with helm_python.Chart.load(str(CHART)) as chart:
        return [_rendered(chart, values) for values in question["values"]]


def _rendered(chart: Any, values: dict[str, Any]) -> dict[str, Any]:
    from helm_python import HelmError

    try:
        files = chart.render(values, name=RELEASE, namespace=NAMESPACE)
    except HelmError as error:
        return {"error": str(error)}
    return {"files": {Path(path).name: text for path, text in files.items()}}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)
