"""Label selectors."""

import pytest
from msgspec import convert

from drainproxy.manifests.podspec import Json
from drainproxy.manifests.selectors import Selector

LABELS = {"app": "web", "tier": "front", "blank": ""}


def expression(operator: str, *values: str | None, key: str = "app") -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "zone": "a"}}, False),
        ({"matchLabels": {"app": None}}, False),
        ({"matchLabels": {"blank": None}}, True),
        (expression("In", "web", "api"), True),
        (expression("In", "api"), False),
        (expression("NotIn", "api"), True),
        (expression("NotIn", "web"), False),
        (expression("NotIn", "web", key="zone"), True),
        (expression("In", "web", None), True),
        (expression("In", None, key="blank"), True),
        (expression("In", None, key="zone"), False),
        (expression("NotIn", None, key="zone"), True),
        (expression("Exists"), True),
        (expression("DoesNotExist"), False),
        (expression("DoesNotExist", key="zone"), True),
        (expression("Gt", "1"), False),
        ({"matchLabels": {"app": "web"}, **expression("Exists", key="zone")}, False),
    ],
)
def test_every_condition_must_be_met(selector: Json, selected: bool) -> None:
    assert convert(selector, Selector).selects(LABELS) == selected
