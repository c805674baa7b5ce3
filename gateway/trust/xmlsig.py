"""Verifies the signature of a gated document and hands on only the octets that it covers."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidSignature, SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult
from signxml.xades.xades import XAdESSignatureConfiguration

from gateway.domain.evidence.examination import Canonical, Examination, ReferenceFound
from gateway.domain.evidence.verdict import Level
from gateway.trust.algorithms import (
    DIGEST_METHODS,
    SIGNATURE_METHODS,
    WRONG_KEY,
    PublicKey,
    check_key,
    check_method,
)
from gateway.trust.signed import Signed
from gateway.trust.xmlgate import GatedXml
from gateway.trust.xmlnames import child, ds, refused
from gateway.trust.xmlparse import hardened_parser
from gateway.trust.xmlrefs import NOT_WHOLE
from gateway.trust.xmlshape import STRUCTURE, octets
from gateway.trust.xmlverifier import GatedVerifier, PlainVerifier, XadesVerifier

CHANGED = "WASL-SIG-012"

_METHODS = frozenset(SignatureMethod(one) for one in SIGNATURE_METHODS)
_DIGESTS = frozenset(DigestAlgorithm(one) for one in DIGEST_METHODS)


def verify_xml(gated: GatedXml) -> Signed:
    """What the signature covers, if its cryptography is good.

    The certificate's chain, validity and revocation are judged elsewhere.

    Raises:
        Refused: ``WASL-SIG-007`` or ``016`` an algorithm or a key not taken, ``WASL-SIG-012`` content
            changed after signing, ``WASL-SIG-013`` not made with the certificate's key,
            ``WASL-SIG-005`` or ``017`` a form that the cryptography reads otherwise than the gate.
    """
    key = check_key(gated.certificate)
    check_method(gated.method, key)
    _check_length(gated, key)
    covered = _whole(gated, _verified(gated))
    return Signed(
        signed_bytes=covered,
        certificate=gated.certificate,
        chain=gated.chain,
        level=gated.level,
        claimed_time=gated.claimed_time,
        content_digest=hashlib.sha256(covered).hexdigest(),
    )


def examine_xml(gated: GatedXml) -> Examination:
    """What there is to see of a signature that does not verify; costs as much as verifying it.

    Raises:
        Refused: ``WASL-SIG-017``, the cryptography cannot read what the gate let pass.
    """
    verifier = _verifier(gated)
    try:
        root = verifier.read(gated.raw, hardened_parser(), _configuration(gated))
        signature = child(root, ds("Signature"))
        references = signature.findall(f"{ds('SignedInfo')}/{ds('Reference')}")
        return Examination(
            gated.method,
            Canonical.of(verifier.signed_form(signature)),
            tuple(_examined(one, verifier.form_of(one, root)) for one in references),
        )
    except (SignXMLException, etree.LxmlError, ValueError) as error:
        raise refused(STRUCTURE, child(gated.root, ds("Signature"))) from error


def _examined(reference: etree._Element, form: bytes) -> ReferenceFound:
    method = child(reference, ds("DigestMethod")).get("Algorithm") or ""
    return ReferenceFound(
        uri=reference.get("URI") or "",
        method=method,
        expected=octets(child(reference, ds("DigestValue"))),
        found=hashlib.new(DIGEST_METHODS[method], form).digest(),
        canonical=Canonical.of(form),
    )


def _check_length(gated: GatedXml, key: PublicKey) -> None:
    # RFC 4050 3.3: r and s side by side; many stacks hand out the DER form instead.
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return
    value = child(gated.root, f"{ds('Signature')}/{ds('SignatureValue')}")
    found, expected = len(octets(value)), key.key_size // 8 * 2
    if found != expected:
        raise refused(WRONG_KEY, value, f"r and s, {expected} octets", f"{found} octets")


def _verified(gated: GatedXml) -> VerifyResult:
    signature = child(gated.root, ds("Signature"))
    try:
        results = _verifier(gated).verify(
            gated.raw,
            x509_cert=gated.certificate,
            parser=hardened_parser(),
            expect_config=_configuration(gated),
            validate_schema=False,  # the gate's shapes are narrower than the schema
        )
    except InvalidDigest as error:
        raise refused(CHANGED, signature) from error
    except InvalidSignature as error:
        raise refused(WRONG_KEY, signature) from error
    except (SignXMLException, etree.LxmlError, ValueError) as error:
        raise refused(STRUCTURE, signature) from error
    first: VerifyResult = results[0] if isinstance(results, list) else results
    return first


def _configuration(gated: GatedXml) -> SignatureConfiguration:
    configure = SignatureConfiguration if gated.level is Level.XMLDSIG else XAdESSignatureConfiguration
    return configure(
        location="./",
        expect_references=gated.references,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        ignore_ambiguous_key_info=True,  # the gate has compared key values with the certificate
    )


def _verifier(gated: GatedXml) -> GatedVerifier:
    # They keep state: one for each document.
    if gated.level is Level.XMLDSIG:
        return PlainVerifier()
    return XadesVerifier([gated.certificate, *gated.chain])


def _whole(gated: GatedXml, result: VerifyResult) -> bytes:
    # The gate has made sure of it from the reference; this makes sure of what was really hashed.
    covered, octets_covered = result.signed_xml, result.signed_data
    if covered is None or covered.tag != gated.root.tag or len(covered) != len(gated.root) - 1:
        raise refused(NOT_WHOLE, gated.root)
    return bytes(octets_covered)
