"""What a run may cost: locust exits 1 beyond it."""

from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    group = parser.add_argument_group("drainproxy")
    group.add_argument(
        "--grpc-host",
        env_var="LOCUST_GRPC_HOST",
        default="",
        help="HOST:PORT, if not that of --host",
    )
    group.add_argument(
        "--max-failures", env_var="LOCUST_MAX_FAILURES", type=int, default=0, help="Requests."
    )
    group.add_argument(
        "--max-p99",
        env_var="LOCUST_MAX_P99",
        type=float,
        default=0.0,
        help="Milliseconds of POST /echo; 0 is no limit.",
    )


@events.quitting.add_listener
def _judge(environment: Environment, **_: Any) -> None:
    problems = exceeded(environment)
    for problem in problems:
        print(f"threshold exceeded: {problem}")
    environment.process_exit_code = 1 if problems else 0


def exceeded(environment: Environment) -> list[str]:
    """Which thresholds a run has exceeded, in words."""
    options, stats = environment.parsed_options, environment.stats
    assert options is not None, "locust has read its command line by now"
    problems = []
    if stats.total.num_failures > options.max_failures:
        problems.append(f"{stats.total.num_failures} failures, {options.max_failures} allowed")
    if not stats.total.num_requests:
        problems.append("there was no request at all")
    p99 = stats.get("/echo", "POST").get_response_time_percentile(0.99)
    if options.max_p99 and p99 > options.max_p99:
        problems.append(f"p99 of POST /echo {p99:.0f} ms, {options.max_p99:g} ms allowed")
    return problems
