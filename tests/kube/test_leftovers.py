"""Injected files that were edited: taken back exactly, or said what cannot be."""

from time import process_time

import pytest

from drainproxy.kube.batch import BatchResult
from drainproxy.kube.leftovers import is_ours
from tests.kube.test_batch import DEPLOYMENT, NAMELESS, SERVICE, inject, join, uninject

NAMED = SERVICE.replace("- port: 80", "- name: web\n    port: 80")


def refused(text: str) -> str:
    """What inject and uninject say, which both refuse."""
    told: list[BatchResult] = [uninject(text), inject(text)]
    assert all(each.failed and not each.text for each in told)
    first, second = (each.report.text().rpartition("\n")[0] for each in told)
    assert set(second.splitlines()) >= {line for line in first.splitlines() if line[0] == " "}
    return first


@pytest.mark.parametrize(
    ("service", "old", "new"),
    [(SERVICE, "port: 80\n", "port: 81\n"), (NAMED, "- name: web\n", "- name: www\n")],
)
def test_a_port_of_a_service_that_is_renamed_keeps_no_number_of_the_sidecar(
    service: str, old: str, new: str
) -> None:
    edited = inject(join(NAMELESS, service)).text.replace(old, new)

    assert "targets 9181 as a port did that is not there now" in refused(edited)
    older = edited.replace("wrote", "other")
    assert older != edited
    assert "targets 9181 as a port did" in refused(older)


def test_a_target_that_somebody_has_edited_is_not_overwritten() -> None:
    edited = inject(join(NAMELESS, SERVICE)).text.replace("targetPort: 9181", "targetPort: 8443")

    assert "port 80 targets 8443 and not 9181, to which it was changed" in refused(edited)


def test_a_container_that_is_renamed_keeps_neither_our_hook_nor_our_names() -> None:
    edited = inject(join(DEPLOYMENT, SERVICE)).text.replace("- name: web #", "- name: server #")

    told = refused(edited)
    assert "port app-http of the container server was 'http'" in told
    assert "the container server has the sidecar's preStop hook" in told


def test_what_was_removed_is_not_missed() -> None:
    text = inject(join(DEPLOYMENT, NAMED)).text
    more = "  - name: web\n    port: 80\n    targetPort: http\n"
    assert more in text
    gone = text.replace(more, "  - name: other\n    port: 81\n    targetPort: 9090\n")

    done = uninject(gone)
    assert not done.failed
    assert "targetPort: 9090" in done.text
    hook = text.partition("        lifecycle:\n")[2].partition("      initContainers")[0]
    assert not uninject(text.replace("        lifecycle:\n" + hook, "", 1)).failed


OWN_HEADERS = [{"name": "X-Drainproxy-Token", "value": "t"}]


@pytest.mark.parametrize("path", ["/prestop", "/prestop?of=app", "/prestop?of=sidecar"])
def test_hooks_of_this_version_and_of_older_ones_are_ours(path: str) -> None:
    assert is_ours({"httpGet": {"path": path, "httpHeaders": OWN_HEADERS}})


@pytest.mark.parametrize(
    "hook",
    [
        *(None, 3, {}, {"httpGet": 1}, {"httpGet": {"path": "/prestop", "httpHeaders": 3}}),
        *({"httpGet": {"path": path, "httpHeaders": OWN_HEADERS}} for path in (7, "/prestops", "")),
    ],
)
def test_what_is_no_hook_of_ours_is_left_to_the_app(hook: object) -> None:
    assert not is_ours(hook)


def test_a_record_of_many_pointers_takes_no_time_and_ends_in_no_traceback() -> None:
    pointers = ",".join(f'"/spec/ports/port={at}/targetPort"' for at in range(5000))
    record = f'{{"version": "1", "added": [{pointers}]}}'
    ports = "".join(f"  - port: {at}\n" for at in range(30_000, 35_000))
    status = f"metadata:\n  annotations:\n    drainproxy.io/status: '{record}'\n"
    service = f"apiVersion: v1\nkind: Service\n{status}"

    started = process_time()
    assert not uninject(service + "spec:\n  containers: 3\n  ports:\n" + ports).failed
    assert process_time() - started < 1
    assert not uninject(service + "spec: 3\n").is_empty
