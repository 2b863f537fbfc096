"""Where the sidecar listens: pods of before and after a rollout are behind the same Service."""

import json
import re

from msgspec.structs import replace

from drainproxy.manifests.services import Service
from tests.kube.pods import pod
from tests.kube.test_batch import NAMELESS, SERVICE, bodies, inject, join, lines
from tests.kube.test_capture import ask, service

TWO_PORTS = NAMELESS.replace(
    "- containerPort: 8080", "- containerPort: 3000\n        - containerPort: 8080"
)
TWO_TARGETS = SERVICE.replace(
    "- port: 80", "- {name: admin, port: 81, targetPort: 3000}\n  - name: web\n    port: 80"
)
ONE_TARGET = SERVICE.replace("- port: 80", "- name: web\n    port: 80")


def forwards(text: str) -> list[str]:
    return re.findall("--forward=([0-9=]+)", text)


def test_the_sidecar_does_not_listen_where_a_service_leads_that_is_left_alone() -> None:
    """What pods say to each other by a headless Service need not be declared, and may be there."""
    peers = service(9181, name="peers", headless=True)
    job = pod({"containerPort": 8080})
    job["spec"]["restartPolicy"] = "Never"

    assert [each.listen for each in ask(pod(), service("http"), peers).ports] == [9182]
    assert [each.listen for each in ask(job, service(8080, 9181)).ports] == [9182]


def test_a_port_that_is_added_to_an_injected_file_moves_no_other() -> None:
    once = inject(join(NAMELESS, ONE_TARGET)).text
    more = once.replace(
        "- containerPort: 8080", "- containerPort: 3000\n        - containerPort: 8080"
    )
    more = more.replace(
        "- name: web\n    port: 80",
        "- {name: admin, port: 81, targetPort: 3000}\n  - name: web\n    port: 80",
    )
    done = inject(more)

    assert forwards(done.text) == ["9182=3000", "9181=8080"]
    targets = {
        each["port"]: each["targetPort"] for each in bodies(done)["Service"]["spec"]["ports"]
    }
    assert targets == {80: 9181, 81: 9182}
    assert inject(done.text).text == done.text
    assert "ports follow the order" not in done.report.text()


def test_a_service_that_is_changed_already_holds_its_number_for_a_fresh_workload() -> None:
    changed = inject(join(NAMELESS, ONE_TARGET), only="services").text
    done = inject(join(TWO_PORTS, changed.removeprefix("---\n")))

    assert forwards(done.text) == ["9181=8080"]
    by_service = replace(
        service(9181),
        metadata=replace(
            service(9181).metadata,
            annotations={
                "drainproxy.io/status": json.dumps(
                    {"version": "1", "changed": {"/spec/ports/name=p0/targetPort": 8080}}
                )
            },
        ),
    )
    assert _listeners(by_service, service(3000, name="admin")) == {3000: 9182, 8080: 9181}


def _listeners(*found: Service) -> dict[int, int]:
    both = pod({"containerPort": 3000}, {"containerPort": 8080})
    return {each.port: each.listen for each in ask(both, *found).ports}


def test_a_number_that_something_else_needs_now_moves_with_a_warning() -> None:
    once = inject(join(NAMELESS, SERVICE)).text
    taken = once.replace(
        "- containerPort: 8080", "- containerPort: 8080\n        - containerPort: 9181"
    )
    done = inject(taken)

    assert lines(done) == ["deployment/web injected (service rewrite: web 80 -> 9182)"]
    assert "listens at 9182 for port 8080, and listened at 9181 before" in done.report.text()


def test_numbers_that_depend_on_an_order_are_told_with_how_to_hold_them() -> None:
    told = inject(join(TWO_PORTS, TWO_TARGETS)).report.text()
    held = inject(
        join(TWO_PORTS, TWO_TARGETS), given={"drainproxy.io/forward": "9182=3000,9181=8080"}
    )

    assert "fix them by drainproxy.io/forward: 9181=3000,9182=8080" in told
    assert "ports follow the order" not in inject(join(NAMELESS, SERVICE)).report.text()
    assert "ports follow the order" not in held.report.text()
    assert lines(held) == [
        "deployment/web injected (service rewrite: web 81 -> 9182, web 80 -> 9181)"
    ]


def test_what_somebody_wrote_into_the_flags_of_a_sidecar_is_no_reason_to_fail() -> None:
    once = inject(join(NAMELESS, SERVICE)).text
    for odd in ("--forward=x", "--forward=9181=unix:/a", "--forward=", "3"):
        assert not inject(once.replace("--forward=9181=8080", odd)).failed
