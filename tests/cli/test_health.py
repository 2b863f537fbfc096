"""`drainproxy health`: what a HEALTHCHECK makes of a sidecar."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli import main
from drainproxy.config import Address
from drainproxy.drain.origin import Origin
from drainproxy.rehearsal.ports import free_ports
from tests.sidecar.fake_sidecar import FakeSidecar, served


def invoke(port: int, *arguments: str) -> Result:
    environ = {"DRAINPROXY_ADMIN": f"127.0.0.1:{port}"}
    return CliRunner(env=environ).invoke(main, ["health", *arguments])


async def of(sidecar: FakeSidecar, *arguments: str) -> Result:
    async with served(sidecar) as server:
        return await asyncio.to_thread(invoke, server.port, *arguments)


async def test_a_sidecar_that_serves_is_well() -> None:
    app = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with app:
        result = await of(FakeSidecar(Address(*app.sockets[0].getsockname())))

    assert (result.exit_code, result.output) == (0, "ok\n")


async def test_one_that_drains_lives_and_is_not_ready() -> None:
    sidecar = FakeSidecar()
    sidecar.drain(Origin.ADMIN)

    assert (await of(sidecar, "--probe", "livez")).exit_code == 0
    result = await of(sidecar)
    assert result.exit_code == 1
    assert "announced" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--quiet",)])
def test_where_nobody_listens_nobody_is_well(arguments: tuple[str, ...]) -> None:
    (port,) = free_ports(1)
    result = invoke(port, *arguments)

    assert result.exit_code == 1
    assert bool(result.output) != bool(arguments)


async def test_it_is_asked_where_its_file_of_settings_says(tmp_path: Path) -> None:
    file = tmp_path / "drainproxy.yaml"
    async with served(FakeSidecar()) as server:
        file.write_text(f"admin: 127.0.0.1:{server.port}\ndrain-delay: 0s\n")
        arguments = ["health", "--probe", "livez", "--config", str(file)]
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)

    assert (result.exit_code, result.output) == (0, "ok\n")


@pytest.mark.parametrize(
    ("arguments", "environ", "problem"),
    [
        ((), {"DRAINPROXY_ADMIN": "abc"}, "DRAINPROXY_ADMIN"),
        ((), {"DRAINPROXY_CONFIG": "/none.yaml"}, "cannot read '/none.yaml'"),
        (("--config", "/none.yaml"), {}, "cannot read '/none.yaml'"),
        (("--admin", "abc"), {}, "flag --admin"),
        (("--probe", "health"), {}, "'health' is not one of"),
        (("--readyz",), {}, "No such option"),
        (("more",), {}, "unexpected extra argument"),
    ],
)
def test_a_mistake_is_a_failure_like_any_other(
    arguments: tuple[str, ...], environ: dict[str, str], problem: str
) -> None:
    """Docker reserves the exit code 2, which is that of such mistakes elsewhere."""
    result = CliRunner(env=environ).invoke(main, ["health", *arguments])

    assert result.exit_code == 1
    assert problem in result.stderr
