"""The table of values that letters had and code tables of their offices did not."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base
from gateway.store.types import Moment


class UnmappedValue(Base):
    """One value without an entry of its own; ``office`` outlives nothing, so that it refers to nothing.

    Attributes:
        table: the code table's name.
        value: as `gateway.domain.registry.tables.listed` writes it.
        count: how often letters were mapped that had it, every attempt counted.
        reference: the hub's, of the letter that had it last.
    """

    __tablename__ = "unmapped_value"

    office: Mapped[str] = mapped_column(String(10), primary_key=True)
    table: Mapped[str] = mapped_column("code_table", String(200), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    last_seen: Mapped[datetime] = mapped_column(Moment)
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    reference: Mapped[str] = mapped_column(String(16))
