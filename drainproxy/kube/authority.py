"""The webhook's own CA and the certificates that it signs. Pure; dates are arguments, in UTC."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, KeyUsage, Name

# Whoever trusts the authority need not be told of new certificates, so it lasts.
_AUTHORITY_DAYS: Final = 3650
# Clocks of nodes differ.
_SKEW: Final = timedelta(hours=1)
# A certificate is renewed when less than this share of its life is left, an authority likewise.
_LAST: Final = 1 / 3
# API servers hear of a new authority from what they watch: none signs before that is surely over.
_KNOWN: Final = timedelta(days=1)
# Authorities that stay trusted beside the one in force.
_TRUSTED: Final = 4


class Credentials(Struct, frozen=True):
    """PEM texts: `cert` with its `key`, and the authority `ca` that signs with `ca_key`. `next_ca`
    and `next_key`, if there are any, take over when everybody has heard of them."""

    ca: bytes = b""
    ca_key: bytes = b""
    cert: bytes = b""
    key: bytes = b""
    next_ca: bytes = b""
    next_key: bytes = b""

    @property
    def authorities(self) -> list[bytes]:
        """Whom clients have to trust."""
        return [each for each in (self.ca, self.next_ca) if each]


def renewed(held: Credentials, hosts: Sequence[str], days: int, now: datetime) -> Credentials:
    """What is to be in force now: the same, or with new parts for those that are missing, cannot be
    read, are of other hosts, or come to their end."""
    held = _with_authority(held, now)
    if not _serves(held, hosts, now):
        cert, key = _issued(held, hosts, days, now)
        held = replace(held, cert=cert, key=key)
    return held


def bundle(authorities: Iterable[bytes], trusted: bytes, now: datetime) -> bytes:
    """The authorities, and those that are trusted already until they end: certificates that they
    have signed may still be in use."""
    wanted = [*dict.fromkeys(each.strip() for each in authorities)]
    others = [each for each in _split(trusted) if each not in wanted and _is_valid(each, now)]
    return b"\n".join([*wanted, *others[:_TRUSTED]]) + b"\n"


def _with_authority(held: Credentials, now: datetime) -> Credentials:
    if not _is_pair(held.ca, held.ca_key) or not _is_valid(held.ca, now):
        ca, key = _authority(now)
        return Credentials(ca, key)
    if held.next_ca and not _is_pair(held.next_ca, held.next_key):
        held = replace(held, next_ca=b"", next_key=b"")
    if not held.next_ca:
        if not _ends_soon(held.ca, now):
            return held
        ca, key = _authority(now)
        return replace(held, next_ca=ca, next_key=key)
    if now - _read(held.next_ca).not_valid_before_utc < _KNOWN + _SKEW:
        return held
    # Its certificate is still trusted: `bundle` keeps the authority that goes.
    return replace(held, ca=held.next_ca, ca_key=held.next_key, next_ca=b"", next_key=b"")


def _serves(held: Credentials, hosts: Sequence[str], now: datetime) -> bool:
    """Whether the certificate can stay in use."""
    from cryptography import x509

    if not _is_pair(held.cert, held.key) or _ends_soon(held.cert, now):
        return False
    cert = _read(held.cert)
    try:
        cert.verify_directly_issued_by(_read(held.ca))
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # another issuer, another signature, no names: a new one is due
        return False
    return [*names.get_values_for_type(x509.DNSName)] == [*hosts]


def _authority(now: datetime) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # The key's number in the name: two authorities of one name would be taken for one another.
    number = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    name = _name(f"drainproxy webhook CA {number}")
    usage = _usage(sign=True)
    made = (
        _builder(name, name, key, _AUTHORITY_DAYS, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return _signed(made, key), _pem(key)


def _issued(
    held: Credentials, hosts: Sequence[str], days: int, now: datetime
) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority, key = _read(held.ca), ec.generate_private_key(ec.SECP256R1())
    signer = load_pem_private_key(held.ca_key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    # Nobody trusts it for longer than who has signed it.
    days = min(days, (authority.not_valid_after_utc - now).days)
    made = (
        _builder(_name("drainproxy webhook"), authority.subject, key, days, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(purpose, critical=False)
        .add_extension(names, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    return _signed(made, signer), _pem(key)


def _builder(
    subject: "Name", issuer: "Name", key: "EllipticCurvePrivateKey", days: int, now: datetime
) -> "CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(sign: bool) -> "KeyUsage":
    from cryptography.x509 import KeyUsage

    return KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> "Name":
    from cryptography.x509 import Name, NameAttribute
    from cryptography.x509.oid import NameOID

    return Name([NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(made: "CertificateBuilder", signer: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    return made.sign(signer, SHA256()).public_bytes(Encoding.PEM)


def _pem(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read(pem: bytes) -> "Certificate":
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem)


def _is_pair(cert: bytes, key: bytes) -> bool:
    """Whether both can be read, and belong together."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key, None)
        if not isinstance(private, EllipticCurvePrivateKey):
            return False
        return private.public_key() == _read(cert).public_key()
    except Exception:  # the library has many kinds of errors for what is no PEM
        return False


def _is_valid(cert: bytes, now: datetime) -> bool:
    try:
        return now < _read(cert).not_valid_after_utc
    except ValueError:
        return False


def _ends_soon(cert: bytes, now: datetime) -> bool:
    read = _read(cert)
    life = read.not_valid_after_utc - read.not_valid_before_utc
    return read.not_valid_after_utc - now < life * _LAST


def _split(pems: bytes) -> list[bytes]:
    return re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", pems, re.DOTALL)
