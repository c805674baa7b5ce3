"""What the signed properties of a XAdES signature say: when, and with which certificate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from lxml import etree

from gateway.trust.algorithms import DIGEST_METHODS
from gateway.trust.certificates import digest as digest_of
from gateway.trust.xmlnames import XML_SPACE, child, ds, refused, xades
from gateway.trust.xmlshape import ALGORITHM, OBJECT, SIGNING_TIME, octets

WRONG_CERTIFICATE = "WASL-SIG-011"

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(Z|[+-]\d\d:\d\d)", re.ASCII)


def read_properties(signature: etree._Element, certificates: Sequence[x509.Certificate]) -> datetime:
    """The claimed signing time, if the properties belong to this signature and its certificate.

    Raises:
        Refused: ``WASL-SIG-007``, ``008``, ``011`` or ``015``.
    """
    qualifying = child(signature, f"{ds('Object')}/{xades('QualifyingProperties')}")
    own = signature.get("Id")
    if not own or qualifying.get("Target") != f"#{own}":
        raise refused(OBJECT, qualifying, expected=f"#{own}", found=qualifying.get("Target"))
    signed = child(qualifying, xades("SignedProperties"))
    _check_formats(signature, signed)
    said = child(signed, xades("SignedSignatureProperties"))
    check_certificates(child(said, xades("SigningCertificateV2")), certificates)
    return _moment(child(said, xades("SigningTime")))


def _check_formats(signature: etree._Element, signed: etree._Element) -> None:
    references = child(signature, ds("SignedInfo")).findall(ds("Reference"))
    known = {f"#{one.get('Id')}" for one in references if one.get("Id")}
    for one in signed.iterfind(f"{xades('SignedDataObjectProperties')}/{xades('DataObjectFormat')}"):
        if one.get("ObjectReference") not in known:
            raise refused(OBJECT, one, found=one.get("ObjectReference"))


def check_certificates(listed: etree._Element, certificates: Sequence[x509.Certificate]) -> None:
    """Nothing, if the digests listed are those of the certificates, the signer's first.

    Raises:
        Refused: ``WASL-SIG-007`` or ``011``.
    """
    # EN 319 132-1 5.2.2: the first digest is the signing certificate's, others are of its path.
    for index, one in enumerate(listed):
        digest = child(one, xades("CertDigest"))
        method = child(digest, ds("DigestMethod"))
        name = DIGEST_METHODS.get(method.get("Algorithm") or "")
        if name is None:
            raise refused(ALGORITHM, method, found=method.get("Algorithm"))
        candidates = certificates[:1] if index == 0 else certificates
        wanted = octets(child(digest, ds("DigestValue")))
        if wanted not in [digest_of(name, candidate) for candidate in candidates]:
            raise refused(WRONG_CERTIFICATE, one)


def _moment(element: etree._Element) -> datetime:
    text = (element.text or "").strip(XML_SPACE)
    written = _MOMENT.fullmatch(text)
    if written is None:
        raise refused(SIGNING_TIME, element, expected="YYYY-MM-DDThh:mm:ssZ", found=text)
    second, fraction, zone = written.groups()
    try:
        return datetime.fromisoformat(second + (fraction or "") + zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise refused(SIGNING_TIME, element, found=text) from error
