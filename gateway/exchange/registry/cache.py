"""The registry as the hot path sees it: read once per version, one look at the version each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from sqlalchemy.orm import Session

from gateway.domain.registry.parties import Office, Party
from gateway.store.registry import queries
from gateway.store.registry.models import CertificateRow

Found = TypeVar("Found")
_AT = "wasl_registry"


@dataclass(frozen=True)
class Snapshot:
    """What was looked up at one version; filled as it is asked."""

    version: int
    parties: dict[str, Party | None] = field(default_factory=dict)
    offices: dict[str, Office | None] = field(default_factory=dict)
    defaults: dict[str, Office | None] = field(default_factory=dict)
    certificates: dict[str, CertificateRow | None] = field(default_factory=dict)
    names: dict[str, CertificateRow | None] = field(default_factory=dict)


class RegistryCache:
    """Keeps one snapshot per process; any recorded change of the registry makes a new one."""

    def __init__(self) -> None:
        self._snapshot = Snapshot(-1)
        self._lock = Lock()

    def at(self, session: Session) -> CachedRegistry:
        """The registry as of this transaction, which reads only: its version is asked once."""
        known: Snapshot | None = session.info.get(_AT)
        if known is None:
            known = session.info[_AT] = self._current(queries.version(session))
        return CachedRegistry(session, known)

    def _current(self, version: int) -> Snapshot:
        with self._lock:
            if self._snapshot.version != version:
                self._snapshot = Snapshot(version)
            return self._snapshot


@dataclass(frozen=True)
class CachedRegistry:
    """`gateway.domain.transit.routing_takes.Directory`, and certificates, over one snapshot."""

    session: Session
    snapshot: Snapshot

    def party(self, party_id: str) -> Party | None:
        return _once(self.snapshot.parties, party_id, lambda: queries.party(self.session, party_id))

    def office(self, office_id: str) -> Office | None:
        return _once(self.snapshot.offices, office_id, lambda: queries.office(self.session, office_id))

    def default_office(self, party_id: str) -> Office | None:
        return _once(self.snapshot.defaults, party_id, lambda: queries.default_office(self.session, party_id))

    def sender_of(self, reference: str, reader: str) -> str | None:
        return queries.sender_of(self.session, reference, reader)

    def certificate(self, digest: str) -> CertificateRow | None:
        return _once(self.snapshot.certificates, digest, lambda: queries.certificate(self.session, digest))

    def certificate_by_name(self, issuer: str, subject: str) -> CertificateRow | None:
        return _once(
            self.snapshot.names,
            issuer + subject,
            lambda: queries.certificate_by_name(self.session, issuer, subject),
        )


_MOST = 100_000
"""Entries of one kind; strangers' certificates must not fill the memory."""


def _once(known: dict[str, Found | None], key: str, look: Callable[[], Found | None]) -> Found | None:
    if key not in known:
        if len(known) >= _MOST:
            known.clear()
        known[key] = look()
    return known.get(key)
