"""What a SOAP message carries to prove who speaks (WS-Security 1.1.1): a username, or a signature.

Kind ``wsse``: a UsernameToken with ``username`` and the secret, which goes as it is (``password = "text"``)
or as digest over a nonce and the time (``"digest"``); with ``timestamp = true`` a Timestamp beside it.

Kind ``x509``: a BinarySecurityToken with the certificate, a Timestamp of five minutes, and one signature over
Timestamp, Body and the WS-Addressing headers: exclusive canonicalisation, SHA-256, RSA or ECDSA. Contents are
signed as the base64 that the message means, by MTOM too (XOP 1.0, 3.1): a receiver puts parts back before it
verifies.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import zeep.wsse.username
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from zeep.wsse import utils

from adapters.auth import Auth
from adapters.framing import Coded, Marks
from adapters.identity import Identity, PrivateKey, read_identity
from adapters.view import Content

USERNAME: Any = zeep.wsse.username  # only half of it is annotated
UTILS: Any = utils
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_WSSE, _WSU = f"{_OASIS}-wssecurity-secext-1.0.xsd", f"{_OASIS}-wssecurity-utility-1.0.xsd"
_X509V3 = f"{_OASIS}-x509-token-profile-1.0#X509v3"
_BASE64 = f"{_OASIS}-soap-message-security-1.0#Base64Binary"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_LIFETIME = timedelta(minutes=5)


class Speaker:
    """What zeep lets put a header into a message; this one puts nothing there."""

    def apply(self, message: etree._Element, headers: Any) -> tuple[etree._Element, Any]:
        """The message with its header."""
        return message, headers


def speaker(auth: Auth, resolve: Callable[[str], str], now: datetime, marks: Marks) -> Any:
    """Who proves in the message who speaks, as a route's ``auth`` says.

    Args:
        marks: the contents that the message will hold.

    Raises:
        Temporary: key or certificate cannot be used.
        Misconfigured: the secret is missing.
    """
    if auth.kind == "wsse":
        return _username(auth, resolve(auth.secret), now)
    if auth.kind == "x509":
        return Signer(read_identity(resolve(auth.secret), now), now, marks)
    return Speaker()


def shown_speaker(auth: Auth, mask: str, now: datetime) -> Any:
    """The same for people: ``mask`` stands for what is secret, or made of a secret."""
    if auth.kind == "wsse":
        return _username(auth, mask, now)
    return Masked(mask) if auth.kind == "x509" else Speaker()


def _username(auth: Auth, password: str, now: datetime) -> Any:
    return USERNAME.UsernameToken(
        auth.username,
        password,
        use_digest=auth.digested,
        created=now.astimezone(UTC),
        zulu_timestamp=True,
        timestamp_token=_timestamp(now) if auth.timestamp else None,
    )


@dataclass(frozen=True)
class Masked(Speaker):
    """A signature that a preview does not make."""

    mask: str

    def apply(self, message: etree._Element, headers: Any) -> tuple[etree._Element, Any]:
        """The message with the place of a signature."""
        _element(UTILS.get_security_header(message), _DS, "Signature").text = self.mask
        return message, headers


@dataclass(frozen=True)
class Signer(Speaker):
    """Signs messages with one key."""

    identity: Identity
    now: datetime
    marks: Marks

    def apply(self, message: etree._Element, headers: Any) -> tuple[etree._Element, Any]:
        """The message with its signature.

        Raises:
            Temporary: a content in it is not as declared.
        """
        security = UTILS.get_security_header(message)
        token = self._token(security)
        stamp = _timestamp(self.now)
        security.append(stamp)
        signature = _element(security, _DS, "Signature", nsmap={"ds": _DS})
        info = self._signed_info(signature, [stamp, *_addressing(security), _body(message)])
        value = self._value(_canonical(info))
        _element(signature, _DS, "SignatureValue").text = base64.b64encode(value).decode("ascii")
        key_info = _element(signature, _DS, "KeyInfo")
        reference = _element(_element(key_info, _WSSE, "SecurityTokenReference"), _WSSE, "Reference")
        reference.set("URI", f"#{UTILS.ensure_id(token)}")
        reference.set("ValueType", _X509V3)
        return message, headers

    def _token(self, security: etree._Element) -> etree._Element:
        token = _element(security, _WSSE, "BinarySecurityToken", nsmap={"wsse": _WSSE, "wsu": _WSU})
        token.set("EncodingType", _BASE64)
        token.set("ValueType", _X509V3)
        der = self.identity.certificate.public_bytes(Encoding.DER)
        token.text = base64.b64encode(der).decode("ascii")
        UTILS.ensure_id(token)
        return token

    def _signed_info(self, signature: etree._Element, covered: list[etree._Element]) -> etree._Element:
        info = _element(signature, _DS, "SignedInfo")
        _element(info, _DS, "CanonicalizationMethod").set("Algorithm", _EXC)
        kind = "rsa" if isinstance(self.identity.key, rsa.RSAPrivateKey) else "ecdsa"
        method = f"http://www.w3.org/2001/04/xmldsig-more#{kind}-sha256"
        _element(info, _DS, "SignatureMethod").set("Algorithm", method)
        for target in covered:
            reference = _element(info, _DS, "Reference")
            reference.set("URI", f"#{UTILS.ensure_id(target)}")
            _element(_element(reference, _DS, "Transforms"), _DS, "Transform").set("Algorithm", _EXC)
            _element(reference, _DS, "DigestMethod").set("Algorithm", _SHA256)
            digest = base64.b64encode(self._digest(target)).decode("ascii")
            _element(reference, _DS, "DigestValue").text = digest
        return info

    def _digest(self, target: etree._Element) -> bytes:
        """Over the element as it will be sent: each mark counts as the content that it stands for."""
        digest = hashlib.sha256()
        for piece in self.marks.pieces(_canonical(target)):
            for chunk in Coded(piece).chunks() if isinstance(piece, Content) else (piece,):
                digest.update(chunk)
        return digest.digest()

    def _value(self, octets: bytes) -> bytes:
        key: PrivateKey = self.identity.key
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
        # XML Signature 1.1, 6.4.3: both numbers one after the other, each as long as the order
        r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
        size = (key.curve.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _timestamp(now: datetime) -> etree._Element:
    stamp = etree.Element(f"{{{_WSU}}}Timestamp", nsmap={"wsu": _WSU})
    for name, moment in (("Created", now), ("Expires", now + _LIFETIME)):
        _element(stamp, _WSU, name).text = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return stamp


def _addressing(security: etree._Element) -> list[etree._Element]:
    header = security.getparent()
    return [] if header is None else header.findall(f"{{{_ADDRESSING}}}*")


def _body(message: etree._Element) -> etree._Element:
    body = message.find(f"{{{etree.QName(message).namespace}}}Body")
    if body is None:
        raise ValueError("a message without a body")
    return body


def _canonical(element: etree._Element) -> bytes:
    """The exclusive canonical form (RFC 3741) of an element, which gets a document of its own.

    Of an inner element under a default namespace lxml writes a wrong form.
    """
    alone = etree.fromstring(etree.tostring(element, with_tail=False))
    return etree.tostring(alone, method="c14n", exclusive=True, with_comments=False)


def _element(
    parent: etree._Element, space: str, name: str, nsmap: dict[str | None, str] | dict[str, str] | None = None
) -> etree._Element:
    return etree.SubElement(parent, f"{{{space}}}{name}", nsmap=nsmap)  # type: ignore[arg-type]
