"""Signed C2PA manifests: who made a file, how, and that nobody changed it since.

Needs the extra `c2pa` (c2pa-python, which brings cryptography). The signature is made with the user's own certificate
chain or with a self-made one: a root that exists only on this machine and a leaf signed by it. A self-made signature
proves that the file is unchanged since it was made, and by whom only to those who were handed the root; validators
show it as "untrusted". A certificate from an authority on the C2PA trust list shows the holder's name to everyone.
Nothing here reaches for the network, unless a time stamp authority is named.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portrait_alive.errors import MissingDependencyError, OutputError, UnreadableInputError
from portrait_alive.media.certificates import ADVICE, Credentials, require_cryptography
from portrait_alive.media.encoders import Kind
from portrait_alive.media.marks import Marks

MIME: dict[Kind, str] = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "gif": "image/gif",
    "webp": "image/webp",
    "apng": "image/png",
}
"""Kinds that can carry a manifest; WebM cannot, and a folder of PNGs is many files."""

INPUTS_LABEL = "org.portrait-alive.inputs"

_SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
    # films beyond a megabyte are signed through a file: c2pa-python would hold half a gigabyte of them in memory
    "core": {"backing_store_memory_threshold_in_mb": 1},
}


@dataclass(frozen=True)
class Signature:
    """The active manifest of a file, verified."""

    state: str
    """"Trusted" (unchanged, by someone on the given trust list), "Valid" (unchanged, by whoever), or "Invalid"."""
    signer: str
    issuer: str
    tool: str
    digital_source_type: str | None
    inputs: dict[str, Any]
    """What our manifests record of source and driver: their hashes, unless private."""
    problems: tuple[str, ...]
    """Codes of what validation found wrong; "signingCredential.untrusted" is usual."""


def is_available() -> bool:
    """Whether c2pa-python and cryptography can be imported."""
    try:
        _c2pa()
        require_cryptography()
    except MissingDependencyError:
        return False
    return True


def check_credentials(credentials: Credentials) -> None:
    """Return when `credentials` can sign, so that a long job does not fail at its end.

    Raises:
        UnreadableInputError: a file is missing or not what it should be, or key and certificate do not match.
        MissingDependencyError: c2pa-python is not installed.
    """
    _signer(credentials).close()


def sign(source: Path, target: Path, kind: Kind, marks: Marks, credentials: Credentials) -> None:
    """Write `target`: `source` with a signed manifest that records `marks`. Nothing may be changed after it.

    Raises:
        MissingDependencyError: c2pa-python is not installed.
        UnreadableInputError: the credentials are unusable.
        OutputError: signing failed.
    """
    c2pa = _c2pa()
    signer = _signer(credentials)
    try:
        builder = c2pa.Builder.from_json(_manifest(marks), context=c2pa.Context.from_dict(_SETTINGS))
        with source.open("rb") as file, target.open("w+b") as signed, ThreadPoolExecutor(1) as pool:
            # In another thread, for the native library calls back, and swallows a Ctrl-C that comes in a callback.
            pool.submit(builder.sign, signer, MIME[kind], file, signed).result()
    except (c2pa.C2paError, OSError) as error:
        raise OutputError(f"{source}: the C2PA manifest could not be signed ({error})") from error
    finally:
        signer.close()


def read_signature(path: Path, *, anchors: Path | None = None) -> Signature | None:
    """The active C2PA manifest of the file at `path`, verified; None when it carries none.

    Args:
        anchors: PEM file of root certificates to trust.

    Raises:
        MissingDependencyError: c2pa-python is not installed.
    """
    c2pa = _c2pa()
    settings: dict[str, Any] = dict(_SETTINGS)
    if anchors is not None:
        settings["trust"] = {"user_anchors": anchors.read_text()}
    try:
        reader = c2pa.Reader.try_create(path, context=c2pa.Context.from_dict(settings))
    except c2pa.C2paError as error:
        if "NotSupported" in str(error) or "ManifestNotFound" in str(error):
            return None
        return Signature("Invalid", "", "", "", None, {}, (str(error),))
    if reader is None:
        return None
    try:
        return _signature(json.loads(reader.json()), str(reader.get_validation_state()))
    finally:
        reader.close()


def _signature(store: dict[str, Any], state: str) -> Signature:
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    info = manifest.get("signature_info") or {}
    assertions = {entry["label"]: entry.get("data", {}) for entry in manifest.get("assertions", [])}
    actions: dict[str, Any] = next((data for label, data in assertions.items() if label.startswith("c2pa.actions")), {})
    kinds = [action.get("digitalSourceType") for action in actions.get("actions", [])]
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    failures = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    return Signature(
        state=state,
        signer=info.get("common_name") or "",
        issuer=info.get("issuer") or "",
        tool=f"{generator.get('name', 'unknown')} {generator.get('version', '')}".strip(),
        digital_source_type=next((kind for kind in kinds if kind), None),
        inputs=assertions.get(INPUTS_LABEL, {}),
        problems=tuple(failure.get("code", "unknown") for failure in failures),
    )


def _manifest(marks: Marks) -> dict[str, Any]:
    agent = {"name": marks.tool, "version": marks.version}
    created = {"action": "c2pa.created", "digitalSourceType": marks.digital_source_type, "softwareAgent": agent}
    inputs = {"source_sha256": list(marks.source_sha256), "driver_sha256": marks.driver_sha256}
    known = {key: value for key, value in inputs.items() if value}
    return {
        "claim_generator_info": [agent],
        "title": "Animated portrait",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            *([{"label": INPUTS_LABEL, "data": known}] if known else []),
        ],
    }


def _signer(credentials: Credentials) -> Any:
    c2pa = _c2pa()
    try:
        chain, key = credentials.certificate.read_bytes(), credentials.key.read_bytes()
        url = credentials.timestamp_url
        info = c2pa.C2paSignerInfo(_algorithm(chain, key), chain, key, url.encode() if url else None)
        return c2pa.Signer.from_info(info)
    except (OSError, ValueError, TypeError, c2pa.C2paError) as error:
        raise UnreadableInputError(
            f"{credentials.certificate} and {credentials.key} cannot sign ({error}); C2PA needs a PEM chain "
            "(leaf first) and the leaf's unencrypted PKCS#8 key, ECDSA, RSA-PSS or Ed25519"
        ) from error


def _algorithm(chain: bytes, key: bytes) -> bytes:
    """C2PA's name of the algorithm that a leaf and its private key call for; ValueError when they do not match."""
    require_cryptography()
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    loaded = load_pem_private_key(key, password=None)
    if x509.load_pem_x509_certificates(chain)[0].public_key() != loaded.public_key():
        raise ValueError("the key is not the first certificate's")
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        return {256: b"es256", 384: b"es384", 521: b"es512"}[loaded.curve.key_size]
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    if isinstance(loaded, rsa.RSAPrivateKey):
        return b"ps256"
    raise ValueError(f"keys of type {type(loaded).__name__} are not among C2PA's")


def _c2pa() -> Any:
    try:
        import c2pa
    except (ImportError, OSError) as error:  # OSError: its native library is missing or for another system
        raise MissingDependencyError(f"c2pa-python, which signs and verifies, cannot be used: {ADVICE}") from error
    return c2pa
