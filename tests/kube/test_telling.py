"""What a report says of Services and policies, and of one half of an input."""

from drainproxy.manifests.documents import Document
from tests.kube.test_batch import (
    DEPLOYMENT,
    NAMELESS,
    POLICY,
    SERVICE,
    bodies,
    inject,
    join,
    lines,
    target,
    uninject,
)


def test_what_was_changed_for_pods_that_are_elsewhere_stays_as_it_is() -> None:
    for kept in ("Service", "NetworkPolicy"):
        done = inject(join(NAMELESS, SERVICE, POLICY))
        alone = Document("", "", bodies(done)[kept], changed=True).render()

        assert inject(alone).text == alone
        (line,) = lines(inject(alone))
        assert "skipped (it is changed already, and no pod of this input is behind it)" in line
    services = inject(join(NAMELESS, SERVICE), only="services").text
    assert inject(services).text == services
    assert inject(services, only="services").text == services


def test_what_no_pod_behind_it_needs_any_more_is_taken_back_and_named() -> None:
    done = inject(join(NAMELESS, SERVICE, POLICY)).text
    redirected = inject(done, given={"drainproxy.io/capture": "redirect"})
    off = inject(done.replace("{app: web}\n", '{app: web, drainproxy.io/inject: "false"}\n', 1))

    assert lines(redirected)[1:] == [
        "service/web uninjected (nothing behind it needs the change any more)",
        "networkpolicy.networking.k8s.io/front uninjected"
        " (nothing behind it needs the change any more)",
    ]
    assert target(redirected) == target(off) == 8080
    assert "service/web uninjected" in off.report.text()


def test_the_report_of_a_half_names_what_is_in_it() -> None:
    text = join(NAMELESS, SERVICE, POLICY)
    whole = inject(text).text
    first, second = inject(text, only="workloads"), inject(text, only="services")

    assert "service/web:" not in first.report.text()
    assert "networkpolicy/front: allows 18080 beside 8080" in first.report.text()
    assert lines(second)[0] == "service/web injected (port 80 targets 18080 (was 8080))"
    assert "deployment/web" not in second.report.text()
    assert second.report.captures_all
    assert lines(uninject(whole, only="services")) == ["service/web uninjected"]
    assert lines(uninject(whole, only="workloads"))[0] == "deployment/web uninjected"
    assert "service/web" not in uninject(whole, only="workloads").report.text()
    by_hand = inject(text, only="services", given={"drainproxy.io/capture": "names"})
    assert by_hand.report.captures_nothing
    assert lines(by_hand)[0].startswith("deployment/web skipped (no container has a TCP port with")


def test_what_was_changed_for_many_is_told_once() -> None:
    second = DEPLOYMENT.replace("name: web}", "name: v2}")
    text = inject(join(DEPLOYMENT, second, SERVICE, POLICY)).report.text()

    assert text.count("service/web: port 80 targets http") == 1
    assert text.count("networkpolicy/front: allows 18080 beside 8080") == 1


def test_a_policy_that_opens_a_port_of_other_pods_besides_is_told() -> None:
    """Their sidecars listen at one number, which the policy is to allow for the first alone."""
    other = DEPLOYMENT.replace("name: web}", "name: db}").replace("containerPort: 8080", "{port}")
    everywhere = POLICY.replace("{matchLabels: {app: web}}", "{}")
    told = "NetworkPolicy front lets its clients come to port 5555 of deployment/db as well"
    at_18080 = "drainproxy.io/forward: 18080=5555"

    def said(port: str, annotations: str = at_18080) -> str:
        text = other.replace("{port}", port)
        text = text.replace(
            "labels: {app: web}", f"labels: {{app: db}}\n      annotations: {{{annotations}}}"
        )
        return inject(join(DEPLOYMENT, text, everywhere)).report.text()

    assert told in said("containerPort: 5555")
    assert told in said("containerPort: 5555", f"drainproxy.io/capture: redirect, {at_18080}")
    assert "lets its clients" not in said("containerPort: 5555", "")
    assert "lets its clients" not in said("containerPort: 8080", "")
    two = said_of = other.replace("{port}", "containerPort: 5555").replace(
        "labels: {app: web}", f"labels: {{app: web}}\n      annotations: {{{at_18080}}}"
    )
    two = join(said_of, said_of.replace("db}", "x}"))
    alike = inject(join(DEPLOYMENT, two, everywhere)).report.text()
    assert "port 5555 of deployment/db and 1 more as well" in alike


