"""Which versions of the gateway can work with the tables as they are."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base


class SchemaFloor(Base):
    """One row: the oldest revision whose code still works with these tables, told by the last upgrade."""

    __tablename__ = "schema_floor"

    revision: Mapped[str] = mapped_column(String(32), primary_key=True)
