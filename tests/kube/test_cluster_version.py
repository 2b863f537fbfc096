"""The version of the cluster, and what follows from it."""

import asyncio
import logging
from pathlib import Path

import pytest

from drainproxy.kube.cluster_version import ClusterVersion
from tests.kube.api import Api, serving, until


@pytest.mark.parametrize(
    ("major", "minor", "expected"),
    [
        ("1", "29", False),
        ("1", "32", False),
        ("1", "32+", False),
        ("1", "33", True),
        ("1", "34+", True),
        ("2", "0", True),
    ],
)
async def test_names_are_found_at_native_sidecars_since_1_33(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, major: str, minor: str, expected: bool
) -> None:
    api = Api()
    api.put("", "version", major=major, minor=minor)
    async with serving(api, tmp_path, monkeypatch) as cluster:
        version = ClusterVersion(cluster)
        await version.learn()

    assert version.finds_names_at_sidecars is expected
    assert version.problem == ""


async def test_it_is_asked_for_until_it_is_known_and_why_it_is_not_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "drainproxy")
    api = Api()
    api.put("", "version", major="", minor="")
    async with serving(api, tmp_path, monkeypatch) as cluster:
        version = ClusterVersion(cluster, pause=0.01)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(version.learn())
            await until(lambda: version.problem == "/version names none")
            before = version.finds_names_at_sidecars
            api.put("", "version", major="1", minor="30")

    assert (before, version.finds_names_at_sidecars) == (True, False)
    assert version.problem == ""
    assert caplog.text.count("cannot read the version of the cluster: /version names none") == 1
