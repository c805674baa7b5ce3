"""Puts a signature of our own under XML."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import SignatureReference
from signxml.util import SigningSettings
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner

from gateway.domain.errors import Misconfigured, Refused, Unavailable
from gateway.trust.algorithms import check_key
from gateway.trust.certificates import base64_lines
from gateway.trust.xmlnames import child, ds, xades

SEAL_UNAVAILABLE = "WASL-HUB-002"

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
_FORMAT = XAdESDataObjectFormat(Description="Signed document", MimeType="application/xml")
_CURVE_METHODS = {
    "secp256r1": SignatureMethod.ECDSA_SHA256,
    "secp384r1": SignatureMethod.ECDSA_SHA384,
}
_FAILURES = (
    SignXMLException,
    UnsupportedAlgorithm,
    InternalError,
    etree.LxmlError,
    ValueError,
    TypeError,
    OSError,
)


class Sealer(Protocol):
    """Whoever can sign: a key, its certificate and the authorities' certificates to send along.

    The key may live elsewhere (a security module), as long as it signs as those of `cryptography` do.
    """

    @property
    def key(self) -> PrivateKey: ...

    @property
    def certificate(self) -> x509.Certificate: ...

    @property
    def chain(self) -> tuple[x509.Certificate, ...]: ...


@dataclass(frozen=True)
class KeySealer:
    """A key held in memory, loaded once."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def from_files(cls, key_path: Path, cert_path: Path, passphrase: bytes | None = None) -> KeySealer:
        """The sealer of two PEM files, the certificate's own first in its file.

        Raises:
            Misconfigured: a file is missing or unreadable, the key is of a kind that nobody would
                accept, or key and certificate do not belong together.
        """
        key = _read_key(key_path, passphrase)
        certificates = _read_certificates(cert_path)
        try:
            public = check_key(certificates[0], edwards=True)
        except Refused as error:
            raise Misconfigured([f"{cert_path}: {error.faults[0].found or 'unreadable key'}"]) from error
        if public != key.public_key():
            raise Misconfigured([f"{cert_path}: not the certificate of {key_path}"])
        return cls(key, certificates[0], certificates[1:])


def sign_xml(element: etree._Element, sealer: Sealer, signing_time: datetime) -> bytes:
    """``element`` as a document with a XAdES B-B signature (EN 319 132-1) as its last child.

    Exclusive canonical forms throughout, so that it verifies inside a SOAP message too.

    Args:
        element: the root; it is not changed.
        signing_time: aware; stated to the second.

    Raises:
        Unavailable: ``WASL-HUB-002``, the key cannot be used now.
    """
    try:
        key: Any = sealer.key
        signer = _Signer(_method(key), signing_time)
        signed = signer.sign(
            element,
            key=key,
            cert=[sealer.certificate, *sealer.chain],
            always_add_key_value=False,
        )
    except _FAILURES as error:
        raise Unavailable("seal", SEAL_UNAVAILABLE) from error
    return etree.tostring(signed, encoding="UTF-8", xml_declaration=True)


class _Signer(XAdESSigner):
    """The library's signer with the time as an argument and every reference's canonical form stated.

    It overrides internals of the pinned release: without an explicit transform the references to
    properties and key information are hashed exclusively and read inclusively by every verifier.
    """

    def __init__(self, method: SignatureMethod, signing_time: datetime) -> None:
        super().__init__(
            signature_algorithm=method,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=_EXCLUSIVE,
            data_object_format=_FORMAT,
        )
        self._signing_time = signing_time

    def _unpack(self, data: etree._Element, references: list[SignatureReference] | None) -> Any:
        document = copy.deepcopy(data)
        signature = etree.SubElement(document, ds("Signature"), nsmap=self.namespaces)
        return signature, document, [data], [SignatureReference(URI="")]

    def _add_key_info(self, sig_root: etree._Element, signing_settings: SigningSettings) -> None:
        key_info = etree.SubElement(sig_root, ds("KeyInfo"))
        data = etree.SubElement(key_info, ds("X509Data"))
        for certificate in signing_settings.cert_chain or ():
            etree.SubElement(data, ds("X509Certificate")).text = base64_lines(certificate)

    def _add_reference_to_signed_info(
        self, sig_root: etree._Element, node_to_reference: etree._Element, **attrs: str
    ) -> None:
        library: Any = super()
        library._add_reference_to_signed_info(sig_root, node_to_reference, **attrs)
        reference = child(sig_root, ds("SignedInfo"))[-1]
        transforms = etree.Element(ds("Transforms"))
        etree.SubElement(transforms, ds("Transform"), Algorithm=_EXCLUSIVE.value)
        reference.insert(0, transforms)

    def add_signing_time(
        self, signed_signature_properties: etree._Element, sig_root: Any, signing_settings: SigningSettings
    ) -> None:
        stated = etree.SubElement(signed_signature_properties, xades("SigningTime"))
        stated.text = self._signing_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _method(key: PrivateKey) -> SignatureMethod:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVE_METHODS:
        return _CURVE_METHODS[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return SignatureMethod.RSA_SHA256
    raise TypeError(f"{type(key).__name__} does not sign XML")


def _read_key(path: Path, passphrase: bytes | None) -> PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured([f"{path}: no readable private key"]) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise Misconfigured([f"{path}: keys of this kind do not sign"])
    return key


def _read_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise Misconfigured([f"{path}: no readable certificate"]) from error
