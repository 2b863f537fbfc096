"""What keeps the process small leaves no trace."""

import os
import ssl

import pytest

from drainproxy.sidecar.import_guard import no_certificates


def test_certificate_authorities_are_not_read_within_and_the_environment_is_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/mine")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    with no_certificates():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        assert context.get_ca_certs() == []

    assert os.environ["SSL_CERT_FILE"] == "/mine"
    assert "SSL_CERT_DIR" not in os.environ
