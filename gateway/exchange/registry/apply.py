"""The registry is changed here, every change recorded with who made it, and given out as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.orm import Session

from gateway.domain.errors import Misconfigured
from gateway.domain.registry.parties import RouteKind
from gateway.domain.registry.tables import table_faults
from gateway.domain.registry.versions import person
from gateway.domain.transit.routing_rules import Closing
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.declared import Declared, DeclaredCertificate
from gateway.exchange.registry.leads import check_leads
from gateway.exchange.registry.signers import name_digests
from gateway.exchange.registry.versions_declared import settle
from gateway.store.registry import queries
from gateway.store.registry.models import CertificateRow, Change, OfficeRow, PartyRow
from gateway.store.sessions import Store
from gateway.store.transit import push_queries, route_queries, unmapped_queries
from gateway.store.turns import take_turn

_Row = PartyRow | OfficeRow | CertificateRow


@dataclass(frozen=True)
class Registry:
    """Changes and shows the registry.

    Attributes:
        second_approval: a declared change of a route becomes a draft of it.
    """

    store: Store
    ambient: Ambient
    second_approval: bool = False

    def apply(self, declared: Declared, actor: str) -> list[str]:
        """Bring the registry to what was declared; one line for each change made.

        What is not declared stays as it is: bodies are closed with ``active = false``, never removed.

        Raises:
            Misconfigured: an office or a certificate of a party that nobody declared; a certificate to
                encrypt for whose time is not now; rules or closures that lead to no office, to one that does
                not serve the body, round, or too far.
        """
        made: list[str] = []
        actor = named(actor)
        self._check_encryption(declared)
        with self.store.write() as session:
            take_turn(session, "registry")
            for values in declared.parties:
                made += self._put(session, PartyRow, "party", values["id"], values, actor)
                if values.get("receipts") is not None:
                    push_queries.begin(session, values["id"], self.ambient.now())
            session.flush()
            self._check_parties(session, declared)
            for office in declared.offices:
                values, told = settle(session, office, actor, self.ambient.now(), self.second_approval)
                made += self.put_office(session, values["id"], values, actor) + told
            if declared.offices:
                session.flush()
                check_leads(queries.offices(session))
            for party, certificate in declared.certificates:
                values = self._certificate(party, certificate)
                made += self._put(session, CertificateRow, "certificate", values["digest"], values, actor)
        return made

    def pause(self, office: str, paused: bool, actor: str) -> list[str]:
        """Pause an office's route, or let it go on; one line for each change made.

        Raises:
            Misconfigured: there is no such office, or its mail lies here anyway.
        """
        with self.store.write() as session:
            take_turn(session, "registry")
            row = session.get(OfficeRow, office)
            if row is None or row.route.get("kind") != RouteKind.ADAPTER.value:
                raise Misconfigured([f"office {office}: no office with a route that can be paused"])
            route = {**row.route, "paused": True}
            if not paused:
                del route["paused"]
            return self.put_office(session, office, {"route": route}, actor)

    def put_office(self, session: Session, office: str, values: Mapping[str, Any], actor: str) -> list[str]:
        """Write values of an office, its route among them, in a transaction that has the registry's turn.

        One line for each change made.
        """
        made = self._put(session, OfficeRow, "office", office, values, actor)
        route_queries.pause(session, office, bool(values["route"].get("paused")))
        return made

    def close(self, office: str, closing: Closing | None, actor: str) -> list[str]:
        """Let an office take nothing more from a day on, or take that back; one line for each change made.

        Args:
            closing: None: it stays open.

        Raises:
            Misconfigured: there is no such office; its successor is none, does not serve the body, or leads
                round or too far.
        """
        values = {
            "closes_at": None if closing is None else closing.since.isoformat(),
            "successor": None if closing is None else closing.successor,
            "closed_mail": "refuse" if closing is not None and not closing.forwards else None,
        }
        with self.store.write() as session:
            take_turn(session, "registry")
            if session.get(OfficeRow, office) is None:
                raise Misconfigured([f"office {office}: there is no such office"])
            made = self._put(session, OfficeRow, "office", office, values, actor)
            session.flush()
            check_leads(queries.offices(session))
            return made

    def map_code(self, office: str, table: str, value: str, entry: str, actor: str) -> list[str]:
        """Give a value its entry in a code table of an office; one line for each change made.

        The value leaves the list of those without an entry.

        Raises:
            Misconfigured: there is no such office; neither the office nor its route has such a table and no
                letter asked for it; the route itself has an entry for the value, which would win.
        """
        with self.store.write() as session:
            take_turn(session, "registry")
            row = session.get(OfficeRow, office)
            if row is None:
                raise Misconfigured([f"office {office} is not registered"])
            tables = row.tables or {}
            own = row.route.get("options", {}).get("tables", {})
            listed = [one.table for one in unmapped_queries.values(session, office)]
            if table not in {*tables, *own, *listed}:
                raise Misconfigured([f"office {office}: no code table {table}"])
            if value in own.get(table, {}):
                raise Misconfigured(
                    [f"office {office}: the route's own table {table} has an entry for {value}"]
                )
            changed = {**tables, table: {**tables.get(table, {}), value: entry}}
            if faults := list(table_faults(changed)):
                raise Misconfigured([f"office {office}: tables.{fault}" for fault in faults])
            unmapped_queries.forget(session, office, table, value)
            return self._put(session, OfficeRow, "office", office, {"tables": changed}, actor)

    def _check_encryption(self, declared: Declared) -> None:
        """A certificate whose time is over stays where it was declared before; none is newly declared."""
        now, over = self.ambient.now(), []
        with self.store.read() as session:
            known = {row.id: row.encryption_certificate for row in queries.office_rows(session)}
        for office in declared.offices:
            der = office.get("encryption_certificate")
            if der is not None and der != known.get(office["id"]) and not _is_valid(der, now):
                over.append(f"office {office['id']}: encryption_certificate: one that is valid now")
        if over:
            raise Misconfigured(over)

    def _check_parties(self, session: Session, declared: Declared) -> None:
        named = [(office["id"], office["party"]) for office in declared.offices]
        unknown = [
            f"office {office}: party {party} is not registered"
            for office, party in named
            if session.get(PartyRow, party) is None
        ]
        if unknown:
            raise Misconfigured(unknown)

    def _put(
        self,
        session: Session,
        table: type[_Row],
        subject: str,
        key: str,
        values: Mapping[str, Any],
        actor: str,
    ) -> list[str]:
        actor = named(actor)
        row = session.get(table, key)
        before = None if row is None else {name: getattr(row, name) for name in values}
        if before == dict(values):
            return []
        if row is None:
            extra = {"registered_at": self.ambient.now()} if table is CertificateRow else {}
            session.add(table(**values, **extra))
        else:
            for name, value in values.items():
                setattr(row, name, value)
        session.add(
            Change(
                at=self.ambient.now(),
                actor=actor,
                subject=subject,
                key=key,
                before=_plain(before),
                after=_plain(values),
            )
        )
        return [f"{'changed' if before else 'added'} {subject} {key}"]

    def _certificate(self, party: str, declared: DeclaredCertificate) -> dict[str, Any]:
        der = declared.certificate.public_bytes(Encoding.DER)
        issuer, subject = name_digests(declared.certificate)
        return {
            "digest": sha256(der).hexdigest(),
            "party": party,
            "der": der,
            "issuer_digest": issuer,
            "subject_digest": subject,
            "exact": declared.exact,
            "active": declared.active,
            "not_after": declared.certificate.not_valid_after_utc,
        }

    def export(self) -> dict[str, Any]:
        """The registry as a table that `read_declared` takes back."""
        with self.store.read() as session:
            parties = [
                _party(row, queries.certificates(session, row.id)) for row in queries.party_rows(session)
            ]
            offices = [office_table(row) for row in queries.office_rows(session)]
        return {"party": parties, "office": offices}


def named(actor: str) -> str:
    """The name of whoever makes a change, as it is kept.

    Raises:
        Misconfigured: it is none that can be kept.
    """
    try:
        return person(actor)
    except ValueError as error:
        raise Misconfigured([f"--as: {error}"]) from error


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {
        name: value.hex() if isinstance(value, bytes) else _isoformat(value) for name, value in values.items()
    }


def _isoformat(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _party(row: PartyRow, certificates: list[CertificateRow]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "names": row.names,
        "active": row.active,
        "may_represent": row.may_represent,
        "test": row.test,
        "aliases": row.aliases,
        "certificate": [_pem(certificate) for certificate in certificates],
    } | _given({"receipts": row.receipts, "letters_per_hour": row.letters_per_hour})


def _is_valid(der: bytes, now: datetime) -> bool:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was declared; TOML has no word for nothing."""
    return {name: value for name, value in values.items() if value is not None}


def _pem(row: CertificateRow) -> dict[str, Any]:
    return {"pem": _pem_of(row.der), "exact": row.exact, "active": row.active}


def _pem_of(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def office_table(row: OfficeRow) -> dict[str, Any]:
    """An office as a registry file declares it."""
    names = ("id", "party", "names", "active", "default", "route", "document_types", "readers")
    der = row.encryption_certificate
    certificate = None if der is None else {"pem": _pem_of(der)}
    more = {
        "reader_addresses": row.reader_addresses or None,
        "encryption_certificate": certificate,
        "closes_at": row.closes_at,
        "successor": row.successor,
        "closed_mail": row.closed_mail,
        "serves": row.serves,
        "rule": row.rules,
        "tables": row.tables,
    }
    return {name: getattr(row, name) for name in names} | _given(more)
