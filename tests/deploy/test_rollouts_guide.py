"""What ROLLOUTS.md says is so."""

import re
import shlex
from collections.abc import Iterator
from math import ceil

import msgspec
import pytest
from click import Command, Context, Group
from ruamel.yaml import YAML

from drainproxy.cli import main
from drainproxy.config import parse_duration
from drainproxy.rollout.gate.evidence import needed
from drainproxy.rollout.gate.judgement import policy_of
from drainproxy.rollout.gate.latency import LATENCIES
from drainproxy.rollout.gate.request import GateRequest
from drainproxy.rollout.gate.signals import RULES
from drainproxy.rollout.gate.versions import RARE
from tests.conftest import ROOT
from tests.deploy import engines
from tests.deploy.documents import documents

DEPLOY = ROOT / "deploy"
GUIDE = (DEPLOY / "ROLLOUTS.md").read_text()
CANARY = DEPLOY / "rollouts" / "argo" / "canary.yaml"
GATE = DEPLOY / "rollouts" / "argo" / "analysis-gate.yaml"


def test_its_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", GUIDE) if "://" not in link]
    assert links
    assert [link for link in links if not (DEPLOY / link).exists()] == []


def test_manifests_name_sections_that_it_has() -> None:
    manifests = [path.read_text() for path in DEPLOY.rglob("*.yaml")]
    named = {name for text in manifests for name in re.findall(r'ROLLOUTS\.md, "([^"]+)"', text)}
    assert named
    assert named - {*re.findall(r"^## (.+)$", GUIDE, re.MULTILINE)} == set()


def test_it_names_every_manifest() -> None:
    files = [path for folder in ("rollouts", "gate") for path in (DEPLOY / folder).rglob("*.*")]
    named = re.findall(r"[\w-]+\.(?:yaml|md)", GUIDE)
    assert {path.name for path in files} - {*named, "rbac.yaml"} == set()


def commands() -> Iterator[str]:
    text = GUIDE.replace("\\\n", " ")
    found = re.findall(r"(?:^    |`|-- )(drainproxy [a-z][^`\n]*)", text, re.MULTILINE)
    return (re.sub(r" (?:&|\|).*", "", each).strip() for each in found)


@pytest.mark.parametrize("command", sorted({*commands()}))
def test_its_commands_are_commands_with_such_options(command: str) -> None:
    found: Command | None = main
    words = shlex.split(command)[1:]
    while words and isinstance(found, Group):
        found, words = found.get_command(Context(found), words[0]), words[1:]
    assert found is not None
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_files_that_are_applied_are_there() -> None:
    files = re.findall(r"-f (\S+)", GUIDE)
    assert files
    assert [name for name in files if name != "-" and not (ROOT / name).exists()] == []


def test_every_field_of_a_question_is_there_with_its_default() -> None:
    (table,) = re.findall(r"\n\| field \| default.*?\n\n", GUIDE, re.DOTALL)
    cells = [row.strip("|").split("|") for row in table.strip().splitlines()[2:]]
    named = [name for each in cells for name in re.findall(r"`(\w+)`", each[0])]
    fields = msgspec.structs.fields(GateRequest)
    assert sorted(named) == sorted(field.encode_name for field in fields)
    defaults = {value for each in cells for value in re.findall(r"`([^`]+)`", each[1])}
    assert defaults == {field.default for field in fields} - {""}


def test_the_ladder_takes_as_long_as_is_written() -> None:
    rollout, *_ = documents(CANARY)
    template, *_ = documents(GATE)
    canary = msgspec.convert(rollout, engines.Rollout).spec.strategy.canary
    (metric,) = msgspec.convert(template, engines.AnalysisTemplate).spec.metrics
    assert canary is not None
    between = metric.consecutive_success_limit - 1
    step = parse_duration(metric.initial_delay) + between * parse_duration(metric.interval)
    steps = sum(1 for each in canary.steps if each.analysis)
    assert f"{steps} steps of {step:.0f} s, {ceil(steps * step / 60)} minutes" in " ".join(
        GUIDE.split()
    )


def test_so_many_requests_pass() -> None:
    usual = policy_of(0.999).allowed
    assert [needed(errors, usual) for errors in (0, 1, 2)] == [186, 309, 417]
    assert "Without an error 186 requests" in GUIDE
    assert "with one error 309, with two 417" in GUIDE
    assert needed(0, policy_of(0.99).allowed) == 17
    assert needed(0, policy_of(0.9999).allowed) == 1877
    assert "99 % 17 requests" in GUIDE
    assert "1,877" in GUIDE


def test_a_ladder_takes_longer_with_little_traffic() -> None:
    """A look each 30 s from the first minute on, and two that pass."""
    rows = re.findall(r"\n\| (\d+) \| \d+ m?i?n?s?[^|]*\| (\d+) min", GUIDE)
    assert len(rows) == 4
    for rate, minutes in rows:
        enough = (186 / (step / 20 * float(rate)) for step in range(1, 20))
        steps = (max(60, 30 * ceil(seconds / 30)) + 30 for seconds in enough)
        assert round(sum(steps) / 60 + 0.01) == int(minutes), rate


def test_every_signal_is_explained() -> None:
    (table,) = re.findall(r"\n\| `signal` .*?\n\n", GUIDE, re.DOTALL)
    named = [*(rule.signal for rule in RULES), *(each.signal for each in LATENCIES)]
    others = ["refused connections", "saturation", "error budget", "migration", "traffic"]
    assert [
        name for name in (*named, *others) if f"`{name.removesuffix(' p99')}" not in table
    ] == []


def test_what_is_too_rare_is_told_with_the_numbers_of_the_code() -> None:
    assert f"fewer than {RARE} events of stable" in GUIDE
    assert sorted({each.least for each in LATENCIES}) == [10, 100]
    assert "a p90 needs ten events of stable, a p99 a hundred" in GUIDE


def test_the_plugin_is_configured_in_one_line_of_yaml() -> None:
    (text,) = re.findall(r'trafficRouterPlugins="([^"]+)"', GUIDE)
    (plugin,) = YAML(typ="safe").load(text)
    assert plugin["name"] in CANARY.read_text()
    assert plugin["location"] == "$PLUGIN"


def test_the_shares_of_standing_connections_are_those_of_rebalance() -> None:
    for before, after, share in ((0, 5, 100), (5, 10, 53), (50, 55, 18)):
        w0, w1 = before / 100, after / 100
        assert round(100 * (w1 - w0) / (w1 * (1 - w0))) == share
        assert f"| {before} to {after} % | {share} %" in GUIDE
