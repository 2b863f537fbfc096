"""What each source of error budgets records is found by our queries, as Prometheus answers them."""

import json
from pathlib import Path

from drainproxy.rollout.gate.budget import budget_queries
from tests.deploy.promtool import promtool

# Half of the budget is left where a quarter failed of what half may.
PYRRA = {'pyrra_objective{slo="shop"}': 0.5, 'pyrra_availability{slo="shop"}': 0.75}
PYRRA_OTHER = {'http:burnrate5m{slo="other"}': 9, 'http:burnrate1h{slo="other"}': 9}
SLOTH = 'sloth_id="shop-http",sloth_service="shop"'

# What is recorded, and what is found: left of the budget, burn of 1h and of 5m.
CASES = [
    ("pyrra", PYRRA | PYRRA_OTHER, (0.5, None, None)),
    (
        # A series for each value of a label that the objective groups by: the worst counts.
        "pyrra",
        PYRRA
        | {'http:burnrate5m{slo="shop",code="a"}': 8, 'http:burnrate5m{slo="shop",code="b"}': 1}
        | {'http:burnrate1h{slo="shop"}': 4},
        (0.5, 8, 16),
    ),
    (
        # An objective of 30 days has the long one of 1h4m; 1d is another.
        "pyrra",
        PYRRA
        | {'http:burnrate5m{slo="shop"}': 8, 'http:burnrate1h4m{slo="shop"}': 4}
        | {'http:burnrate1d{slo="shop"}': 32},
        (0.5, 8, 16),
    ),
    (
        # One of a week has neither, but rates.
        "pyrra",
        PYRRA
        | {'pyrra_errors:rate5m{slo="shop"}': 8, 'pyrra_requests:rate5m{slo="shop"}': 2}
        | {'http:burnrate1m{slo="shop"}': 32, 'http:burnrate15m{slo="shop"}': 32},
        (0.5, 8, 8),
    ),
    (
        "sloth",
        {
            f"slo:period_error_budget_remaining:ratio{{{SLOTH}}}": 0.5,
            f"slo:error_budget:ratio{{{SLOTH}}}": 0.5,
            f'slo:sli_error:ratio_rate1h{{{SLOTH},sloth_window="1h"}}': 4,
            f'slo:sli_error:ratio_rate5m{{{SLOTH},sloth_window="5m"}}': 8,
        },
        (0.5, 8, 16),
    ),
]


def test_each_source_says_what_is_left_and_how_fast_it_goes(tmp_path: Path) -> None:
    tests = []
    for source, recorded, (left, hour, minutes) in CASES:
        asked = budget_queries(source, "shop")
        expected = {"remaining": left, "burn 1h": hour, "burn 5m": minutes}
        tests.append(
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": f"{value}x120"} for name, value in recorded.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": asked[name],
                        "eval_time": "2h",
                        "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
                    }
                    for name, value in expected.items()
                ],
            }
        )
    file = tmp_path / "budgets.yaml"
    # JSON is YAML.
    file.write_text(json.dumps({"tests": tests}))
    promtool("test", "rules", str(file))
