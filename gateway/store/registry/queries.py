"""Look-ups in the registry, answered in the domain's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, tuple_
from sqlalchemy.orm import Session

from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.registry.parties import Office, Party, PartyKind, ReceiptRoute, Route, RouteKind
from gateway.domain.registry.tables import Tables, with_tables
from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.states import MessageState
from gateway.store import plain
from gateway.store.registry.models import (
    AccessToken,
    CertificateRow,
    Change,
    OfficeRow,
    PartyRow,
    SeenAssertion,
)
from gateway.store.registry.rules import closing_of, rule_of
from gateway.store.rows import table
from gateway.store.transit.models import DeliveryRow, Message

_USUAL = RetrySchedule()
_VERSION = select(func.max(table(Change).c.id))


def party(session: Session, party_id: str, retry: RetrySchedule = _USUAL) -> Party | None:
    """A party; the schedule for its receipts is ``retry`` but for what their route itself says."""
    row = session.get(PartyRow, party_id)
    return None if row is None else party_of(row, retry)


def party_of(row: PartyRow, retry: RetrySchedule = _USUAL) -> Party:
    return Party(
        id=row.id,
        kind=PartyKind(row.kind),
        names=row.names,
        active=row.active,
        may_represent=row.may_represent,
        test=row.test,
        aliases=tuple(row.aliases),
        receipts=None if row.receipts is None else receipt_route_of(row.receipts, retry),
        letters_per_hour=row.letters_per_hour,
    )


def receipt_route_of(declared: Mapping[str, Any], retry: RetrySchedule = _USUAL) -> ReceiptRoute:
    """The way of its receipts that a party's stored declaration describes."""
    kinds = declared.get("kinds")
    return ReceiptRoute(
        adapter=declared["adapter"],
        options=declared.get("options", {}),
        kinds=frozenset(ReceiptKind if kinds is None else map(ReceiptKind, kinds)),
        retry=replace(retry, **declared.get("retry", {})),
        accepts_test=declared.get("accepts_test", False),
    )


def parties(session: Session) -> list[Party]:
    return [party_of(row) for row in session.scalars(select(PartyRow).order_by(PartyRow.id))]


def office(session: Session, office_id: str, retry: RetrySchedule = _USUAL) -> Office | None:
    """An office; its route's schedule is ``retry`` but for what the route itself says."""
    row = session.get(OfficeRow, office_id)
    return None if row is None else office_of(row, retry)


_ROUTES = select(table(OfficeRow).c.id, table(OfficeRow).c.route).where(
    table(OfficeRow).c.id.in_(bindparam("of_offices", expanding=True))
)


def routes(session: Session, offices: Sequence[str], retry: RetrySchedule = _USUAL) -> dict[str, Route]:
    """The routes of offices; those that left the registry have none."""
    rows = session.execute(_ROUTES, {"of_offices": list(offices)})
    return {office: route_of(declared, retry) for office, declared in rows}


def default_office(session: Session, party_id: str) -> Office | None:
    query = select(OfficeRow).where(OfficeRow.party == party_id, OfficeRow.active, OfficeRow.default)
    row = session.scalars(query.order_by(OfficeRow.id).limit(1)).first()
    return None if row is None else office_of(row)


def offices(session: Session) -> list[Office]:
    return [office_of(row) for row in session.scalars(select(OfficeRow).order_by(OfficeRow.id))]


def office_of(row: OfficeRow, retry: RetrySchedule = _USUAL) -> Office:
    return Office(
        id=row.id,
        party=row.party,
        names=row.names,
        route=_with_tables(route_of(row.route, retry), row.tables or {}),
        active=row.active,
        default=row.default,
        document_types=row.document_types,
        readers=tuple(row.readers),
        reader_addresses=row.reader_addresses or {},
        rules=tuple(map(rule_of, row.rules or ())),
        closing=closing_of(row.closes_at, row.successor, row.closed_mail),
        serves=tuple(row.serves or ()),
        tables=row.tables or {},
    )


def _with_tables(route: Route, tables: Tables) -> Route:
    if route.kind is not RouteKind.ADAPTER:
        return route
    return replace(route, options=with_tables(route.options, tables))


