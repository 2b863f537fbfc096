"""A drain that SIGKILL may cut is warned of, where it is known when that comes."""

import re

import pytest

from drainproxy.sidecar.stop_timeout import _PLATFORMS, problem
from tests.conftest import ROOT

DOCKER, PODMAN = "/.dockerenv", "/run/.containerenv"
ECS = {"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/1"}


@pytest.mark.parametrize(
    ("told", "environ", "files", "drain", "words"),
    [
        # docker stop and podman stop wait 10 s.
        (None, {}, {DOCKER}, 25.0, "Docker or Podman sends SIGKILL 10s after"),
        (None, {}, {PODMAN}, 10.5, "drain-timeout is 10s500ms"),
        # ECS: stopTimeout is 30 s by default; its tasks are containers of Docker.
        (None, ECS, {DOCKER}, 40.0, "ECS sends SIGKILL 30s after"),
        (None, {"NOMAD_ALLOC_ID": "1"}, set(), 25.0, "kill_timeout"),
        (None, {"FLY_MACHINE_ID": "1"}, set(), 25.0, "Fly sends SIGKILL 5s"),
        (20.0, {}, set(), 25.0, "by stop-timeout SIGKILL comes 20s after"),
        (20.0, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, set(), 25.0, "by stop-timeout"),
    ],
)
def test_a_drain_that_is_longer_is_warned_of(
    told: float | None, environ: dict[str, str], files: set[str], drain: float, words: str
) -> None:
    assert words in problem(drain, told, environ, files.__contains__, lambda: True)


@pytest.mark.parametrize(
    ("told", "environ", "files", "drain"),
    [
        (None, {}, set(), 3600.0),
        (None, {}, {DOCKER}, 10.0),
        (None, ECS, {DOCKER}, 30.0),
        # What is told is known better, 0 that nothing is.
        (60.0, {}, {DOCKER}, 25.0),
        (0.0, {}, {DOCKER}, 25.0),
        # The grace period of a pod is looked at when the sidecar is injected.
        (None, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {DOCKER}, 25.0),
    ],
)
def test_a_drain_that_fits_or_of_which_nothing_is_known_is_not(
    told: float | None, environ: dict[str, str], files: set[str], drain: float
) -> None:
    assert problem(drain, told, environ, files.__contains__, lambda: True) == ""


def test_a_machine_whose_disk_was_an_image_is_no_container() -> None:
    assert problem(25.0, None, {}, {DOCKER, PODMAN}.__contains__, lambda: False) == ""
    fly = {"FLY_MACHINE_ID": "1"}
    assert "Fly" in problem(25.0, None, fly, {DOCKER}.__contains__, lambda: False)


def test_the_guide_says_when_docker_kills_and_who_else_is_known() -> None:
    guide = (ROOT / "deploy/README.md").read_text()
    (docker,) = (platform for platform in _PLATFORMS if DOCKER in platform.files)
    assert f"`docker stop` sends SIGKILL {docker.seconds:g} s after SIGTERM" in guide
    (named,) = re.findall(r"the default of (.+) is shorter than the drain", guide)
    known = {name for platform in _PLATFORMS for name in platform.name.split(" or ")}
    assert {*re.split(", | or ", named)} == known
