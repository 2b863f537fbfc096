"""Label selectors of the API, weighed as the API server does."""

from collections.abc import Mapping

from .place import Place


def matches(selector: Place, labels: Mapping[str, str]) -> bool:
    """Whether a selector, with its expressions, selects these labels; an empty one does."""
    wanted = selector.at("matchLabels").texts
    return wanted.items() <= labels.items() and all(
        _holds(each, labels) for each in selector.at("matchExpressions").items
    )


def _holds(expression: Place, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression.at("key").text)
    values = {each.text for each in expression.at("values").items}
    match expression.at("operator").text:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:  # DoesNotExist
            return value is None
