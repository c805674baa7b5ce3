"""The optional protocol of kinds whose systems say themselves what they can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from adapters.contract import Context


@dataclass(frozen=True)
class Parameter:
    """One value that an operation takes or answers, under the name that a mapping uses for it.

    Attributes:
        type: the schema's own simple type, such as ``string`` or ``base64Binary``, else the type's name.
        parameters: those inside it; empty as well where a type holds itself.
    """

    name: str
    type: str
    required: bool
    many: bool = False
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Offer:
    """One operation that a system offers; ``protocol`` says how it is spoken to, ``url`` where.

    ``headers`` is what it takes beside its parameters, such as who calls.
    """

    service: str
    port: str
    protocol: str
    url: str
    operation: str
    takes: tuple[Parameter, ...]
    answers: tuple[Parameter, ...]
    headers: tuple[Parameter, ...] = ()


@runtime_checkable
class Describes(Protocol):
    """The target says itself what it can be asked."""

    def describe(self, context: Context) -> tuple[Offer, ...]:
        """All of it; of the options only those are read that say where the target is and who calls.

        Raises:
            DeliveryError: it could not be asked, or says nothing that is understood.
        """

    def described_at(self, url: str) -> Mapping[str, Any]:
        """The options by which `describe` asks at an address."""
