"""What reasons are about: the middle part of their codes, and its title."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.domain.evidence.reasons import Reason, catalogue
from gateway.i18n.marking import mark

AREAS: Mapping[str, str] = {
    "REQ": mark("Requests"),
    "AUT": mark("Access tokens"),
    "XML": mark("XML letters"),
    "JWS": mark("JSON letters"),
    "SIG": mark("Signatures"),
    "CRT": mark("Certificates"),
    "PTY": mark("Senders and who may sign for them"),
    "ENV": mark("What the letter says"),
    "ATT": mark("Attachments"),
    "RTE": mark("Recipients"),
    "DUP": mark("Repeated letters"),
    "DLV": mark("Delivery"),
    "RET": mark("Retention"),
    "SOP": mark("SOAP messages"),
    "WHK": mark("Webhooks"),
    "HUB": mark("The hub itself"),
}
"""The title of each area."""


def area_of(reason: Reason) -> str:
    """The area in a code such as ``WASL-REQ-005``."""
    return reason.code.split("-")[1]


def reasons_of(area: str) -> list[Reason]:
    """The reasons of an area, as the catalogue orders them."""
    return [reason for reason in catalogue().values() if area_of(reason) == area]
