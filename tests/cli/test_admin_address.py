"""The commands that talk to a sidecar find it, and its token, where it reads them itself."""

from pathlib import Path

import click
import pytest

from drainproxy.cli.admin_address import found
from drainproxy.config.values import Address

TOKEN = {"DRAINPROXY_ADMIN_TOKEN": "from-env"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("from-file\n")
    (tmp_path / "config.yaml").write_text("admin: 9190\nadmin-token: from-config\nbad: setting\n")
    (tmp_path / "annotations").write_text('drainproxy.io/admin-token="from-annotation"\n')
    return tmp_path


def test_without_a_word_it_is_the_usual_port_and_no_token() -> None:
    assert found({}, {}, None) == (Address("localhost", 9180), None)


@pytest.mark.parametrize(
    ("listens", "found_at"),
    [
        ("9181", Address("localhost", 9181)),
        ("0.0.0.0:9181", Address("127.0.0.1", 9181)),
        ("[::]:9181", Address("::1", 9181)),
        ("10.1.2.3:9181", Address("10.1.2.3", 9181)),
    ],
)
def test_a_sidecar_that_listens_everywhere_is_found_on_loopback(
    listens: str, found_at: Address
) -> None:
    assert found({"admin": listens}, {}, None)[0] == found_at
    assert found({}, {"DRAINPROXY_ADMIN": listens}, None)[0] == found_at


def test_the_token_is_read_from_each_place_that_the_sidecar_reads(folder: Path) -> None:
    config = str(folder / "config.yaml")
    annotations = {"DRAINPROXY_ANNOTATIONS_FILE": str(folder / "annotations")}
    token_file = {"DRAINPROXY_ADMIN_TOKEN_FILE": str(folder / "token")}
    assert found({}, TOKEN, None)[1] == "from-env"
    assert found({}, token_file, None)[1] == "from-file"
    assert found({}, annotations, None)[1] == "from-annotation"
    assert found({}, {}, config) == (Address("localhost", 9190), "from-config")
    assert found({"admin-token-file": str(folder / "token")}, {}, None)[1] == "from-file"


def test_later_places_beat_earlier_ones(folder: Path) -> None:
    config = str(folder / "config.yaml")
    annotations = {"DRAINPROXY_ANNOTATIONS_FILE": str(folder / "annotations")}
    assert found({}, annotations, config)[1] == "from-annotation"
    assert found({}, annotations | TOKEN, config)[1] == "from-env"
    assert found({"admin-token": "said"}, annotations | TOKEN, config)[1] == "said"
    token_file = {"DRAINPROXY_ADMIN_TOKEN_FILE": str(folder / "token")}
    assert found({"admin-token": "said"}, token_file, None)[1] == "said"


@pytest.mark.parametrize(
    ("flags", "environ", "config", "names"),
    [
        ({"admin": "nowhere"}, {}, None, "flag --admin"),
        ({}, {"DRAINPROXY_ADMIN": "x:y"}, None, "DRAINPROXY_ADMIN"),
        ({}, {"DRAINPROXY_ADMIN_TOKEN": "two words"}, None, "DRAINPROXY_ADMIN_TOKEN"),
        ({}, {"DRAINPROXY_ADMIN_TOKEN_FILE": "/none"}, None, "/none"),
        ({}, {}, "/none.yaml", "/none.yaml"),
    ],
)
def test_what_is_wrong_is_named_with_where_it_came_from(
    flags: dict[str, str], environ: dict[str, str], config: str | None, names: str
) -> None:
    with pytest.raises(click.UsageError, match=names):
        found(flags, environ, config)


def test_what_else_is_wrong_there_is_the_affair_of_the_sidecar(folder: Path) -> None:
    wrong = {"DRAINPROXY_DRAIN_DELAY": "soon", "DRAINPROXY_ANNOTATIONS_FILE": "/none"}
    assert found({}, wrong | TOKEN, str(folder / "config.yaml"))[1] == "from-env"
