"""XML signatures made by hand, with lxml and cryptography alone, valid or as wrong as a test wants.

Nothing of the gateway is used here: a mistake shared by signer and verifier would stay unseen. A
`Plan` says what the signature states, `sign` writes it into the slot of a document's text, so that
every octet (white space, character references, prefixes) stays as the test wrote it.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"
ENVELOPED = DS + "enveloped-signature"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SLOT = "@@SIGNATURE@@"

DIGESTS: dict[str, str] = {
    DS + "sha1": "sha1",
    MORE + "md5": "md5",
    MORE + "sha224": "sha224",
    SHA256: "sha256",
    MORE + "sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
"""Digest algorithm URI to hashlib name."""

C14N_FORMS: dict[str, tuple[bool, bool]] = {
    C14N: (False, False),
    C14N + "#WithComments": (False, True),
    C14N_11: (False, False),
    C14N_11 + "#WithComments": (False, True),
    EXC_C14N: (True, False),
    EXC_C14N + "WithComments": (True, True),
}
"""Canonicalisation URI to (exclusive, with comments); 1.1 and 1.0 agree on whole documents."""

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True)
class Transform:
    """One ds:Transform; ``inner`` is its XML content."""

    algorithm: str
    inner: str = ""


@dataclass(frozen=True)
class Reference:
    """One ds:Reference.

    ``octets`` replaces what a verifier would compute (for transforms that only an attacker's
    verifier knows), ``value`` replaces the whole digest value, ``extra`` is appended inside.
    """

    uri: str | None = ""
    transforms: tuple[str | Transform, ...] = (ENVELOPED, EXC_C14N)
    digest: str = SHA256
    type: str | None = None
    id: str | None = None
    octets: bytes | Callable[[Any], bytes] | None = None
    value: str | None = None
    extra: str = ""


def wrap76(text: str, end: str = "\n") -> str:
    """Base64 in lines of 76 characters."""
    return end.join(text[start : start + 76] for start in range(0, len(text), 76))


def wrap_like_jdk(text: str) -> str:
    """Base64 as the JDK's signer writes it: lines that end in a carriage return reference."""
    return wrap76(text, "&#13;\n")


