"""A key with a password is refused, and nobody is asked for it."""

import ssl
import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

import drainproxy
from drainproxy.config.key_files import load_pair
from tests.kube.tls import Authority, Pair

LOADS = """
import ssl, sys
from drainproxy.config.key_files import load_pair
try:
    load_pair(ssl.create_default_context(), *sys.argv[1:])
except OSError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Authority().pair(tmp_path)


def test_two_files_are_loaded_and_one_that_holds_both(pair: Pair) -> None:
    load_pair(ssl.create_default_context(), pair.cert, pair.key)
    pair.cert.write_bytes(pair.cert.read_bytes() + pair.key.read_bytes())
    load_pair(ssl.create_default_context(), pair.cert)


def test_nobody_is_asked_for_a_password(pair: Pair) -> None:
    """Without a terminal OpenSSL would wait for it on the standard input, which stays open here."""
    key = load_pem_private_key(pair.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"secret")
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    files = (str(pair.cert), str(pair.key))
    command = [sys.executable, "-c", LOADS, *files]
    with Popen(command, stdin=PIPE, stderr=PIPE, text=True, start_new_session=True) as loads:
        try:
            assert loads.wait(30) == 1
        finally:
            loads.kill()
        assert loads.stderr
        assert loads.stderr.read().startswith(f"the key in {pair.key} has a password")


def test_all_certificates_with_keys_are_loaded_so() -> None:
    package = Path(drainproxy.__file__).parent
    using = [path.name for path in package.rglob("*.py") if ".load_cert_chain(" in path.read_text()]
    assert using == ["key_files.py"]
