"""`drainproxy redirect` with an nft of ours; `tests/e2e/test_redirect.py` has the real one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from drainproxy.cli import main
from drainproxy.cli.run import EX_CONFIG

INSTALL = ("install", "--port", "8080", "--to", "15080", "--yes")


def redirect(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, ("redirect", *arguments), env=environ)


def nft(folder: Path, script: str) -> dict[str, str]:
    """An environment in which this is nft."""
    program = folder / "nft"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_rules_go_to_nft_as_one_transaction(tmp_path: Path) -> None:
    result = redirect(*INSTALL, **nft(tmp_path, f"cat > {tmp_path}/rules; echo $@ > {tmp_path}/to"))
    assert (result.exit_code, result.output) == (
        0,
        "port 8080 is redirected to 15080, except for user 65532\n",
    )
    assert (tmp_path / "to").read_text() == "-f -\n"
    rules = (tmp_path / "rules").read_text()
    assert rules.startswith("table inet drainproxy\ndelete table inet drainproxy\n")
    assert "8080 : 15080" in rules


# Neither the files of a runtime nor variables say whose network it is: a virtual machine may have
# the disk of an image, and a pod the network of its node.
@pytest.mark.parametrize(
    ("user", "own", "environ", "asks"),
    [
        (0, False, {}, True),
        (0, False, {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "container": "docker"}, True),
        (0, True, {}, False),
        # Who may not change rules is told so by nft.
        (65532, False, {}, False),
    ],
)
def test_root_in_the_network_of_a_machine_is_asked_whether_that_is_meant(
    user: int,
    own: bool,
    environ: dict[str, str],
    asks: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("os.path.exists", lambda _: True)
    monkeypatch.setattr("drainproxy.cli.redirect.own_network", lambda: own)
    result = redirect(*INSTALL[:-1], **nft(tmp_path, f"touch {tmp_path}/asked"), **environ)

    assert (tmp_path / "asked").is_file() != asks
    assert ("--yes" in result.output) == asks
    assert result.exit_code == (2 if asks else 0)


@pytest.mark.parametrize("command", [INSTALL, ("uninstall",), ("show",)])
def test_a_missing_nft_is_named_with_its_package(command: tuple[str, ...], tmp_path: Path) -> None:
    result = redirect(*command, PATH=str(tmp_path))
    assert result.exit_code == 1
    assert "nft is not installed" in result.output
    assert "nftables" in result.output


def test_a_missing_capability_is_named(tmp_path: Path) -> None:
    refuses = "echo 'netlink: Error: cache initialization failed: Operation not permitted' >&2"
    result = redirect(*INSTALL, **nft(tmp_path, f"{refuses}; exit 1"))
    assert result.exit_code == 1
    assert "NET_ADMIN" in result.output


def test_what_nft_says_is_passed_on(tmp_path: Path) -> None:
    result = redirect("uninstall", **nft(tmp_path, "echo 'Error: No such device' >&2; exit 1"))
    assert (result.exit_code, result.output) == (1, "Error: nft refused: Error: No such device\n")


def test_the_sidecars_own_traffic_is_refused_before_nft_is_asked(tmp_path: Path) -> None:
    environ = nft(tmp_path, f"touch {tmp_path}/asked")
    result = redirect(
        *("install", "--port", "9999", "--to", "9999", "--admin", "9999", "--yes"), **environ
    )
    assert result.exit_code == EX_CONFIG
    assert len(result.output.splitlines()) == 3
    assert not (tmp_path / "asked").exists()


def test_no_redirect_is_not_shown_as_one(tmp_path: Path) -> None:
    result = redirect("show", **nft(tmp_path, "echo table inet other"))
    assert (result.exit_code, result.output) == (1, "Error: no redirect is installed\n")


def test_what_is_injected_is_a_redirect_that_can_be(tmp_path: Path) -> None:
    container = {"name": "app", "image": "app:1", "ports": [{"containerPort": 8080}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "app", "annotations": {"drainproxy.io/capture": "redirect"}},
        "spec": {"containers": [container]},
    }
    arguments = ["inject", "--image", "drainproxy:1", "-"]
    injected = CliRunner().invoke(main, arguments, input=json.dumps(pod))
    first, _ = YAML(typ="safe").load(injected.stdout)["spec"]["initContainers"]
    result = CliRunner().invoke(main, first["args"], env=nft(tmp_path, "cat >/dev/null"))
    assert (result.exit_code, result.output) == (
        0,
        "port 8080 is redirected to 9181, except for user 65532\n",
    )
