"""A container of a pod restarts and the pod stays: what its preStop began must come to an end."""

import asyncio
from pathlib import Path

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.kubelet import running_pod
from tests.e2e.test_drain_under_load import http_session
from tests.e2e.test_pod_lifecycle import AT_ONCE, GRACE, left_in_order, uvicorn


async def test_after_the_restart_of_the_apps_container_the_sidecar_serves_again(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    with running_pod(uvicorn(port), port, tmp_path / "pod", GRACE, AT_ONCE) as pod:
        for _ in range(2):
            await asyncio.to_thread(pod.restart_app)
            await asyncio.to_thread(pod.sidecar.until_phase, "serving")
            async with http_session() as session:
                url = f"http://127.0.0.1:{pod.port}/echo"
                async with session.post(url, data=b"again") as answer:
                    assert (answer.status, await answer.read()) == (200, b"again")
            assert pod.sidecar.get("/readyz")[0] == 200
        # The pod is whole: it can still be deleted.
        left_in_order(await asyncio.to_thread(pod.delete))
