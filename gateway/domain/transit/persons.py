"""People and bodies as an envelope names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from gateway.domain.content import Kind, item


class PersonKind(Enum):
    """What sort of person writes through a platform or the portal."""

    CITIZEN = "citizen"
    COMPANY = "company"
    ASSOCIATION = "association"
    ADMINISTRATION = "administration"


class Assurance(Enum):
    """How sure anybody is that the person is who they say."""

    DECLARED = "declared"  # the person said so
    CHANNEL = "channel"  # a code sent to their address or telephone came back
    VERIFIED = "verified"  # an identity service or a document was checked


class InterestedRole(Enum):
    """Why somebody who is neither sender nor recipient is named."""

    CONCERNED = "concerned"
    REPRESENTATIVE = "representative"


class Channel(Enum):
    """How a person prefers to be told."""

    EMAIL = "email"
    TELEPHONE = "telephone"
    POST = "post"
    PLATFORM = "platform"


@dataclass(frozen=True)
class Identifier:
    """An identifier given by somebody outside the hub, such as a company number."""

    scheme: str = item("Who gives this identifier: ice, siret, commune, …", kind=Kind.CODE, maximum=40)
    value: str = item("The identifier itself.", kind=Kind.CODE)


@dataclass(frozen=True)
class Contact:
    """Where somebody can be reached about this letter."""

    name: str | None = item("Role or name of the person to ask for.", kind=Kind.LINE, default=None)
    email: str | None = item("E-mail address.", kind=Kind.LINE, maximum=254, default=None)
    telephone: str | None = item("Telephone number as written.", kind=Kind.LINE, maximum=40, default=None)
    address: str | None = item("Postal address.", kind=Kind.TEXT, maximum=1000, default=None)


@dataclass(frozen=True)
class Identification:
    """How a person was identified, by whom and when."""

    assurance: Assurance = item("How sure the identification is.")
    identified_by: str = item("Directory identifier of the party that identified.", kind=Kind.DIRECTORY_ID)
    method: str | None = item("The means used, in the platform's words.", kind=Kind.LINE, default=None)
    identified_at: datetime | None = item("When it was done.", default=None)


@dataclass(frozen=True)
class Person:
    """A citizen, company, association or body in whose name a party writes."""

    kind: PersonKind = item("What sort of person.")
    name: str = item("Name as the person writes it.", kind=Kind.LINE, maximum=240)
    identification: Identification = item("How this person was identified.")
    identifiers: tuple[Identifier, ...] = item(
        "Outside identifiers, such as a company's ICE.", each="Identifier", maximum=10, default=()
    )
    contact: Contact | None = item("Where the person can be reached.", default=None)


@dataclass(frozen=True)
class InterestedParty:
    """Somebody the letter is about, or who stands for them."""

    role: InterestedRole = item("Why they are named.")
    kind: PersonKind = item("What sort of person.")
    name: str = item("Name as written.", kind=Kind.LINE, maximum=240)
    identifiers: tuple[Identifier, ...] = item(
        "Outside identifiers.", each="Identifier", maximum=10, default=()
    )
    contact: Contact | None = item("Where they can be reached.", default=None)
    preferred_channel: Channel | None = item("How they prefer to be told.", default=None)


@dataclass(frozen=True)
class Signatory:
    """Who signed the letter on behalf of the sender (not the electronic signer)."""

    title: str = item("Office held, such as Director of Planning.", kind=Kind.LINE, maximum=240)
    name: str | None = item("Name, where the sender states it.", kind=Kind.LINE, maximum=240, default=None)
    by_delegation: bool = item("Signed by delegation of the office's holder.", default=False)


@dataclass(frozen=True)
class Sender:
    """The registered party that sends, and which part of it."""

    party: str = item("Directory identifier of the sending party.", kind=Kind.DIRECTORY_ID)
    office: str | None = item("Its order office, where it has several.", kind=Kind.DIRECTORY_ID, default=None)
    unit: str | None = item("The unit that wrote the letter.", kind=Kind.LINE, maximum=240, default=None)
    contact: Contact | None = item("Whom to ask about the letter.", default=None)
    signatory: Signatory | None = item("Who signed the letter.", default=None)
    on_behalf_of: Person | None = item("The person in whose name the party sends.", default=None)
    submitted_by: str | None = item(
        "The platform or desk through which it was deposited, where it differs.",
        kind=Kind.LINE,
        maximum=240,
        default=None,
    )
