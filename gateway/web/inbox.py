"""The door of an office's inbox: what lies ready is listed, fetched, acknowledged, refused or passed on."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import MethodNotAllowed

from gateway.domain.errors import NotFound, Refused
from gateway.exchange.registry.tokens import INBOX
from gateway.exchange.transit.inbox import NOT_FOUND, Inbox, Reader
from gateway.exchange.transit.inbox_content import Content
from gateway.exchange.transit.inbox_list import LONGEST_PAGE, Entry
from gateway.web import inbox_described as words
from gateway.web.access import Access
from gateway.web.answers import attached_as, fresh, in_pieces
from gateway.web.bodies import Members, members
from gateway.web.inbox_members import entry_members, place_members
from gateway.web.inbox_terms import WHO, ground_of, processing_of, reader_of, refusal_of, registered
from gateway.web.openapi.described import described
from gateway.web.paging import limit, once
from gateway.web.reading import BAD_PARAMETER, RELATED
from gateway.wire.mime import OutgoingPart, write_related


def blueprint(inbox: Inbox, access: Access) -> Blueprint:
    """The routes of ``/api/v1/inbox``."""
    door = Blueprint("inbox", __name__, url_prefix="/api/v1/inbox")
    _to_look(door, inbox, access)
    _to_fetch(door, inbox, access)
    _to_take(door, inbox, access)
    _to_send_back(door, inbox, access)
    return door


def _to_look(door: Blueprint, inbox: Inbox, access: Access) -> None:
    @door.get("")
    @access.token(INBOX)
    @described(words.PEEK)
    def peek(party: str) -> Response:
        office = once(request, "office")
        if not office:
            raise Refused.because(BAD_PARAMETER, "office")
        most = limit(request, words.USUAL, LONGEST_PAGE)
        by = Reader(party, None, party)
        found = inbox.peek(by, office, once(request, "after"), most)
        return fresh({"letters": [entry_members(one) for one in found], "next": _next(office, found, most)})

    @door.post("/<delivery>/lock")
    @access.token(INBOX)
    @described(words.LOCK)
    def lock(party: str, delivery: str) -> Response:
        by = reader_of(party, members(request, *WHO))
        return fresh({"lockedUntil": inbox.lock(delivery, by).isoformat()})

    @door.delete("/<delivery>/lock")
    @access.token(INBOX)
    @described(words.UNLOCK)
    def unlock(party: str, delivery: str) -> Response:
        inbox.unlock(delivery, reader_of(party, _from_query()))
        return Response(status=204)


def _to_fetch(door: Blueprint, inbox: Inbox, access: Access) -> None:
    @door.get("/<delivery>/content")
    @access.token(INBOX)
    @described(words.CONTENT)
    def content(party: str, delivery: str) -> Response:
        _only_get()
        found = inbox.content(delivery, reader_of(party, _from_query()))
        answer = _whole(found) if _wants_whole(found.media_type) else _envelope(found)
        answer.vary.add("Accept")
        for one in found.attachments:
            address = url_for("inbox.attachment", delivery=delivery, attachment=one.id)
            answer.headers.add("Link", f'<{address}>; rel="item"')
        return answer

    @door.get("/<delivery>/content/<attachment>")
    @access.token(INBOX)
    @described(words.ATTACHMENT)
    def attachment(party: str, delivery: str, attachment: str) -> Response:
        _only_get()
        found = inbox.content(delivery, reader_of(party, _from_query()))
        for one in found.attachments:
            if one.id == attachment:
                return _streamed(found.open(one.id), one.media_type, one.size, one.name)
        raise NotFound.because(NOT_FOUND)


def _to_take(door: Blueprint, inbox: Inbox, access: Access) -> None:
    @door.post("/<delivery>/acknowledge")
    @access.token(INBOX)
    @described(words.ACKNOWLEDGE)
    def acknowledge(party: str, delivery: str) -> Response:
        said = members(request, "registerNumber", "registerDate", "registerBook", *WHO)
        by = reader_of(party, said)
        inbox.acknowledge(delivery, by, registered(said))
        return _now(inbox, delivery, party)

    @door.post("/<delivery>/progress")
    @access.token(INBOX)
    @described(words.PROGRESS)
    def progress(party: str, delivery: str) -> Response:
        said = members(request, "state", "at", *WHO)
        inbox.whereabouts(delivery, party)  # whose it is comes before what is missing
        by = reader_of(party, said)
        inbox.progress(delivery, by, processing_of(said), said.moment("at"))
        return _now(inbox, delivery, party)


def _to_send_back(door: Blueprint, inbox: Inbox, access: Access) -> None:
    @door.post("/<delivery>/refuse")
    @access.token(INBOX)
    @described(words.REFUSE)
    def refuse(party: str, delivery: str) -> Response:
        said = members(request, "code", "text", *WHO)
        inbox.whereabouts(delivery, party)  # whose it is comes before what is missing
        by = reader_of(party, said)
        inbox.refuse(delivery, by, refusal_of(said))
        return _now(inbox, delivery, party)

    @door.post("/<delivery>/redirect")
    @access.token(INBOX)
    @described(words.REDIRECT)
    def redirect(party: str, delivery: str) -> Response:
        said = members(request, "office", "code", "text", *WHO)
        inbox.whereabouts(delivery, party)  # whose it is comes before what is missing
        by = reader_of(party, said)
        successor = inbox.redirect(delivery, by, said.needed("office", 10), ground_of(said))
        return fresh(place_members(inbox.whereabouts(delivery, party)) | {"successor": successor})


def _from_query() -> Members:
    return Members({name: once(request, name) for name in WHO})


def _only_get() -> None:
    """To fetch is attested; HEAD fetches nothing."""
    if request.method != "GET":
        raise MethodNotAllowed(valid_methods=["GET"])


def _now(inbox: Inbox, delivery: str, party: str) -> Response:
    return fresh(place_members(inbox.whereabouts(delivery, party)))


def _wants_whole(media_type: str) -> bool:
    """Whether the caller would rather have the attachments in the same answer (RFC 9110 12.5.1)."""
    accepted = request.accept_mimetypes
    return accepted.quality(RELATED) > accepted.quality(media_type)


def _envelope(found: Content) -> Response:
    answer = Response(found.envelope, content_type=found.media_type)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _whole(found: Content) -> Response:
    """The envelope and behind it every attachment, read as it is sent (RFC 2387)."""
    parts = [
        OutgoingPart(one.id, one.media_type, one.size, partial(found.open, one.id))
        for one in found.attachments
    ]
    content_type, chunks, length = write_related(found.envelope, found.media_type, parts)
    answer = Response(chunks, content_type=content_type)
    answer.content_length = length
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _next(office: str, found: tuple[Entry, ...], most: int) -> str | None:
    if len(found) < most:
        return None
    return url_for("inbox.peek", office=office, after=found[-1].delivery, limit=most)


def _streamed(file: BinaryIO, media_type: str, size: int, name: str) -> Response:
    """An attachment in pieces; a sender's file is never shown as a page of the hub."""
    answer = in_pieces(file, size, media_type)
    answer.headers["Content-Disposition"] = attached_as(name)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
