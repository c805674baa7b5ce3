"""Whether a certificate was revoked, as far as the revocation lists at hand can say (RFC 5280 6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from gateway.trust.anchors import UNVERIFIABLE, Anchors, is_authority

_EXPIRED_ON_CRL = x509.ObjectIdentifier("2.5.29.60")  # X.509 9.5.2.8
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.CRL_NUMBER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.ISSUING_DISTRIBUTION_POINT,
        _EXPIRED_ON_CRL,
    }
)


class Standing(Enum):
    """What the lists say."""

    GOOD = "GOOD"  # a list that covers the moment does not name it
    REVOKED = "REVOKED"  # a list names it
    STALE = "STALE"  # the newest list is older than the moment asked
    UNKNOWN = "UNKNOWN"  # there is no list of this issuer


@dataclass(frozen=True)
class Revocation:
    """``since`` is the moment from which the certificate must not be trusted any more.

    ``reason`` is the one that the list states (RFC 5280 5.3.1), None where it states none.
    """

    standing: Standing
    since: datetime | None = None
    reason: x509.ReasonFlags | None = None


def revocation_of(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    crls: Sequence[x509.CertificateRevocationList],
    at: datetime,
) -> Revocation:
    """What the newest authentic list of ``issuer`` that speaks of ``certificate`` says.

    A revocation is told even when it begins after ``at``. A list made after the certificate's end is
    passed over, because issuers drop expired entries (RFC 5280 3.3).
    """
    lists = [crl for crl in crls if _speaks_of(crl, certificate, issuer)]
    if not lists:
        return Revocation(Standing.UNKNOWN)
    serial = certificate.serial_number
    latest = max(crl.last_update_utc for crl in lists)
    newest = [crl for crl in lists if crl.last_update_utc == latest]
    # Where two of the same moment differ, the one that revokes is believed.
    for entry in filter(None, (crl.get_revoked_certificate_by_serial_number(serial) for crl in newest)):
        return Revocation(Standing.REVOKED, _since(entry), _reason(entry))
    fresh = any(crl.next_update_utc is not None and at <= crl.next_update_utc for crl in newest)
    return Revocation(Standing.GOOD if fresh else Standing.STALE)


def _since(entry: x509.RevokedCertificate) -> datetime:
    # RFC 5280 5.3.2: the key may have been known to others before anybody revoked it.
    try:
        invalid = entry.extensions.get_extension_for_class(x509.InvalidityDate).value
    except x509.ExtensionNotFound:
        return entry.revocation_date_utc
    return min(entry.revocation_date_utc, invalid.invalidity_date_utc)


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None


def _speaks_of(
    crl: x509.CertificateRevocationList, certificate: x509.Certificate, issuer: x509.Certificate
) -> bool:
    if crl.issuer != issuer.subject:
        return False
    try:
        return (
            _understood(crl.extensions)
            and _in_scope(crl.extensions, certificate)
            and _may_sign_crls(issuer)
            and (crl.last_update_utc <= certificate.not_valid_after_utc or _keeps_expired(crl.extensions))
            and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        )
    except (*UNVERIFIABLE, x509.DuplicateExtension):
        return False


def _understood(extensions: Iterable[x509.Extension[x509.ExtensionType]]) -> bool:
    # A delta list marks itself critical and is passed over here.
    return all(extension.oid in _UNDERSTOOD for extension in extensions if extension.critical)


def _keeps_expired(extensions: Iterable[x509.Extension[x509.ExtensionType]]) -> bool:
    return any(extension.oid == _EXPIRED_ON_CRL for extension in extensions)


def _may_sign_crls(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _in_scope(extensions: x509.Extensions, certificate: x509.Certificate) -> bool:
    try:
        scope = extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return True
    if scope.indirect_crl or scope.only_contains_attribute_certs or scope.only_some_reasons:
        return False
    if scope.relative_name is not None or (scope.full_name and not _points_at(certificate, scope.full_name)):
        return False
    authority = is_authority(certificate)
    return not (scope.only_contains_ca_certs and not authority) and not (
        scope.only_contains_user_certs and authority
    )


def _points_at(certificate: x509.Certificate, names: Iterable[x509.GeneralName]) -> bool:
    # RFC 5280 6.3.3 (b)(2)(i): a list for one partition says nothing of the others.
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return False
    listed = {name for point in points for name in point.full_name or ()}
    return not listed.isdisjoint(names)


def read_list(octets: bytes) -> x509.CertificateRevocationList | None:
    """The revocation list in DER or PEM, or None when it is none."""
    try:
        if octets.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_crl(octets)
        return x509.load_der_x509_crl(octets)
    except ValueError:
        return None


def authentic(crl: x509.CertificateRevocationList, anchors: Anchors) -> bool:
    """Whether an authority of the trust folder signed this list."""
    for authority in (*anchors.roots, *anchors.intermediates):
        try:
            if crl.issuer == authority.subject and crl.is_signature_valid(authority.public_key()):  # type: ignore[arg-type]
                return True
        except UNVERIFIABLE:
            continue
    return False
