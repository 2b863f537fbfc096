"""All cases, of all files."""

from tests.e2e.conformance import blocks, exchanges, layout, limits, requests, states
from tests.e2e.conformance.cases import Case

CASES: list[Case] = [
    case
    for module in (exchanges, layout, states, limits, requests, blocks)
    for case in module.cases
]
