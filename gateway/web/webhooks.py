"""The door of webhooks: a party says where it wants to be told its feed, and tries it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for

from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.identifiers import is_directory_id
from gateway.domain.transit.webhook import Wanted
from gateway.exchange.registry.tokens import WEBHOOKS
from gateway.exchange.transit.webhooks import Pinged, Webhook, Webhooks
from gateway.i18n import choose_language
from gateway.web import webhooks_described as words
from gateway.web.access import Access
from gateway.web.answers import fresh
from gateway.web.bodies import Members, members
from gateway.web.flood import Flood
from gateway.web.openapi.described import described
from gateway.web.problems import fault_members
from gateway.web.reading import BAD_PARAMETER

_KINDS = tuple(kind.value for kind in ReceiptKind)


def blueprint(webhooks: Webhooks, access: Access, languages: tuple[str, ...], flood: Flood) -> Blueprint:
    """The routes of ``/api/v1/webhooks``.

    Args:
        flood: bounds pings, for each of which somebody waits.
    """
    door = Blueprint("webhooks", __name__, url_prefix="/api/v1/webhooks")
    _to_have(door, webhooks, access, languages)
    _to_change(door, webhooks, access, languages)
    _to_try(door, webhooks, access, languages, flood)
    return door


def _to_have(door: Blueprint, webhooks: Webhooks, access: Access, languages: tuple[str, ...]) -> None:
    @door.post("")
    @access.token(WEBHOOKS)
    @described(words.CREATE)
    def create(party: str) -> Response:
        said = members(request, *words.WANTED)
        made, new = webhooks.create(party, _changed(Wanted(said.needed("url", words.LONGEST_URL)), said))
        answer = _shown(made, languages)
        answer.status_code = 201 if new else 200
        answer.headers["Location"] = url_for("webhooks.one", webhook=made.id)
        return answer

    @door.get("")
    @access.token(WEBHOOKS)
    @described(words.EVERY)
    def every(party: str) -> Response:
        language = _language(languages)
        found = [_members(one, language) for one in webhooks.all_of(party)]
        return _in_language(fresh({"webhooks": found}), language)

    @door.get("/<webhook>")
    @access.token(WEBHOOKS)
    @described(words.SHOW)
    def one(party: str, webhook: str) -> Response:
        return _shown(webhooks.one(party, webhook), languages)


def _to_change(door: Blueprint, webhooks: Webhooks, access: Access, languages: tuple[str, ...]) -> None:
    @door.patch("/<webhook>")
    @access.token(WEBHOOKS)
    @described(words.CHANGE)
    def change(party: str, webhook: str) -> Response:
        said = members(request, *words.WANTED, "active")
        active = said.switch("active")
        changed = webhooks.change(party, webhook, lambda before: _changed(before, said), active)
        return _shown(changed, languages)

    @door.delete("/<webhook>")
    @access.token(WEBHOOKS)
    @described(words.DELETE)
    def delete(party: str, webhook: str) -> Response:
        webhooks.delete(party, webhook)
        return Response(status=204)


def _to_try(
    door: Blueprint, webhooks: Webhooks, access: Access, languages: tuple[str, ...], flood: Flood
) -> None:
    @door.post("/<webhook>/ping")
    @access.token(WEBHOOKS)
    @described(words.PING)
    def ping(party: str, webhook: str) -> Response:
        members(request)
        language = _language(languages)
        with flood.admitted(party):
            pinged = webhooks.ping(party, webhook)
        return _in_language(fresh(_pinged(pinged, language)), language)

    @door.post("/<webhook>/replay")
    @access.token(WEBHOOKS)
    @described(words.REPLAY)
    def replay(party: str, webhook: str) -> Response:
        after = members(request, "after").line("after")
        return _shown(webhooks.replay(party, webhook, after), languages)


def _changed(before: Wanted, said: Members) -> Wanted:
    """What is wanted once what was said is taken over.

    Raises:
        Refused: it says something that is not wanted of anybody.
    """
    kinds, offices, test = (
        said.texts("kinds", len(_KINDS)),
        said.texts("offices", words.MOST_OFFICES),
        said.switch("test"),
    )
    if kinds is not None and not set(kinds) <= set(_KINDS):
        raise Refused.because(BAD_PARAMETER, "kinds", expected=", ".join(_KINDS))
    if offices is not None and not all(map(is_directory_id, offices)):
        raise Refused.because(BAD_PARAMETER, "offices")
    return replace(
        before,
        url=said.line("url", words.LONGEST_URL) or before.url,
        kinds=before.kinds if kinds is None else kinds,
        offices=before.offices if offices is None else offices,
        test=before.test if test is None else test,
    )


def _language(languages: tuple[str, ...]) -> str:
    return choose_language(request.headers.get("Accept-Language"), languages, languages[0])


def _in_language(answer: Response, language: str) -> Response:
    answer.headers["Content-Language"] = language
    answer.vary.add("Accept-Language")
    return answer


def _shown(one: Webhook, languages: tuple[str, ...]) -> Response:
    language = _language(languages)
    return _in_language(fresh(_members(one, language)), language)


def _members(one: Webhook, language: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "url": one.wanted.url,
        "kinds": list(one.wanted.kinds),
        "offices": list(one.wanted.offices),
        "test": one.wanted.test,
        "active": one.active,
        "state": one.state,
        "createdAt": one.since.isoformat(),
        "cursor": one.cursor,
        "told": one.told,
        "failures": one.failures,
        "failingSince": one.failing_since and one.failing_since.isoformat(),
        "nextAttempt": one.due_at.isoformat() if one.failures and one.active else None,
        "lastSuccess": one.last_success and one.last_success.isoformat(),
        "problem": None if one.code is None else _problem(one.code, one.said, language),
    }


def _pinged(done: Pinged, language: str) -> dict[str, Any]:
    error = done.said.error
    return {
        "taken": error is None,
        "status": done.said.status,
        "milliseconds": round(done.took.total_seconds() * 1000),
        "problem": None if error is None else _problem(error.code, error.detail, language),
    }


def _problem(code: str, said: str | None, language: str) -> dict[str, Any]:
    return fault_members(Fault(code, found=said or None), language)
