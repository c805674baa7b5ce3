"""What a dry run of a version over letters found, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.domain.registry.differences import Difference


@dataclass(frozen=True)
class Unmapped:
    """A letter of which a version makes no call.

    Attributes:
        code, detail: the reason, as an attempt would have it; nothing that people wrote is in it.
        expression, path, type: of the mapping that failed; None where something else did.
        also_active: the active version fails with it in the same way.
    """

    reference: str
    code: str
    detail: str
    expression: str | None = None
    path: str | None = None
    type: str | None = None
    also_active: bool = False

    @property
    def is_bad(self) -> bool:
        """Whether the version is worse for it; a mapping that fails never passes."""
        return not self.also_active or self.expression is not None


@dataclass(frozen=True)
class Changed:
    """A letter of which two versions make other calls.

    Attributes:
        differences: where; at most so many are told. ``more``: how many are not.
        varying: places that differ from one showing to the next whatever the version; not compared.
    """

    reference: str
    differences: tuple[Difference, ...]
    more: int = 0
    varying: int = 0


@dataclass(frozen=True)
class Unread:
    """A letter that could not be shown, and the reason's code."""

    reference: str
    code: str


@dataclass(frozen=True)
class DryRun:
    """The outcome of a dry run.

    Attributes:
        number: the version that was tried, ``against`` the active one.
        letters: how many were looked at, of which ``same`` would be sent the same.
        unread: letters whose content was purged, or cannot be read.
        fetched: documents that had to be fetched to build calls, such as a WSDL.
        remarks: what could not be compared, and why.
    """

    office: str
    number: int
    against: int
    letters: int
    same: int
    changed: tuple[Changed, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    unread: tuple[Unread, ...] = ()
    fetched: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the version makes calls of every letter of which it should."""
        return not any(one.is_bad for one in self.unmapped)

    @property
    def said(self) -> str:
        """The whole in one line."""
        counts = [
            f"{self.letters} letters",
            f"{self.same} the same",
            f"{len(self.changed)} would differ",
            f"{len(self.unmapped)} cannot be mapped",
            f"{len(self.unread)} cannot be read",
        ]
        return ", ".join(counts)

    def kept(self) -> Mapping[str, Any]:
        """What of it stays with the version: counts and failures, and of no letter its text."""
        return {
            "against": self.against,
            "letters": self.letters,
            "same": self.same,
            "changed": [one.reference for one in self.changed],
            "unmapped": [asdict(one) for one in self.unmapped],
            "unread": [asdict(one) for one in self.unread],
        }
