"""The door to the directory of order offices."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, Response, request, url_for

from gateway.domain.errors import Refused
from gateway.domain.identifiers import is_directory_id
from gateway.domain.registry.directory import ListedOffice
from gateway.exchange.registry.directory import MOST, OfficeDirectory
from gateway.exchange.registry.tokens import READ
from gateway.exchange.transit.judge import MEDIA_TYPES
from gateway.settings import Limits
from gateway.web import directory_described as words
from gateway.web.access import Access
from gateway.web.answers import stable
from gateway.web.openapi.described import described
from gateway.web.paging import limit, once
from gateway.web.reading import BAD_PARAMETER


def blueprint(directory: OfficeDirectory, limits: Limits, access: Access) -> Blueprint:
    """The routes of ``/api/v1/directory``."""
    door = Blueprint("directory", __name__, url_prefix="/api/v1/directory")

    @door.get("/offices")
    @access.token(READ)
    @described(words.OFFICES)
    def offices(party: str) -> Response:
        query, owner, most = once(request, "q") or "", _identifier("party"), limit(request, words.USUAL, MOST)
        if len(query) > words.LONGEST:
            raise Refused.because(BAD_PARAMETER, "q")
        page = directory.page(query, owner, _identifier("after") or "", most)
        asked: dict[str, Any] = {name: value for name, value in (("q", query), ("party", owner)) if value}
        following = page.after and url_for("directory.offices", after=page.after, limit=most, **asked)
        found = [office_members(one, limits) for one in page.offices]
        return stable(request, {"offices": found, "next": following})

    @door.get("/offices/<office>")
    @access.token(READ)
    @described(words.OFFICE)
    def office(party: str, office: str) -> Response:
        return stable(request, office_members(directory.office(office), limits))

    return door


def _identifier(name: str) -> str | None:
    value = once(request, name)
    if value is not None and not is_directory_id(value):
        raise Refused.because(BAD_PARAMETER, name)
    return value


def office_members(listed: ListedOffice, limits: Limits) -> dict[str, Any]:
    """An office as its senders see it; sizes in octets, the certificate in base64 of its DER form."""
    office, certificate = listed.office, listed.encryption_certificate
    closing = office.closing
    return {
        "id": office.id,
        "party": office.party,
        "names": dict(office.names),
        "partyNames": dict(listed.party_names),
        "default": office.default,
        "documentTypes": sorted(office.document_types),
        "formats": sorted(MEDIA_TYPES),
        "maxBytes": office.route.max_bytes,
        "maxAttachmentBytes": limits.attachment_bytes,
        "closesAt": closing and closing.since.isoformat(),
        "successor": closing and closing.successor,
        "forwards": closing.forwards and closing.successor is not None if closing else None,
        "acceptsTest": office.route.accepts_test,
        "health": listed.health.value,
        "encryptionCertificate": certificate and base64.b64encode(certificate).decode("ascii"),
        "href": url_for("directory.office", office=office.id),
    }
