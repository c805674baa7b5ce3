"""The public directory of order offices: listed, found by name, and told how their routes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from cryptography import x509
from sqlalchemy.orm import Session

from gateway.domain.errors import NotFound
from gateway.domain.folding import folded
from gateway.domain.registry.directory import ListedOffice, health_of, searched
from gateway.domain.registry.parties import Names, Office
from gateway.domain.transit.breaker import Breaker
from gateway.exchange.clock import Ambient
from gateway.store.registry import queries
from gateway.store.sessions import Store
from gateway.store.transit import route_queries

NOT_FOUND = "WASL-REQ-005"
MOST = 200


@dataclass(frozen=True)
class _Entry:
    """An office as it was declared, and what it is found by."""

    office: Office
    party_names: Names
    words: str
    certificate: bytes | None
    certificate_ends: datetime | None


@dataclass(frozen=True)
class _Declared:
    """Every office that receives, by its identifier, at one version of the registry."""

    version: int
    entries: tuple[_Entry, ...] = ()


@dataclass(frozen=True)
class Page:
    """Some offices; ``after`` is where the next page begins, None when there is none."""

    offices: tuple[ListedOffice, ...]
    after: str | None


@dataclass
class OfficeDirectory:
    """Tells where letters can be sent; reads the registry again only after it changed.

    Attributes:
        fallback: after how long of failing the hub keeps a route's letters; 0: never.
    """

    store: Store
    ambient: Ambient
    fallback: timedelta
    _declared: _Declared = _Declared(-1)
    _lock: Lock = field(default_factory=Lock)

    def page(self, query: str, party: str | None, after: str, limit: int) -> Page:
        """The offices that follow ``after``, by their identifiers.

        Args:
            query: words of their name, or of their party's, in any language; empty: all of them.
            party: whose offices; None: everybody's.
            after: an identifier; empty: from the first.
            limit: 1 to `MOST`.

        Raises:
            Unavailable: the database cannot be read now.
        """
        words = folded(query).split()
        with self.store.read() as session:
            found: list[_Entry] = []
            for entry in self._current(session).entries:
                if entry.office.id > after and _fits(entry, words, party):
                    found.append(entry)
                    if len(found) > limit:
                        break
            offices = self._listed(session, found[:limit])
        return Page(offices, offices[-1].office.id if len(found) > limit else None)

    def office(self, office_id: str) -> ListedOffice:
        """One office.

        Raises:
            NotFound: none of this identifier receives.
            Unavailable: the database cannot be read now.
        """
        with self.store.read() as session:
            found = [one for one in self._current(session).entries if one.office.id == office_id]
            if not found:
                raise NotFound.because(NOT_FOUND)
            return self._listed(session, found)[0]

    def _current(self, session: Session) -> _Declared:
        version = queries.version(session)
        known = self._declared
        if known.version == version:
            return known
        with self._lock:  # one reads for all that wait
            if self._declared.version != version:
                self._declared = _Declared(version, tuple(_entries(session)))
            return self._declared

    def _listed(self, session: Session, entries: Sequence[_Entry]) -> tuple[ListedOffice, ...]:
        states = route_queries.states(session, [one.office.id for one in entries])
        now = self.ambient.now()
        listed = []
        for one in entries:
            breaker, paused = states.get(one.office.id, (Breaker(), False))
            health = health_of(one.office.route, breaker, paused, self.fallback, now)
            valid = one.certificate_ends is not None and now < one.certificate_ends
            certificate = one.certificate if valid else None  # nobody is to encrypt for it any more
            listed.append(ListedOffice(one.office, one.party_names, health, certificate))
        return tuple(listed)


def _fits(entry: _Entry, words: Sequence[str], party: str | None) -> bool:
    return (party is None or entry.office.party == party) and all(word in entry.words for word in words)


def _entries(session: Session) -> list[_Entry]:
    parties = {one.id: one for one in queries.parties(session) if one.active}
    certificates = {row.id: row.encryption_certificate for row in queries.office_rows(session)}
    found = []
    for office in queries.offices(session):
        party = parties.get(office.party)
        if party is None or not office.active:
            continue
        der = certificates[office.id]
        ends = None if der is None else x509.load_der_x509_certificate(der).not_valid_after_utc
        words = searched(office.names) + "\n" + searched(party.names)
        found.append(_Entry(office, party.names, words, der, ends))
    return found
