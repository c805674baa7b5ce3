"""Tables of the registry: parties, offices, certificates, who changed what, and access tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment


class PartyRow(Base):
    """A registered party."""

    __tablename__ = "party"

    id: Mapped[str] = mapped_column(String(10), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    names: Mapped[dict[str, str]] = mapped_column(JSON)
    active: Mapped[bool] = mapped_column(default=True)
    may_represent: Mapped[bool] = mapped_column(default=False)
    test: Mapped[bool] = mapped_column(default=False)
    aliases: Mapped[list[str]] = mapped_column(JSON, default=list)
    receipts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    letters_per_hour: Mapped[int | None]


class OfficeRow(Base):
    """An order office with its route, as declared."""

    __tablename__ = "office"

    id: Mapped[str] = mapped_column(String(10), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"), index=True)
    names: Mapped[dict[str, str]] = mapped_column(JSON)
    active: Mapped[bool] = mapped_column(default=True)
    default: Mapped[bool] = mapped_column(default=False)
    route: Mapped[dict[str, Any]] = mapped_column(JSON)
    document_types: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    readers: Mapped[list[str]] = mapped_column(JSON, default=list)
    reader_addresses: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    encryption_certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    rules: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    closes_at: Mapped[str | None] = mapped_column(String(10))
    successor: Mapped[str | None] = mapped_column(String(10))
    closed_mail: Mapped[str | None] = mapped_column(String(8))
    serves: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    tables: Mapped[dict[str, dict[str, str]] | None] = mapped_column(JSON(none_as_null=True))


class CertificateRow(Base):
    """A certificate registered for a party.

    ``exact``: only this certificate speaks for the party. Otherwise any certificate of the same
    issuer (its key included) with the same subject does, so that a renewal needs no registration.
    """

    __tablename__ = "certificate"
    __table_args__ = (Index("ix_certificate_name", "issuer_digest", "subject_digest"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"), index=True)
    der: Mapped[bytes] = mapped_column(LargeBinary)
    issuer_digest: Mapped[str] = mapped_column(String(64))
    subject_digest: Mapped[str] = mapped_column(String(64))
    exact: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    not_after: Mapped[datetime] = mapped_column(Moment)
    registered_at: Mapped[datetime] = mapped_column(Moment)


class Change(Base):
    """One change of the registry; the highest id is the directory's version and its trust epoch."""

    __tablename__ = "registry_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str] = mapped_column(String(120))
    subject: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(64))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class AccessToken(Base):
    """A token for reads, known by its digest only."""

    __tablename__ = "access_token"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"))
    scope: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)


class SeenAssertion(Base):
    """A client assertion that was used; none is used twice (RFC 7523 3, item 7)."""

    __tablename__ = "seen_assertion"

    party: Mapped[str] = mapped_column(String(10), primary_key=True)
    jti: Mapped[str] = mapped_column(String(255), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
