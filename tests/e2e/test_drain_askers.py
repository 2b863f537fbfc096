"""The log says who has asked for a drain, and who was refused by the admin port."""

import signal

from click.testing import CliRunner

from drainproxy.cli import main
from tests.e2e.conftest import DemoApp
from tests.e2e.process import Sidecar, sidecar


def log(running: Sidecar) -> str:
    return running.process.output


def test_each_who_asks_for_a_drain_is_named_once(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address) as running:
        there = ["--admin", f"127.0.0.1:{running.admin}"]
        for ask_for_it, asker in (
            (lambda: running.get("/prestop"), "requested by prestop"),
            (lambda: running.get("/prestop?of=sidecar"), "requested by prestop of the sidecar"),
            (lambda: running.post("/drain"), "requested by admin"),
            (lambda: CliRunner().invoke(main, ["drain", *there]), "requested by admin"),
        ):
            said, back = f"draining: {asker}", "serving again: the drain was cancelled"
            before, taken_back = log(running).count(said), log(running).count(back)
            ask_for_it()
            assert log(running).count(said) == before + 1
            running.until_phase("drained")
            assert CliRunner().invoke(main, ["undrain", *there]).exit_code == 0
            assert log(running).count(back) == taken_back + 1
        running.get("/readiness")
        assert "refused: GET /readiness: 404 Not Found reason=admin peer=127.0.0.1" in log(running)
        running.process.send_signal(signal.SIGTERM)
        running.process.wait()
        assert "draining: SIGTERM\n" in log(running)
