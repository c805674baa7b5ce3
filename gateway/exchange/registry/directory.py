"""The registry as routing sees it, within one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.domain.registry.parties import Names, Office, Party
from gateway.store.registry import queries


@dataclass(frozen=True)
class StoredDirectory:
    """`gateway.domain.transit.routing.Directory` over the store."""

    session: Session

    def party(self, party_id: str) -> Party | None:
        return queries.party(self.session, party_id)

    def office(self, office_id: str) -> Office | None:
        return queries.office(self.session, office_id)

    def default_office(self, party_id: str) -> Office | None:
        return queries.default_office(self.session, party_id)

    def sender_of(self, reference: str, reader: str) -> str | None:
        return queries.sender_of(self.session, reference, reader)


def name_in(names: Names, languages: tuple[str, ...]) -> str:
    """The name in the first of ``languages`` that has one, else any name."""
    for language in languages:
        if language in names:
            return names[language]
    return next(iter(names.values()))