def route_of(declared: Mapping[str, Any], retry: RetrySchedule = _USUAL) -> Route:
    """The route that an office's stored declaration describes."""
    return Route(
        kind=RouteKind(declared["kind"]),
        adapter=declared.get("adapter", ""),
        options=declared.get("options", {}),
        retry=replace(retry, **declared.get("retry", {})),
        max_bytes=_smaller(declared.get("max_bytes"), declared.get("options", {}).get("max_bytes")),
        accepts_test=declared.get("accepts_test", False) or declared.get("test_only", False),
        test_only=declared.get("test_only", False),
        concurrency=declared.get("concurrency"),
        per_minute=declared.get("per_minute"),
        fallback_seconds=declared.get("fallback_seconds"),
        paused=declared.get("paused", False),
    )


def _smaller(own: int | None, of_kind: Any) -> int | None:
    """The limit of a route that has one of its own, and one for what its kind can send."""
    if not isinstance(of_kind, int) or isinstance(of_kind, bool):
        return own
    return of_kind if own is None else min(own, of_kind)


def sender_of(session: Session, reference: str, reader: str) -> str | None:
    """The party that sent the accepted letter ``reference``, if ``reader`` was a recipient of it."""
    query = (
        select(Message.party)
        .join(DeliveryRow, DeliveryRow.message == Message.id)
        .where(Message.reference == reference, DeliveryRow.party == reader)
        .where(Message.state == MessageState.ACCEPTED.value)
    )
    return session.scalars(query.limit(1)).first()


def certificate(session: Session, digest: str) -> CertificateRow | None:
    return session.get(CertificateRow, digest)


def certificate_by_name(session: Session, issuer_digest: str, subject_digest: str) -> CertificateRow | None:
    """An active registration by issuer key and subject, which a renewed certificate also meets."""
    query = select(CertificateRow).where(
        CertificateRow.issuer_digest == issuer_digest,
        CertificateRow.subject_digest == subject_digest,
        CertificateRow.active,
        CertificateRow.exact.is_(False),
    )
    return session.scalars(query.limit(1)).first()


def certificates(session: Session, party_id: str | None = None) -> list[CertificateRow]:
    query = select(CertificateRow).order_by(CertificateRow.party, CertificateRow.digest)
    if party_id is not None:
        query = query.where(CertificateRow.party == party_id)
    return list(session.scalars(query))


def version(session: Session) -> int:
    """The directory's version: the number of the last recorded change, 0 before any."""
    [[newest]] = plain.found(session, _VERSION, {})
    return int(newest or 0)


def changes(session: Session, limit: int = 100) -> list[Change]:
    return list(session.scalars(select(Change).order_by(Change.id.desc()).limit(limit)))


_TOKEN, _PARTY = table(AccessToken), table(PartyRow)
# Built once: every call with a token asks it.
_HOLDER = (
    select(_TOKEN.c.party, _TOKEN.c.scope, _PARTY.c.active)
    .join(_PARTY, _PARTY.c.id == _TOKEN.c.party)
    .where(_TOKEN.c.digest == bindparam("of_token"), _TOKEN.c.expires_at > bindparam("at"))
)


@dataclass(frozen=True)
class Holder:
    """The party that holds a token, and what the token allows."""

    party: str
    scope: str
    active: bool


def holder(session: Session, digest: str, now: datetime) -> Holder | None:
    """Who holds a token whose time is not over."""
    rows = plain.found(session, _HOLDER, {"of_token": digest, "at": now})
    return Holder(*rows[0]) if rows else None


def forget_expired(session: Session, now: datetime) -> None:
    """Drop tokens and assertions whose time is over, but for those that somebody else drops just now."""
    # Two that deleted the same rows in another order would wait for each other.
    over = select(AccessToken.digest).where(AccessToken.expires_at <= now).with_for_update(skip_locked=True)
    session.execute(delete(AccessToken).where(AccessToken.digest.in_(over)))
    seen = select(SeenAssertion.party, SeenAssertion.jti).where(SeenAssertion.expires_at <= now)
    both = tuple_(SeenAssertion.party, SeenAssertion.jti)
    session.execute(delete(SeenAssertion).where(both.in_(seen.with_for_update(skip_locked=True))))


def party_rows(session: Session) -> list[PartyRow]:
    return list(session.scalars(select(PartyRow).order_by(PartyRow.id)))


def office_rows(session: Session) -> list[OfficeRow]:
    return list(session.scalars(select(OfficeRow).order_by(OfficeRow.id)))