@dataclass(frozen=True)
class Plan:
    """What a signature states; every part can be replaced by something wrong."""

    key: Any
    certificates: tuple[x509.Certificate, ...] = ()
    references: tuple[Reference, ...] = (Reference(),)
    method: str = ""
    c14n: str = EXC_C14N
    key_info: str | None = None
    objects: str = ""
    id: str | None = "sig"
    prefix: str = "ds"
    breaks: Callable[[str], str] = str
    value: Callable[[bytes], bytes] | None = None
    signed_info_extra: str = ""
    method_inner: str = ""
    before_value: str = ""
    tail: str = ""
    attributes: str = ""
    space: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    def but(self, **changes: Any) -> Plan:
        """The same plan with some parts replaced."""
        return replace(self, **changes)


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def broken_certificates(certificate: x509.Certificate) -> dict[str, bytes]:
    """Certificates that readers take at first and stumble over when they look inside."""
    good = der(certificate)
    issuer, subject = (name.public_bytes() for name in (certificate.issuer, certificate.subject))
    texts = {
        "version": (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x12"),
        "subject": (subject, subject.replace(b"\x0c", b"\x03", 1)),
        "subject-octets": (subject, subject[:-1] + b"\xff"),
        "issuer": (issuer, issuer.replace(b"\x0c", b"\x03", 1)),
        "address": (b"http://", b"\xff\xfe\xfd://"),
        "extension": (b"\x06\x03\x55\x1d\x1f", b"\x06\x03\x55\x1d\x0f"),
        "key-identifier": (b"\x06\x03\x55\x1d\x23", b"\x06\x03\x55\x1d\x13"),
        "key": (b"\x03\x42\x00\x04", b"\x03\x42\x00\x05"),
        "curve": (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x63"),
    }
    return {name: good.replace(old, new, 1) for name, (old, new) in texts.items()}


def default_method(key: Any) -> str:
    """The signature algorithm that suits a private key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return MORE + "rsa-sha256"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return MORE + ("ecdsa-sha384" if key.curve.name == "secp384r1" else "ecdsa-sha256")
    return MORE + "hmac-sha256"


def sign_octets(method: str, key: Any, octets: bytes) -> bytes:
    """The signature value for ``octets`` by any algorithm that an attack or a good letter names."""
    name = method.partition("#")[2]
    digest = _HASHES[re.search(r"md5|sha\d+", name)[0]]  # type: ignore[index]
    if name.startswith("hmac"):
        return hmac.new(key, octets, digest.name).digest()
    if name.endswith("MGF1"):
        pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
        return bytes(key.sign(octets, pss, digest))
    if name.startswith("rsa"):
        return bytes(key.sign(octets, padding.PKCS1v15(), digest))
    return raw_ecdsa(key, key.sign(octets, ec.ECDSA(digest)))


def raw_ecdsa(key: Any, signature: bytes) -> bytes:
    """A DER signature as r and s of the curve's length (RFC 4050 3.3)."""
    r, s = utils.decode_dss_signature(signature)
    length = (key.curve.key_size + 7) // 8
    return r.to_bytes(length, "big") + s.to_bytes(length, "big")


def canonical(node: Any, algorithm: str) -> bytes:
    """Canonical XML of an element or a whole tree."""
    exclusive, comments = C14N_FORMS[algorithm]
    if not hasattr(node, "getroot"):
        # lxml canonicalises an inner element of a default namespace wrongly (xmlns="" below it).
        node = parse(etree.tostring(node, with_tail=False, encoding="utf-8"))
    return bytes(etree.tostring(node, method="c14n", exclusive=exclusive, with_comments=comments))


def parse(text: str | bytes) -> Any:
    """The tree of a document, with everything that stands in it."""
    octets = text.encode() if isinstance(text, str) else text
    parser = etree.XMLParser(resolve_entities=True, no_network=True, huge_tree=True, strip_cdata=False)
    return etree.fromstring(octets, parser).getroottree()


def sign(document: str, plan: Plan) -> bytes:
    """``document`` with the planned signature in its slot."""
    text = document.replace(SLOT, _signature(plan))
    for index, reference in enumerate(plan.references):
        text = text.replace(f"@@D{index}@@", plan.breaks(_digest(text, reference)))
    info = _own_signature(parse(text)).find(f"{{{DS}}}SignedInfo")
    octets = canonical(info, plan.c14n if plan.c14n in C14N_FORMS else C14N)
    make = plan.value or (lambda data: sign_octets(plan.method or default_method(plan.key), plan.key, data))
    return text.replace("@@V@@", plan.breaks(b64(make(octets)))).encode()


def _digest(text: str, reference: Reference) -> str:
    if reference.value is not None:
        return reference.value
    tree = parse(text)
    octets = reference.octets(tree) if callable(reference.octets) else reference.octets
    data = covered(tree, reference) if octets is None else octets
    return b64(hashlib.new(DIGESTS[reference.digest], data).digest())


def covered(tree: Any, reference: Reference) -> bytes:
    """The octets that a reference digests (XMLDSig 4.4.3), for the transforms that we let pass."""
    names = [t if isinstance(t, str) else t.algorithm for t in reference.transforms]
    tree = copy.deepcopy(tree)
    node = tree if not reference.uri else by_id(tree, reference.uri.lstrip("#"))
    if ENVELOPED in names:
        cut_out(_own_signature(tree))
    forms = [name for name in names if name in C14N_FORMS]
    return canonical(node, forms[-1] if forms else C14N)


def with_prefix_list(*prefixes: str) -> Callable[[Any], bytes]:
    """What a whole-root reference with exclusive C14N and a PrefixList digests."""

    def octets(tree: Any) -> bytes:
        tree = copy.deepcopy(tree)
        cut_out(_own_signature(tree))
        form = {"method": "c14n", "exclusive": True, "with_comments": False}
        return bytes(etree.tostring(tree, inclusive_ns_prefixes=list(prefixes), **form))

    return octets


def _own_signature(tree: Any) -> Any:
    """The signature being made, or the only one."""
    found = list(tree.iter(f"{{{DS}}}Signature"))
    return next((one for one in found if one.findtext(f"{{{DS}}}SignatureValue") == "@@V@@"), found[0])


def by_id(tree: Any, identifier: str) -> Any:
    """The first element with that identifier in any usual spelling of the attribute."""
    for element in tree.iter(etree.Element):
        for name, value in element.attrib.items():
            if etree.QName(name).localname.lower() == "id" and value == identifier:
                return element
    raise KeyError(identifier)


def cut_out(element: Any) -> None:
    """Take an element out of its tree and leave the text after it where it is."""
    parent, before = element.getparent(), element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    elif element.tail:
        parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _signature(plan: Plan) -> str:
    p = plan.prefix + ":" if plan.prefix else ""
    xmlns = f'xmlns:{plan.prefix}="{DS}"' if plan.prefix else f'xmlns="{DS}"'
    ident = f' Id="{plan.id}"' if plan.id else ""
    method = plan.method or default_method(plan.key)
    n = plan.space
    references = "".join(n + _reference(index, r, p) for index, r in enumerate(plan.references))
    info = (
        f"<{p}SignedInfo>{n}"
        f'<{p}CanonicalizationMethod Algorithm="{plan.c14n}"></{p}CanonicalizationMethod>{n}'
        f'<{p}SignatureMethod Algorithm="{method}">{plan.method_inner}</{p}SignatureMethod>'
        f"{references}{plan.signed_info_extra}{n}</{p}SignedInfo>"
    )
    key_info = key_info_of(plan) if plan.key_info is None else plan.key_info
    return (
        f"<{p}Signature {xmlns}{ident}{plan.attributes}>{n}{info}{plan.before_value}{n}"
        f"<{p}SignatureValue>@@V@@</{p}SignatureValue>"
        f"{n}{key_info}{plan.objects}{plan.tail}{n}</{p}Signature>"
    )


def _reference(index: int, reference: Reference, p: str) -> str:
    uri = "" if reference.uri is None else f' URI="{reference.uri}"'
    kind = f' Type="{reference.type}"' if reference.type else ""
    ident = f' Id="{reference.id}"' if reference.id else ""
    transforms = "".join(_transform(transform, p) for transform in reference.transforms)
    if transforms:
        transforms = f"<{p}Transforms>{transforms}</{p}Transforms>"
    return (
        f"<{p}Reference{ident}{uri}{kind}>{transforms}"
        f'<{p}DigestMethod Algorithm="{reference.digest}"></{p}DigestMethod>'
        f"<{p}DigestValue>@@D{index}@@</{p}DigestValue>{reference.extra}</{p}Reference>"
    )


def _transform(transform: str | Transform, p: str) -> str:
    step = Transform(transform) if isinstance(transform, str) else transform
    return f'<{p}Transform Algorithm="{step.algorithm}">{step.inner}</{p}Transform>'


def key_info_of(plan: Plan, ident: str = "") -> str:
    """A KeyInfo that carries the plan's certificates."""
    p = plan.prefix + ":" if plan.prefix else ""
    carried = "".join(
        f"<{p}X509Certificate>{plan.breaks(b64(der(certificate)))}</{p}X509Certificate>"
        for certificate in plan.certificates
    )
    attribute = f' Id="{ident}"' if ident else ""
    return f"<{p}KeyInfo{attribute}><{p}X509Data>{carried}</{p}X509Data></{p}KeyInfo>"


def cert_v2(certificate: x509.Certificate, digest: str = SHA256) -> str:
    """One xades:Cert that names a certificate."""
    value = b64(hashlib.new(DIGESTS[digest], der(certificate)).digest())
    return (
        f'<xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="{digest}"></ds:DigestMethod>'
        f"<ds:DigestValue>{value}</ds:DigestValue></xades:CertDigest></xades:Cert>"
    )


def signed_properties(time: str, certs: str, ident: str = "props", extra: str = "") -> str:
    """The xades:SignedProperties of a basic signature; ``time`` and ``certs`` are XML content."""
    return (
        f'<xades:SignedProperties Id="{ident}"><xades:SignedSignatureProperties>'
        f"{time}{certs}{extra}</xades:SignedSignatureProperties></xades:SignedProperties>"
    )


def qualifying(properties: str, target: str = ' Target="#sig"', unsigned: str = "") -> str:
    """A xades:QualifyingProperties around signed properties."""
    return (
        f'<xades:QualifyingProperties xmlns:xades="{XADES}" xmlns:ds="{DS}"{target}>'
        f"{properties}{unsigned}</xades:QualifyingProperties>"
    )


def signing_time(text: str) -> str:
    return f"<xades:SigningTime>{text}</xades:SigningTime>"


def signing_certificate(certs: str) -> str:
    return f"<xades:SigningCertificateV2>{certs}</xades:SigningCertificateV2>"


ROOT = Reference()
PROPERTIES = Reference("#props", (EXC_C14N,), type=PROPERTIES_TYPE)


def xades_plan(key: Any, certificate: x509.Certificate, time: str) -> Plan:
    """A XAdES B-B signature over the whole root, as good as it gets."""
    certs = signing_certificate(cert_v2(certificate))
    block = qualifying(signed_properties(signing_time(time), certs))
    return Plan(key, (certificate,), (ROOT, PROPERTIES), objects=f"<ds:Object>{block}</ds:Object>")


def plain_plan(key: Any, certificate: x509.Certificate) -> Plan:
    """A plain XMLDSig signature over the whole root."""
    return Plan(key, (certificate,), (ROOT,), id=None)
