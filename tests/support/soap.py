"""SOAP messages by hand, so that each can be wrong in one place; signed without the code under test."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.wire.soap_schema import check_call
from tests.support.hub import HubUnderTest

NS = "urn:wasl:soap:1.0"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
WSSE, WSU = f"{OASIS}-wssecurity-secext-1.0.xsd", f"{OASIS}-wssecurity-utility-1.0.xsd"
X509V3 = f"{OASIS}-x509-token-profile-1.0#X509v3"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
MEDIA = {SOAP11: "text/xml; charset=utf-8", SOAP12: "application/soap+xml; charset=utf-8"}
PATH = "/soap/v1"


def call(operation: str, **values: Any) -> str:
    """The element in a body; a list of pairs is the content of repeated elements."""
    inner = "".join(_element(name, value) for name, value in values.items() if value is not None)
    return f'<w:{operation} xmlns:w="{NS}">{inner}</w:{operation}>'


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"<w:{name}>{one}</w:{name}>" for one in value)
    if isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    return f"<w:{name}>{value}</w:{name}>"


def attachment(content_id: str, content: bytes | str) -> str:
    """The content of an ``attachment``: octets, or the ``xop:Include`` of a part."""
    return _element("contentId", content_id) + _element("content", content)


def include(part: str) -> str:
    return f'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{part}"/>'


def message(body: str, header: str = "", version: str = SOAP11) -> bytes:
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{version}">{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


@dataclass(frozen=True)
class Signing:
    """How a message is signed; every field can be made wrong.

    Attributes:
        covered: the Ids that have a reference, in order.
        transform: of every reference.
        prefixes: whose declarations are signed even where they are not used (WSS4J and .NET do so).
    """

    key: Any
    certificate: Any
    at: datetime
    lifetime: timedelta | None = timedelta(minutes=5)
    covered: Sequence[str] = ("body", "stamp")
    method: str = ""
    digest: str = SHA256
    c14n: str = EXC
    transform: str = EXC
    stamps: int = 1
    prefixes: str = ""
    key_info: str = (
        f'<wsse:SecurityTokenReference><wsse:Reference URI="#token" ValueType="{X509V3}"/>'
        "</wsse:SecurityTokenReference>"
    )
    must: bool = True

    def but(self, **changes: Any) -> Signing:
        return replace(self, **changes)


def signing(hub: HubUnderTest, holder: str, **changes: Any) -> Signing:
    """What a good client does with the key of ``holder``."""
    who = hub.pki[holder]
    return Signing(who.key, who.certificate, hub.clock()).but(**changes)


def signed(body: str, how: Signing, version: str = SOAP11, header: str = "") -> bytes:
    """A message with a WS-Security header over Body and Timestamp."""
    root = etree.fromstring(message(body, _security(how, version) + header, version))
    root[-1].set(f"{{{WSU}}}Id", "body")
    sign_again(root, how)
    return etree.tostring(root)


def sign_again(root: Any, how: Signing) -> None:
    """Digests and signature value of a message as it is now, over the elements that ``how`` names."""
    info = root.find(f".//{{{DS}}}SignedInfo")
    for old in info.findall(f"{{{DS}}}Reference"):
        info.remove(old)
    for name in how.covered:
        info.append(_reference(root, name, how))
    value = _signature(how, _c14n(info, how.prefixes))
    root.find(f".//{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()


def _security(how: Signing, version: str) -> str:
    der = base64.b64encode(how.certificate.public_bytes(Encoding.DER)).decode()
    created = f"<wsu:Created>{how.at.isoformat()}</wsu:Created>"
    expires = (
        "" if how.lifetime is None else f"<wsu:Expires>{(how.at + how.lifetime).isoformat()}</wsu:Expires>"
    )
    must = f' xmlns:m="{version}" m:mustUnderstand="1"' if how.must else ""
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"{must}>'
        f'<wsse:BinarySecurityToken wsu:Id="token" ValueType="{X509V3}" EncodingType="'
        f'{OASIS}-soap-message-security-1.0#Base64Binary">{der}</wsse:BinarySecurityToken>'
        + f'<wsu:Timestamp wsu:Id="stamp">{created}{expires}</wsu:Timestamp>'
        * how.stamps
        + f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{how.c14n}">{_inclusive(how)}</ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{how.method or _method(how.key)}"/></ds:SignedInfo>'
        f"<ds:SignatureValue/><ds:KeyInfo>{how.key_info}</ds:KeyInfo></ds:Signature></wsse:Security>"
    )


def _method(key: Any) -> str:
    kind = "ecdsa" if isinstance(key, ec.EllipticCurvePrivateKey) else "rsa"
    return f"http://www.w3.org/2001/04/xmldsig-more#{kind}-sha256"


def _reference(root: Any, name: str, how: Signing) -> Any:
    [target, *_] = root.xpath(f"//*[@*[local-name()='Id']='{name}']")
    algorithm = hashlib.sha1 if how.digest.endswith("sha1") else hashlib.sha256
    digest = base64.b64encode(algorithm(_c14n(target, how.prefixes)).digest()).decode()
    return etree.fromstring(
        f'<ds:Reference xmlns:ds="{DS}" URI="#{name}"><ds:Transforms>'
        f'<ds:Transform Algorithm="{how.transform}">{_inclusive(how)}</ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{how.digest}"/>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )


def _inclusive(how: Signing) -> str:
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{how.prefixes}"/>' if how.prefixes else ""


def _c14n(element: Any, prefixes: str = "") -> bytes:
    alone = etree.fromstring(etree.tostring(element, with_tail=False))
    return etree.tostring(
        alone, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes.split()
    )


def _signature(how: Signing, octets: bytes) -> bytes:
    if isinstance(how.key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(how.key.sign(octets, ec.ECDSA(hashes.SHA256())))
        half = how.key.curve.key_size // 8
        return r.to_bytes(half) + s.to_bytes(half)
    return bytes(how.key.sign(octets, padding.PKCS1v15(), hashes.SHA256()))


def post(hub: HubUnderTest, octets: bytes, version: str = SOAP11, **headers: str) -> Any:
    content_type = headers.pop("content_type", MEDIA[version])
    return hub.client.post(PATH, data=octets, content_type=content_type, headers=headers)


def mtom(
    root: bytes, parts: Mapping[str, bytes], version: str = SOAP11, boundary: str = "b0undary"
) -> tuple[bytes, str]:
    """Body and Content-Type of an XOP package."""
    inner = MEDIA[version].split(";")[0]
    head = f'application/xop+xml; charset=utf-8; type="{inner}"'
    pieces = [_part(head, "root", root), *(_part("image/png", name, one) for name, one in parts.items())]
    body = b"".join(f"--{boundary}\r\n".encode() + one + b"\r\n" for one in pieces)
    content_type = (
        f'multipart/related; boundary="{boundary}"; type="application/xop+xml"; start="<root>"; '
        f'start-info="{inner}"'
    )
    return body + f"--{boundary}--\r\n".encode(), content_type


def _part(media_type: str, name: str, content: bytes) -> bytes:
    head = f"Content-Type: {media_type}\r\nContent-ID: <{name}>\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return head.encode() + content


@dataclass(frozen=True)
class Said:
    """The element in an answer's body, valid by the schema, with its texts by name."""

    element: Any

    def __getitem__(self, name: str) -> str:
        return str(self.element.findtext(f".//{{{NS}}}{name}"))

    def all(self, name: str) -> list[Any]:
        return list(self.element.iter(f"{{{NS}}}{name}"))

    def octets(self, name: str) -> bytes:
        return base64.b64decode(self[name])


def said(answer: Any, version: str = SOAP11) -> Said:
    """What was answered; the schema that foreign stacks read must allow it."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type == MEDIA[version]
    element = etree.fromstring(answer.data).find(f"{{{version}}}Body")[0]
    check_call(element)
    return Said(element)


def fault(answer: Any, version: str = SOAP11) -> tuple[str, str]:
    """The fault's code and our own code in its detail, which is valid by the schema."""
    assert answer.content_type == MEDIA[version], answer.text
    found = etree.fromstring(answer.data).find(f"{{{version}}}Body/{{{version}}}Fault")
    assert found is not None, answer.text
    problem = found.find(f".//{{{NS}}}Problem")
    check_call(problem)
    told = found.findtext("faultcode") or found.findtext(f"{{{SOAP12}}}Code/{{{SOAP12}}}Value")
    return told.partition(":")[2], problem.findtext(f"{{{NS}}}code")
