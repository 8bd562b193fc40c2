"""Certificates that C2PA manifests are signed with: the user's own, or a self-made root and leaf."""

import contextlib
import datetime
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from portrait_alive.errors import MissingDependencyError, OutputError
from portrait_alive.host import settings_folder

SELF_MADE = "portrait-alive (self-made certificate)"
VALID_DAYS = 3650
ADVICE = "install it with `pip install portrait-alive[c2pa]`"


@dataclass(frozen=True)
class Credentials:
    """What signatures are made with."""

    certificate: Path
    """PEM chain, leaf first, root last."""
    key: Path
    """PEM PKCS#8 private key of the leaf, not encrypted."""
    timestamp_url: str | None = None
    """RFC 3161 time stamp authority; asked over the network when given."""


def default_folder() -> Path:
    """Where the self-made root and leaf of this user live."""
    return settings_folder() / "portrait-alive" / "c2pa"


def self_made_credentials(folder: Path) -> Credentials:
    """The self-made credentials in `folder`, made there at first, and again when they have expired.

    `root.pem` there is what others need to verify who signed. The root's key is used once and kept nowhere.

    Raises:
        MissingDependencyError: cryptography is not installed.
        OutputError: the folder cannot be written.
    """
    made = Credentials(folder / "chain.pem", folder / "leaf.key")
    try:
        if _still_valid(made.certificate) and made.key.is_file():
            return made
        folder.mkdir(parents=True, exist_ok=True)
        chain, key, root = _make_chain()
        for name, data in (("root.pem", root), ("leaf.key", key), ("chain.pem", chain)):
            _write_private(folder / name, data)
    except OSError as error:
        raise OutputError(f"{folder}: the certificate for C2PA cannot be kept there ({error})") from error
    return made


def _still_valid(certificate: Path) -> bool:
    require_cryptography()
    from cryptography import x509

    if not certificate.is_file():
        return False
    with contextlib.suppress(ValueError):
        leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        return leaf.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    return False


def _make_chain() -> tuple[bytes, bytes, bytes]:
    """PEM of (leaf and root, leaf's key, root), with the extensions that C2PA's certificate profile demands."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)

    def name(role: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, SELF_MADE)
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, f"self-made {role}")])

    def begun(role: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(role))
            .issuer_name(name("root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=role == "root", path_length=0 if role == "root" else None), True)
            .add_extension(_usage(role), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )

    def _usage(role: str) -> x509.KeyUsage:
        root = role == "root"
        return x509.KeyUsage(not root, False, False, False, False, root, root, False, False)

    root = begun("root", root_key).sign(root_key, hashes.SHA256())
    leaf = (
        begun("leaf", leaf_key)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return leaf.public_bytes(pem) + root.public_bytes(pem), key, root.public_bytes(pem)


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, in one step, since two processes may do it at once."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


def require_cryptography() -> None:
    """Return when cryptography can be imported; MissingDependencyError otherwise."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(f"cryptography, which makes certificates, is missing: {ADVICE}") from error
