"""Plainly fictitious letters as text, in both syntaxes, with every octet under the test's control."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime
from typing import Any

from tests.assets.rawsign import SLOT

NAMESPACE = "urn:wasl:envelope:1.0"
HUB = "DEMO-HUB"
MINISTRY = "A0000001-S"
COMMUNE = "A0000002-Q"
OFFICE = "B0000001-V"
XML = "application/xml"
JOSE = "application/jose"
JOSE_JSON = "application/jose+json"


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def message_id(case: str) -> str:
    """A message id that belongs to a case alone."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:example:case:{case}"))


def xml_letter(
    case: str,
    now: datetime,
    *,
    party: str = MINISTRY,
    subject: str = "Demande fictive de renseignements",
    body: str = "Texte d'essai sans objet réel. طلب تجريبي",
    hub: str = HUB,
    attributes: str = ' Id="letter"',
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>\n',
    before: str = "",
    first: str = "",
    extra: str = "",
    slot: str = SLOT,
    after: str = "",
    end: str = "\n  ",
    xmlns: str = f'xmlns="{NAMESPACE}"',
    p: str = "",
) -> str:
    """The text of an unsigned letter with a slot for the signature.

    Args:
        before, after: what stands outside the root.
        first, extra: what stands first inside the root and after the body.
        p: prefix of the elements, with its colon.
    """
    fields = [
        f"<{p}Version>1.0</{p}Version>",
        f"<{p}Hub>{hub}</{p}Hub>",
        f"<{p}MessageId>{message_id(case)}</{p}MessageId>",
        f"<{p}Purpose>letter</{p}Purpose>",
        f"<{p}CreatedAt>{stamp(now)}</{p}CreatedAt>",
        f"<{p}Sender><{p}Party>{party}</{p}Party></{p}Sender>",
        f"<{p}Recipients><{p}Recipient><{p}Office>{OFFICE}</{p}Office></{p}Recipient></{p}Recipients>",
        f"<{p}Subject>{subject}</{p}Subject>",
        f"<{p}Language>fr</{p}Language>",
        f"<{p}Body>{body}</{p}Body>",
    ]
    inside = end.join(["", *([first] if first else []), *fields, *([extra] if extra else []), slot])
    close = end.rstrip(" ")
    return f"{declaration}{before}<{p}Envelope {xmlns}{attributes}>{inside}{close}</{p}Envelope>{after}"


def json_letter(case: str, now: datetime, **changes: Any) -> dict[str, Any]:
    """The members of an unsigned letter; a change to None leaves the member out."""
    letter: dict[str, Any] = {
        "version": "1.0",
        "hub": HUB,
        "messageId": message_id(case),
        "purpose": "letter",
        "createdAt": stamp(now),
        "sender": {"party": MINISTRY},
        "recipients": [{"office": OFFICE}],
        "subject": "Demande fictive de renseignements",
        "language": "fr",
        "body": "Texte d'essai sans objet réel. طلب تجريبي",
    }
    merged = letter | changes
    return {name: value for name, value in merged.items() if value is not None}


def json_octets(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def b64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
