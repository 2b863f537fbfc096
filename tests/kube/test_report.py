"""What the report says of an input as a whole."""

import json

import pytest

from drainproxy.kube.halves import Half
from drainproxy.kube.report import NAMES_NEED
from tests.kube.test_batch import DEPLOYMENT, NAMELESS, SERVICE, inject, join, uninject


@pytest.mark.parametrize(
    ("texts", "given", "is_told"),
    [
        ([DEPLOYMENT], {}, True),
        ([DEPLOYMENT, DEPLOYMENT.replace("web}", "other}", 1), SERVICE], {}, True),
        ([NAMELESS, SERVICE], {}, False),
        ([DEPLOYMENT], {"drainproxy.io/native-sidecar": "false"}, False),
        ([DEPLOYMENT], {"drainproxy.io/capture": "redirect"}, False),
    ],
)
def test_what_a_name_at_a_native_sidecar_needs_is_told_once(
    texts: list[str], given: dict[str, str], is_told: bool
) -> None:
    done = inject(join(*texts), given=given)

    assert done.report.text().count(f"note: {NAMES_NEED}\n") == is_told
    assert not uninject(done.text).report.text().count("note")


def test_what_a_name_needs_is_told_with_each_half() -> None:
    halves: list[Half] = ["workloads", "services"]
    for half in halves:
        assert NAMES_NEED in inject(join(DEPLOYMENT, SERVICE), only=half).report.text()


def test_the_note_is_in_json_with_each_object() -> None:
    (one,) = json.loads(inject(DEPLOYMENT).report.json())["objects"]

    assert one["notes"] == [NAMES_NEED]
