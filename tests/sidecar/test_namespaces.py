"""The kernel tells a container from a machine, not the files that an image leaves behind."""

import shutil
import subprocess
import sys

import pytest

from drainproxy.sidecar.namespaces import own_network, own_processes

EACH, MACHINE = "/proc/sys/net/core/somaxconn", "/proc/sys/net/core/netdev_max_backlog"
ALONE = ("unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--mount-proc")
ASKED = (
    "from drainproxy.sidecar.namespaces import own_network, own_processes;"
    "print(own_network(), own_processes())"
)


@pytest.mark.parametrize(
    ("files", "own"),
    [
        ({EACH}, True),
        ({EACH, MACHINE}, False),
        # A virtual machine with the disk of an image.
        ({EACH, MACHINE, "/.dockerenv", "/run/.containerenv"}, False),
        # Without /proc nothing is known.
        (set(), False),
        ({"/.dockerenv"}, False),
    ],
)
def test_a_network_without_the_limits_of_the_machine_is_not_the_machines(
    files: set[str], own: bool
) -> None:
    assert own_network(files.__contains__) == own


@pytest.mark.parametrize(
    ("link", "own"), [("pid:[4026531836]", False), ("pid:[4026532177]", True), ("pid:[1]", True)]
)
def test_the_first_namespace_of_processes_has_the_same_number_everywhere(
    link: str, own: bool
) -> None:
    assert own_processes(lambda _: link) == own


def test_without_proc_no_container_is_assumed() -> None:
    def missing(path: str) -> str:
        raise FileNotFoundError(path)

    assert not own_processes(missing)


def test_what_the_kernel_keeps_apart_is_found_to_be() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces may be made here")
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", ASKED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
