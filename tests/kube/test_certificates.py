"""A certificate that changes while it is in use."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from drainproxy.kube.certificates import Certificates
from tests.kube.tls import Authority, Pair


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Authority().pair(tmp_path)


def shown(context: ssl.SSLContext, authority: Authority) -> int:
    """The serial number of the certificate that a client is shown."""
    client = authority.client()
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = context.wrap_bio(up, down, server_side=True)
    ours = client.wrap_bio(down, up, server_hostname="localhost")
    for _ in range(4):
        for side in (ours, theirs):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return int(str(ours.getpeercert()["serialNumber"]), 16)  # type: ignore[index] # it is shown


def test_the_context_shows_the_new_certificate_after_a_change(pair: Pair) -> None:
    certificates = Certificates(pair.cert, pair.key)
    before = shown(certificates.context, pair.authority)

    assert certificates.reload() is False
    pair.renew()
    assert shown(certificates.context, pair.authority) == before
    assert certificates.reload() is True
    assert shown(certificates.context, pair.authority) == pair.serial != before


def test_half_of_a_pair_changes_nothing(pair: Pair) -> None:
    certificates = Certificates(pair.cert, pair.key)
    before, key = pair.serial, pair.key.read_bytes()
    pair.renew()
    renewed = pair.key.read_bytes()
    pair.key.write_bytes(key)

    with pytest.raises(ssl.SSLError):
        certificates.reload()
    assert shown(certificates.context, pair.authority) == before
    pair.key.write_bytes(renewed)
    assert certificates.reload() is True
    assert shown(certificates.context, pair.authority) == pair.serial


def test_a_file_that_is_away_changes_nothing(pair: Pair) -> None:
    certificates = Certificates(pair.cert, pair.key)
    pair.cert.unlink()

    with pytest.raises(FileNotFoundError):
        certificates.reload()
    assert shown(certificates.context, pair.authority) == pair.serial


@pytest.mark.parametrize("broken", ["cert", "key"])
def test_what_is_no_certificate_is_refused_at_the_start(pair: Pair, broken: str) -> None:
    getattr(pair, broken).write_text("nothing")

    with pytest.raises(ssl.SSLError):
        Certificates(pair.cert, pair.key)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(pair: Pair) -> None:
    key = load_pem_private_key(pair.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"secret")
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))

    with pytest.raises((ssl.SSLError, OSError, ValueError)):
        Certificates(pair.cert, pair.key)


async def test_whoever_watches_takes_the_change_and_tells_a_mistake_once(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "drainproxy")
    certificates = Certificates(pair.cert, pair.key)
    watching = asyncio.create_task(certificates.watch(every=0.001))
    good = pair.cert.read_bytes()
    try:
        pair.cert.write_text("nothing")
        await _until(lambda: "the old one stays in use" in caplog.text)
        pair.cert.write_bytes(good)
        pair.renew()
        await _until(lambda: "the certificate was reloaded" in caplog.text)
    finally:
        watching.cancel()
    assert shown(certificates.context, pair.authority) == pair.serial
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == len(set(errors))


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.005)
