"""Whose certificate it is, whether it was good, and for whom its holder may speak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from sqlalchemy.orm import Session

from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.verdict import Level, Verdict
from gateway.domain.registry.parties import Party
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.routing_takes import Directory
from gateway.exchange.registry.cache import CachedRegistry, RegistryCache
from gateway.store.registry.models import CertificateRow
from gateway.trust.algorithms import UNREADABLE_CERTIFICATE
from gateway.trust.certificates import certificate_digest

NOT_REGISTERED = "WASL-CRT-001"
NOT_EXACT = "WASL-CRT-010"
UNREADABLE = "WASL-CRT-009"
MAY_NOT_SPEAK = "WASL-PTY-001"
INACTIVE = "WASL-PTY-002"
MAY_NOT_REPRESENT = "WASL-PTY-003"
FOREIGN_OFFICE = "WASL-PTY-004"
TESTS_ONLY = "WASL-PTY-005"


@dataclass(frozen=True)
class Signer:
    """A signer the registry knows.

    Attributes:
        party: for whom the certificate is registered.
        certificate: the one that signed.
        exact: whether that very certificate is registered.
    """

    party: Party
    certificate: x509.Certificate
    exact: bool

    @property
    def certificate_digest(self) -> str:
        return certificate_digest(self.certificate)


@dataclass(frozen=True)
class Judged:
    """What the verification of a known signer's signature came to."""

    signer: Signer
    level: Level
    verdict: Verdict
    claimed_time: datetime | None


def name_digests(certificate: x509.Certificate) -> tuple[str, str]:
    """Digests of (issuer name and key identifier, subject), which a renewal keeps.

    Raises:
        Refused: a name or an extension of the certificate cannot be read.
    """
    try:
        issuer = certificate.issuer.public_bytes() + b"\0" + _issuer_key(certificate)
        return sha256(issuer).hexdigest(), sha256(certificate.subject.public_bytes()).hexdigest()
    except UNREADABLE_CERTIFICATE as error:
        raise Refused.because(UNREADABLE) from error


def _issuer_key(certificate: x509.Certificate) -> bytes:
    try:
        identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return b""
    return identifier.value.key_identifier or b""


@dataclass(frozen=True)
class Signers:
    """Looks signers up in the registry."""

    cache: RegistryCache

    def by_certificate(self, session: Session, certificate: x509.Certificate) -> Signer:
        """The party for which this certificate counts.

        Raises:
            Refused: it is registered for nobody.
        """
        digest = certificate_digest(certificate)
        registry = self.cache.at(session)
        row = registry.certificate(digest)
        exact = row is not None and row.exact
        if row is None:
            row = registry.certificate_by_name(*name_digests(certificate))
        return _signer(registry, row, certificate, exact, digest)

    def by_digest(self, session: Session, digest: str) -> Signer:
        """The party of a certificate that the signature names by its digest only.

        Raises:
            Refused: no such certificate is registered.
        """
        registry = self.cache.at(session)
        return _signer(registry, registry.certificate(digest), None, True, digest)


def _signer(
    registry: CachedRegistry,
    row: CertificateRow | None,
    certificate: x509.Certificate | None,
    exact: bool,
    digest: str,
) -> Signer:
    party = registry.party(row.party) if row is not None and row.active else None
    if row is None or party is None:
        raise Refused.because(NOT_REGISTERED, found=digest)
    return Signer(party, certificate or x509.load_der_x509_certificate(row.der), exact)


def check_level(judged: Judged) -> None:
    """A plain XML signature does not protect its certificate: only the registered one counts.

    Raises:
        Refused: XMLDSig with a certificate that is registered by name only.
    """
    if judged.level is Level.XMLDSIG and not judged.signer.exact:
        raise Refused.because(NOT_EXACT, found=judged.signer.certificate_digest)


def check_may_speak(signer: Signer, envelope: Envelope, directory: Directory) -> None:
    """Whether ``signer`` may send this letter in the name it states.

    Raises:
        Refused: every rule that forbids it.
    """
    faults: list[Fault] = []
    sender = envelope.sender
    if sender.party != signer.party.id:
        faults.append(Fault(MAY_NOT_SPEAK, "/sender/party", found=sender.party))
    if not signer.party.active:
        faults.append(Fault(INACTIVE, "/sender/party", found=signer.party.id))
    if signer.party.test and not envelope.test:
        faults.append(Fault(TESTS_ONLY, "/test", found=signer.party.id))
    if sender.on_behalf_of is not None and not signer.party.may_represent:
        faults.append(Fault(MAY_NOT_REPRESENT, "/sender/onBehalfOf"))
    if sender.office is not None and not _owns(directory, signer.party.id, sender.office):
        faults.append(Fault(FOREIGN_OFFICE, "/sender/office", found=sender.office))
    if faults:
        raise Refused(faults)


def _owns(directory: Directory, party: str, office_id: str) -> bool:
    office = directory.office(office_id)
    return office is not None and office.party == party
