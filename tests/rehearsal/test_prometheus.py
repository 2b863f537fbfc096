"""A Prometheus is found, told what to scrape, and missed in words."""

import json
from pathlib import Path

import pytest

from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.prometheus import binary, command


def test_the_one_that_is_named_is_taken(tmp_path: Path) -> None:
    program = tmp_path / "prometheus-3"
    program.touch(0o755)
    assert binary(str(program)) == str(program)


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="--prometheus /no/such: there is no program"):
        binary("/no/such")
    text = tmp_path / "notes"
    text.touch(0o644)
    with pytest.raises(StartFailed, match="notes"):
        binary(str(text))


def test_where_none_is_installed_it_is_said_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartFailed, match=r"none is installed.*Debian.*--prometheus PATH"):
        binary()


def test_it_is_told_what_to_scrape_and_how_often(tmp_path: Path) -> None:
    targets = {"127.1.2.3:9180": {"version": "v2"}}
    words = command("/bin/prometheus", tmp_path, 9090, targets, 0.5, [Path("/rules.yaml")])
    assert words[0] == "/bin/prometheus"
    assert "--web.listen-address=127.0.0.1:9090" in words
    config = json.loads((tmp_path / "prometheus.yml").read_text())
    assert config["global"]["scrape_interval"] == "500ms"
    assert config["rule_files"] == ["/rules.yaml"]
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.1.2.3:9180"], "labels": {"version": "v2"}}]
