"""What the API server is asked, and what becomes of its answers."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from drainproxy.kube.cluster import Gone, Unavailable, connected
from drainproxy.manifests.services import Service
from tests.kube.api import Api, kubeconfig, serving

PATH = "/api/v1/services"


async def test_a_list_is_read_in_pages_and_what_cannot_be_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()
    api.page = 2
    for at in range(5):
        api.put(PATH, f"web-{at}", "shop", spec={"ports": [{"port": 80}]})
    api.put(PATH, "strange", "shop", spec={"ports": "x"})
    async with serving(api, tmp_path, monkeypatch) as cluster:
        listing = await cluster.list(PATH, Service)

    assert [each.name for _, each in listing.objects] == [f"web-{at}" for at in range(5)]
    assert {metadata.namespace for metadata, _ in listing.objects} == {"shop"}
    assert (listing.version, len(api.lists)) == ("16", 3)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/refused", "/refused is forbidden: User cannot list resource"),
        ("/broken", "its answer cannot be read: "),
        ("/none", "none not found"),
    ],
)
async def test_what_the_api_server_says_instead_is_told(
    path: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()
    api.refused, api.broken = {"/refused"}, {"/broken"}
    async with serving(api, tmp_path, monkeypatch) as cluster:
        with pytest.raises(Unavailable, match=problem):
            await cluster.list(path, Service)


@pytest.mark.parametrize("in_stream", [True, False])
async def test_a_version_that_is_too_old_is_gone(
    in_stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()
    api.expired, api.in_stream = True, in_stream
    async with serving(api, tmp_path, monkeypatch) as cluster:
        with pytest.raises(Gone, match="too old"):
            async for _ in cluster.watch(PATH, Service, "1"):
                pass


async def test_nobody_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "http://127.0.0.1:1")))
    async with connected() as cluster:
        with pytest.raises(Unavailable, match=r"connection attempts failed|refused"):
            await cluster.list(PATH, Service)


async def test_who_knows_of_no_cluster_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="no cluster: "):
        async with connected():
            pass


# Authorities as clusters have them


def _authority(host: str) -> tuple[bytes, bytes]:
    """A CA without a keyUsage, and a certificate of it with its key: both as PEM."""
    now = datetime.now(UTC)

    def builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    basic = x509.BasicConstraints(ca=True, path_length=None)
    ca = builder("kubernetes", "kubernetes", ca_key).add_extension(basic, critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    leaf = builder("apiserver", "kubernetes", key).add_extension(names, critical=False)
    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    signed = leaf.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return ca.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM), signed + key.private_bytes(
        *form
    )


@pytest.fixture
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contexts as Python 3.13 makes them."""
    plain = ssl.create_default_context

    def strict(*args: object, **fields: object) -> ssl.SSLContext:
        context = plain(*args, **fields)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


@pytest.mark.usefixtures("_strict")
@pytest.mark.parametrize(("host", "trusted"), [("localhost", True), ("elsewhere", False)])
async def test_an_authority_without_key_usage_is_taken_and_the_host_name_is_checked(
    host: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, pair = _authority(host)
    (tmp_path / "ca.pem").write_bytes(ca)
    (tmp_path / "pair.pem").write_bytes(pair)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    api = Api()
    api.put(PATH, "web", "shop", spec={})
    server = TestServer(api.app(), scheme="https")
    await server.start_server(ssl=context)
    async with server:
        file = kubeconfig(
            tmp_path,
            f"https://localhost:{server.port}",
            **{"certificate-authority": str(tmp_path / "ca.pem")},
        )
        monkeypatch.setenv("KUBECONFIG", str(file))
        async with connected() as cluster:
            if trusted:
                assert len((await cluster.list(PATH, Service)).objects) == 1
                return
            with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await cluster.list(PATH, Service)
