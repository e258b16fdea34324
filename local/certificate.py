"""A certificate to sign Content Credentials with on this machine. Readers call it valid, and not trusted."""

import datetime
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANIZATION = "Image Studio (development)"
DAYS = 30


def make_identity(public: EllipticCurvePublicKey | None = None) -> str:
    """Return the text of the secret that signs, as JSON: certificates and their key; or for a key in KMS the former.

    C2PA asks for a chain of two at least, and for an extended key usage (C2PA 2.2, section 14.5.1).
    """
    own, authority = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    key = {} if public else {"key": own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()}
    chain = [
        _certificate("Development signer", public or own.public_key(), authority, is_authority=False),
        _certificate("Development authority", authority.public_key(), authority, is_authority=True),
    ]
    certificates = b"".join(each.public_bytes(Encoding.PEM) for each in chain).decode()
    return json.dumps({"certificates": certificates, **key})


def _certificate(
    name: str, public: EllipticCurvePublicKey, authority: EllipticCurvePrivateKey, *, is_authority: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("Development authority"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(identifier, critical=False)
    )
    if not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(authority, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)]
    )