def test_a_policy_that_allows_our_port_and_not_the_apps_is_told() -> None:
    """Also where nothing of it has to be changed, and nothing else is said of it."""
    high = POLICY.replace("port: 8080", "{port: 1024, endPort: 65535}")
    low = DEPLOYMENT.replace("8080", "80")
    told = "NetworkPolicy front lets its clients come to port 80 of deployment/web as well"
    done = inject(join(low, high))

    assert told in done.report.text()
    assert high in done.text
    assert told in inject(done.text).report.text()
    assert told in inject(join(low, high), only="workloads").report.text()
    assert told not in inject(join(low, high), only="services").report.text()
    assert "lets its clients" not in inject(join(low, high.replace("1024", "80"))).report.text()


def test_a_policy_may_allow_a_port_by_any_of_its_names() -> None:
    names = '- name: "http"\n          containerPort: 8080\n        - name: more\n'
    both = DEPLOYMENT.replace('- name: "http"\n', names)
    done = inject(join(both, SERVICE, POLICY.replace("8080", "more")))

    assert "networkpolicy/front: allows 18080 beside 8080" in done.report.text()
    assert inject(done.text).text == done.text
    by_name = SERVICE.replace(
        "port: 80", "{name: a, port: 81, targetPort: more}\n  - name: b\n    port: 80"
    )
    twice = inject(join(both, by_name, POLICY.replace("8080", "more"))).report.text()
    assert "networkpolicy/front: allows 18080 beside 8080, 28080 beside 8080" in twice


def test_a_service_that_leads_to_no_port_captures_nothing() -> None:
    astray = SERVICE.replace("8080", "web")
    named, nameless = inject(join(DEPLOYMENT, astray)), inject(join(NAMELESS, astray))

    why = "(Service web targets web, which no container declares)"
    assert lines(named) == [f"deployment/web bypassed {why}"]
    assert lines(nameless) == [f"deployment/web skipped {why}"]
    for done in (named, nameless):
        assert done.report.text().count("which no container declares") == 1
        assert done.report.captures_nothing
        assert not done.report.captures_all


def test_lists_in_a_report_end_after_twenty() -> None:
    more = [SERVICE.replace("{name: web}", f"{{name: web-{at}}}") for at in range(30)]
    text = inject(join(DEPLOYMENT, *more)).report.text()

    assert text.count(" targets http (was 8080)") == 20
    assert "\n  and 10 more\n" in text
    assert "web-19 80 -> http, and 10 more)" in text


def test_a_pod_behind_very_many_services_is_left_out_and_named() -> None:
    more = [SERVICE.replace("{name: web}", f"{{name: web-{at}}}") for at in range(51)]

    assert lines(inject(join(DEPLOYMENT, *more))) == [
        "deployment/web skipped (it has 51 Services in front of it, and with a sidecar may have 50"
        " at most)"
    ]


def test_beside_a_redirect_a_headless_service_is_told_too() -> None:
    headless = SERVICE.replace("{name: web}", "{name: peers}").replace(
        "spec:", "spec:\n  clusterIP: None"
    )
    none = NAMELESS.partition("        ports:")[0]
    other = DEPLOYMENT.replace("name: web}", "name: v2}").replace("8080", "9181")
    plain = SERVICE.replace("    targetPort: 8080\n", "")
    text = inject(join(none, other, headless, plain)).report.text()

    assert "Service peers is headless: clients that connect to the pods' IPs (port 8080)" in text
    assert "name the port with drainproxy.io/ports to drain them" in text
