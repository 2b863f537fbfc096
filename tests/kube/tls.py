"""Certificates for tests, from an authority of their own."""

import ssl
from pathlib import Path

import trustme
from cryptography import x509


class Authority:
    """Who signs, and whom clients trust."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def client(self) -> ssl.SSLContext:
        """For a client that trusts it."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def save(self, path: Path) -> None:
        """Its own certificate, for clients that are given a file."""
        self._authority.cert_pem.write_to_path(str(path))

    def pair(self, folder: Path) -> "Pair":
        """A certificate for localhost with its key, in two files."""
        return Pair(self, folder)

    def issue(self) -> trustme.LeafCert:
        """A new one."""
        return self._authority.issue_cert("localhost", "127.0.0.1")


class Pair:
    """A certificate and its key in files; `serial` is the number of the one in force."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.authority = authority
        self.cert = folder / "tls.crt"
        self.key = folder / "tls.key"
        self.serial = 0
        self.renew()

    def renew(self) -> None:
        """Put a new pair in their place, as whoever renews it does: one file after the other."""
        leaf = self.authority.issue()
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        self.cert.write_bytes(chain)
        leaf.private_key_pem.write_to_path(str(self.key))
        self.serial = x509.load_pem_x509_certificate(chain).serial_number


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """Raises SSLError if this client does not take this server under that name."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(back, there, server_hostname=name)
    answers = server.wrap_bio(there, back, server_side=True)
    for _ in range(3):
        for end in (asks, answers):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert asks.version()
    assert asks.getpeercert()
