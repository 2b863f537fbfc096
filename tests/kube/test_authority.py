"""Certificates of the webhook's own: who trusted it yesterday trusts it today."""

import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from drainproxy.kube.authority import Credentials, bundle, renewed
from tests.kube.tls import shake_hands

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOSTS = ["drainproxy.system.svc", "drainproxy.system.svc.cluster.local"]
DAY = timedelta(days=1)


def after(held: Credentials, days: float, hosts: list[str] = HOSTS, valid: int = 90) -> Credentials:
    return renewed(held, hosts, valid, NOW + days * DAY)


def cert(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def test_what_is_fresh_stays() -> None:
    first = after(Credentials(), 0)

    assert after(first, 0) is first
    assert after(first, 59) == first


def test_a_certificate_is_renewed_in_its_last_third_and_its_authority_is_kept() -> None:
    first = after(Credentials(), 0)
    second = after(first, 61)

    assert (second.ca, second.ca_key) == (first.ca, first.ca_key)
    assert second.cert != first.cert
    cert(second.cert).verify_directly_issued_by(cert(first.ca))
    assert cert(second.cert).not_valid_after_utc == NOW + 151 * DAY


@pytest.mark.parametrize("part", ["cert", "key"])
@pytest.mark.parametrize("text", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAA==\n"])
def test_a_certificate_that_is_missing_or_broken_is_made_anew_by_the_same_authority(
    part: str, text: bytes
) -> None:
    first = after(Credentials(), 0)
    second = after(replace(first, **{part: text}), 0)

    assert second.ca == first.ca
    assert second.cert not in (first.cert, text)
    assert after(second, 0) is second


def test_other_hosts_need_another_certificate() -> None:
    first = after(Credentials(), 0)
    second = after(first, 0, ["other.system.svc"])

    assert (second.ca, second.cert == first.cert) == (first.ca, False)


def test_an_authority_that_comes_to_its_end_is_followed_when_all_have_heard_of_the_next() -> None:
    first = after(Credentials(), 0)
    announced = after(first, 2500)

    assert (announced.ca, bool(announced.next_ca)) == (first.ca, True)
    cert(announced.cert).verify_directly_issued_by(cert(first.ca))
    assert announced.authorities == [announced.ca, announced.next_ca]
    assert after(announced, 2500.9) == announced
    followed = after(announced, 2501.1)
    assert (followed.ca, followed.next_ca) == (announced.next_ca, b"")
    cert(followed.cert).verify_directly_issued_by(cert(followed.ca))


def test_no_certificate_outlives_its_authority() -> None:
    held = after(Credentials(), 0, valid=100_000)

    assert cert(held.cert).not_valid_after_utc <= cert(held.ca).not_valid_after_utc


@pytest.mark.parametrize("lost", ["ca", "ca_key"])
def test_without_its_authority_all_is_made_anew_and_the_old_one_is_trusted_meanwhile(
    lost: str,
) -> None:
    first = after(Credentials(), 0)
    second = after(replace(first, **{lost: b""}), 1)

    assert second.ca not in (first.ca, b"")
    trusted = bundle(second.authorities, bundle(first.authorities, b"", NOW), NOW)
    assert trusted.count(b"BEGIN CERTIFICATE") == 2
    assert first.ca.strip() in trusted
    assert bundle(second.authorities, trusted, NOW) == trusted
    assert first.ca.strip() not in bundle(second.authorities, trusted, NOW + 3651 * DAY)


def test_a_bundle_does_not_grow_for_ever_and_drops_what_is_no_certificate() -> None:
    # No certificate ends with that, as one of 256 does with AA==.
    none = b64encode(b"this is none")
    trusted = b"nonsense -----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % none
    for _ in range(8):
        trusted = bundle(after(Credentials(), 0).authorities, trusted, NOW)
    assert trusted.count(b"BEGIN CERTIFICATE") == 5
    assert b"nonsense" not in trusted
    assert none not in trusted


def test_clients_as_strict_as_there_are_take_it(tmp_path: Path) -> None:
    held = renewed(Credentials(), HOSTS, 90, datetime.now(UTC))
    (tmp_path / "pair.pem").write_bytes(held.cert + held.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "pair.pem")
    client = ssl.create_default_context(cadata=held.ca.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    shake_hands(client, server, HOSTS[0])
