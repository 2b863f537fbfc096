"""`drainproxy webhook`: what it refuses to start with."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.run import EX_CONFIG, EX_UNAVAILABLE
from drainproxy.cli.webhook import webhook
from drainproxy.rehearsal.ports import free_ports
from tests.kube.pods import IMAGE
from tests.kube.tls import Authority, Pair


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Authority().pair(tmp_path)


def run(pair: Pair, *arguments: str, **environ: str) -> Result:
    files = ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key))
    environ = {"DRAINPROXY_WEBHOOK_IMAGE": IMAGE, **environ}
    return CliRunner().invoke(webhook, (*files, *arguments), env=environ)


def test_the_environment_is_read(pair: Pair) -> None:
    address, delay = run(pair, DRAINPROXY_WEBHOOK_LISTEN="x"), run(pair, "--stop-delay", "5")

    assert (address.exit_code, delay.exit_code) == (2, 2)
    assert "Invalid value for '--listen': 'x' has no port" in address.stderr
    assert "Invalid value for '--stop-delay': '5' is not a duration" in delay.stderr


def test_every_mistake_in_the_defaults_is_told(pair: Pair, tmp_path: Path) -> None:
    defaults = tmp_path / "defaults.yaml"
    defaults.write_text("drain-delay: 5\ndrainproxy.io/drain-dely: 5s\nports: {a: b}\n")
    done = run(pair, "--defaults", str(defaults))

    assert done.exit_code == EX_CONFIG
    assert "annotation drainproxy.io/drain-delay: '5' is not a duration" in done.stderr
    assert "annotation drainproxy.io/drain-dely: is no annotation that pods may have" in done.stderr
    assert "defaults.yaml line 3, ports: must be a value" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--defaults", "/"), "flag --defaults: '/': Is a directory"),
        (("--defaults", "/none"), "flag --defaults: '/none': No such file or directory"),
        (("--image", ""), "flag --image: '' is no image"),
        (("--tls-key", "/none"), "with the key /none: [Errno 2] No such file or directory"),
    ],
)
def test_what_it_cannot_use_is_named(pair: Pair, arguments: tuple[str, ...], problem: str) -> None:
    done = run(pair, *arguments)

    assert done.exit_code == EX_CONFIG
    assert problem in done.stderr


def test_it_does_not_start_without_an_image_to_inject(pair: Pair, tmp_path: Path) -> None:
    done = run(pair, DRAINPROXY_WEBHOOK_IMAGE="")

    assert done.exit_code == EX_CONFIG
    assert "image: none is named, and there is no public one: build it with `make" in done.stderr
    pair.cert.write_text("nothing")
    (tmp_path / "defaults.yaml").write_text("image: r.example/d:1")
    done = run(pair, "--defaults", str(tmp_path / "defaults.yaml"), DRAINPROXY_WEBHOOK_IMAGE="")
    assert "the certificate" in done.stderr, "it is looked at later"


def test_what_is_no_certificate_is_named(pair: Pair) -> None:
    pair.cert.write_text("nothing")

    done = run(pair)
    assert done.exit_code == EX_CONFIG
    assert f"the certificate {pair.cert} with the key {pair.key}: " in done.stderr


def test_a_port_that_is_taken_is_named(pair: Pair) -> None:
    (port,) = free_ports(1)
    done = run(pair, "--observe", f"127.0.0.1:{port}", "--listen", f"127.0.0.1:{port}")

    assert done.exit_code == EX_UNAVAILABLE
    assert f"drainproxy: listen: cannot listen on 127.0.0.1:{port}: " in done.output
    assert "address already in use" in done.output
