"""Who may except a finding: the object where it is, its pod template, and what it is about."""

import pytest

from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.report import check
from drainproxy.rollout.check.rules import BY_ID, RULES

from .changes import checked
from .test_hooks import RULE, hook
from .test_relations import APP, service


def test_a_workload_and_its_template_except_together() -> None:
    text = APP.replace(
        "namespace: shop}", "namespace: shop, annotations: {drainproxy.io/ignore: spread-missing}}"
    ).replace(
        "      labels:",
        "      annotations: {drainproxy.io/ignore: 'liveness-probe-missing, no-such'}\n"
        "      labels:",
    )
    report = checked(text + "---\n" + service("{app: web}"))

    unknown = [each for each in report.findings if each.rule == "ignore-unknown-rule"]
    assert [(each.line, "no-such" in each.message) for each in unknown] == [(7, True)]
    assert "liveness-probe-missing" in {each.rule for each in report.ignored}


def test_a_job_excepts_what_is_found_in_the_file_that_it_mounts() -> None:
    text = hook(["migrate", "up"], "DROP TABLE orders")
    ignoring = text.replace(
        "    helm.sh/hook:", f"    drainproxy.io/ignore: {RULE}\n    helm.sh/hook:"
    )

    assert RULE in {each.rule for each in checked(text).findings}
    assert RULE in {each.rule for each in checked(ignoring).ignored}
    assert RULE not in {each.rule for each in checked(ignoring).findings}


def excepting(ids: str) -> str:
    notes = f"{{drainproxy.io/ignore: '{ids}', drainproxy.io/ignore-reason: known}}"
    text = APP.replace("namespace: shop}", f"namespace: shop, annotations: {notes}}}")
    return text + "---\n" + service("{app: web}")


@pytest.mark.parametrize(
    ("ids", "note"),
    [
        ("liveness-probe-missing", ""),
        ("hash-args-without-valuefrom", "hash-args-without-valuefrom, which finds nothing there"),
        (
            "liveness-probe-missing, unknown-traffic-router, ignore-without-reason",
            "unknown-traffic-router, which finds nothing there (and 1 more)",
        ),
        ("ignore-without-reason", "ignore-without-reason, which cannot be excepted"),
    ],
)
def test_an_exception_that_excepts_nothing_is_said(ids: str, note: str) -> None:
    (box,) = (each for each in checked(excepting(ids)).boxes if each.section.id == "exceptions")
    assert (box.state, box.note) == ("ticked", note and f"deployment/web excepts {note}")


def test_an_exception_from_a_rule_that_is_not_asked_is_said() -> None:
    inventory = take_stock(read_objects("x", excepting("liveness-probe-missing")))
    rules = [each for each in RULES if each is not BY_ID["liveness-probe-missing"]]
    (box,) = (each for each in check(inventory, rules).boxes if each.section.id == "exceptions")
    assert box.note == "deployment/web excepts liveness-probe-missing, which is not asked"
