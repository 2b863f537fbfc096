"""Who may except a finding: the object where it is, its pod template, and what it is about."""

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
