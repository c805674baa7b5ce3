"""Judges a signer's certificate: does it lead to an anchor, and was it good at the moments that count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from itertools import pairwise

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.domain.errors import Refused, Unavailable, WaslError
from gateway.domain.evidence.verdict import PASSED, SubIndication, Verdict, failed, indeterminate
from gateway.trust.anchors import UNVERIFIABLE, Anchors
from gateway.trust.chain_path import Path, constraints_kept, extension, find_paths, strong
from gateway.trust.revocation import Revocation, Standing, revocation_of

NOT_FOR_SIGNING = "not made for signing letters"
NOT_FOR_STAMPING = "not made for time-stamps"
NOT_FOR_CLIENTS = "not made for clients"
AN_AUTHORITY = "the certificate of an authority"

NO_CHAIN = "WASL-CRT-005"
CODES = {
    SubIndication.TRY_LATER: "WASL-CRT-008",
    SubIndication.FORMAT_FAILURE: "WASL-CRT-009",
    SubIndication.EXPIRED: "WASL-CRT-002",
    SubIndication.OUT_OF_BOUNDS_NO_POE: "WASL-CRT-002",
    SubIndication.NOT_YET_VALID: "WASL-CRT-003",
    SubIndication.REVOKED: "WASL-CRT-004",
    SubIndication.CRYPTO_CONSTRAINTS_FAILURE: "WASL-SIG-016",
}
"""Reason of the refusal by sub-indication; every other one means that no chain leads to an anchor."""

_CODES_BY_DETAIL = {
    NOT_FOR_SIGNING: "WASL-CRT-006",
    NOT_FOR_CLIENTS: "WASL-CRT-006",
    AN_AUTHORITY: "WASL-CRT-007",
}


class Purpose(Enum):
    """What a signature was made for."""

    SIGNING = "SIGNING"  # letters and receipts
    TIME_STAMPING = "TIME_STAMPING"  # RFC 3161 tokens
    CLIENT = "CLIENT"  # connections (TLS client authentication)


_KEY_WAS_SAFE = frozenset(
    {
        x509.ReasonFlags.unspecified,
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
    }
)
_OTHER_PURPOSES = frozenset(
    {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    }
)
_CLIENT_PURPOSES = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


def judge(
    certificate: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Anchors,
    at: datetime,
    claimed: datetime | None = None,
    require_revocation: bool = True,
    purpose: Purpose = Purpose.SIGNING,
) -> Verdict:
    """Whether a signature made with ``certificate`` is to be believed (RFC 5280 6, EN 319 102-1 5.2.6).

    Args:
        intermediates: certificates that came along with the signature; nothing is believed of them.
        anchors: the trust folder, with its revocation lists.
        at: when the signature is known to have existed (reception, or a receipt's event).
        claimed: signing time that the signer claims; validity is asked for both moments.
        require_revocation: whether an issuer of whom there is no list at all leaves the question
            open. A list that is there and stale always does.
        purpose: what the certificate must have been made for.
    """
    try:
        unfit = _check_signer(certificate, purpose)
        if unfit is not None:
            return unfit
        return _best(
            _judge_path(path, anchors.crls, at, claimed or at, require_revocation, purpose)
            for path in find_paths(certificate, intermediates, anchors)
        )
    except (*UNVERIFIABLE, x509.DuplicateExtension):
        return failed(SubIndication.FORMAT_FAILURE, "an extension cannot be read")


def refusal_for(verdict: Verdict) -> WaslError:
    """The error to raise for a verdict that did not pass: a refusal, or our own lack of revocation data."""
    if verdict.sub is SubIndication.TRY_LATER:
        return Unavailable(verdict.detail, code=CODES[verdict.sub])
    return Refused.because(reason_of(verdict))


def reason_of(verdict: Verdict) -> str:
    """The catalogue's reason for a verdict that did not pass."""
    if verdict.sub is None or verdict.detail in _CODES_BY_DETAIL:
        return _CODES_BY_DETAIL.get(verdict.detail, NO_CHAIN)
    return CODES.get(verdict.sub, NO_CHAIN)


def revocations(
    path: Path, crls: Sequence[x509.CertificateRevocationList], at: datetime
) -> tuple[Revocation, ...]:
    """What the lists say of each certificate of ``path`` below the anchor."""
    if len(path) == 1:  # pinned, and nobody at hand who could have signed a list
        return (Revocation(Standing.UNKNOWN),)
    return tuple(revocation_of(one, issuer, crls, at) for one, issuer in pairwise(path))


def _check_signer(certificate: x509.Certificate, purpose: Purpose) -> Verdict | None:
    constraints = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    if (constraints and constraints.ca) or (usage and usage.key_cert_sign):
        return indeterminate(SubIndication.CHAIN_CONSTRAINTS_FAILURE, AN_AUTHORITY)
    if usage is None or not (usage.digital_signature or usage.content_commitment):
        return indeterminate(SubIndication.CHAIN_CONSTRAINTS_FAILURE, NOT_FOR_SIGNING)
    if purpose is Purpose.TIME_STAMPING:
        fit = _made_for_stamping(certificate)
        return None if fit else indeterminate(SubIndication.CHAIN_CONSTRAINTS_FAILURE, NOT_FOR_STAMPING)
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    if purpose is Purpose.CLIENT:
        fit = _made_for_clients(usage, purposes)
        return None if fit else indeterminate(SubIndication.CHAIN_CONSTRAINTS_FAILURE, NOT_FOR_CLIENTS)
    if purposes is not None and set(purposes) <= _OTHER_PURPOSES:  # RFC 5280 4.2.1.12
        return indeterminate(SubIndication.CHAIN_CONSTRAINTS_FAILURE, NOT_FOR_SIGNING)
    return None


def _made_for_clients(usage: x509.KeyUsage, purposes: x509.ExtendedKeyUsage | None) -> bool:
    # RFC 5280 4.2.1.12: without the extension, for any purpose; RFC 8446 4.4.2.2: digitalSignature.
    named = purposes is None or not _CLIENT_PURPOSES.isdisjoint(purposes)
    return usage.digital_signature and named


def _made_for_stamping(certificate: x509.Certificate) -> bool:
    # RFC 3161 2.3: this purpose, no other one, and critical.
    found = [one for one in certificate.extensions if isinstance(one.value, x509.ExtendedKeyUsage)]
    return [(one.critical, list(one.value)) for one in found] == [(True, [ExtendedKeyUsageOID.TIME_STAMPING])]


def _best(verdicts: Iterable[Verdict]) -> Verdict:
    # Another path may do; where none does, the first one found is told.
    first: Verdict | None = None
    for verdict in verdicts:
        if verdict.passed:
            return verdict
        first = first or verdict
    return first or indeterminate(SubIndication.NO_CERTIFICATE_CHAIN_FOUND)


def _judge_path(
    path: Path,
    crls: Sequence[x509.CertificateRevocationList],
    at: datetime,
    claimed: datetime,
    require_revocation: bool,
    purpose: Purpose,
) -> Verdict:
    if not constraints_kept(path):
        return indeterminate(SubIndication.CHAIN_CONSTRAINTS_FAILURE, "an authority may not issue this")
    if not strong(path):
        return indeterminate(SubIndication.CRYPTO_CONSTRAINTS_FAILURE, "a weak key or digest")
    outside = _check_times(path, at, claimed)
    if outside is not None:
        return outside
    standings = revocations(path, crls, at)
    if purpose is Purpose.TIME_STAMPING and any(map(_undoes_the_past, standings)):
        return failed(SubIndication.REVOKED, "revoked with all that it stamped before")
    bad = [
        verdict
        for revocation in standings
        if (verdict := _check_revocation(revocation, at, claimed, require_revocation)) is not None
    ]
    # A revoked authority's own lists are withdrawn with it: that they are missing changes nothing.
    revoked = [verdict for verdict in bad if verdict.sub is SubIndication.REVOKED]
    return (revoked or bad or [PASSED])[0]


def _check_times(path: Path, at: datetime, claimed: datetime) -> Verdict | None:
    for one in path:
        if claimed > one.not_valid_after_utc:
            return failed(SubIndication.EXPIRED)
        if at > one.not_valid_after_utc:
            return indeterminate(SubIndication.OUT_OF_BOUNDS_NO_POE)
        if min(at, claimed) < one.not_valid_before_utc:
            return failed(SubIndication.NOT_YET_VALID)
    return None


def _undoes_the_past(revocation: Revocation) -> bool:
    # RFC 3161 4, 1 and 2: whoever has an authority's key can stamp any time; only a revocation that
    # says that the key was not stolen leaves earlier tokens standing.
    return revocation.standing is Standing.REVOKED and revocation.reason not in _KEY_WAS_SAFE


def _check_revocation(
    revocation: Revocation, at: datetime, claimed: datetime, require_revocation: bool
) -> Verdict | None:
    if revocation.standing is Standing.GOOD:
        return None
    if revocation.standing is Standing.UNKNOWN:
        missing = indeterminate(SubIndication.TRY_LATER, "no revocation list of an issuer")
        return missing if require_revocation else None
    if revocation.standing is Standing.STALE or revocation.since is None:
        return indeterminate(SubIndication.TRY_LATER, "the revocation list of an issuer is stale")
    if revocation.since <= claimed:
        return failed(SubIndication.REVOKED)
    # Signed before, by the signer's own word only: EN 319 102-1 calls it REVOKED_NO_POE.
    return indeterminate(SubIndication.REVOKED) if revocation.since <= at else None
