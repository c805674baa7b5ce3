"""The token door: OAuth 2.0 client credentials with a signed assertion (RFC 6749 4.4, RFC 7523)."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from gateway.domain.errors import NotAllowed, NotAuthenticated
from gateway.domain.evidence.reasons import explain
from gateway.exchange.registry.tokens import Tokens
from gateway.web.access import public

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def blueprint(tokens: Tokens) -> Blueprint:
    """The route ``/oauth2/token``."""
    oauth = Blueprint("oauth", __name__, url_prefix="/oauth2")

    @oauth.post("/token")
    @public
    def token() -> Response:
        form = request.form
        if any(len(values) > 1 for _, values in form.lists()):  # RFC 6749 3.2
            return _error("invalid_request", 400, "a parameter twice")
        if form.get("grant_type") != "client_credentials":
            return _error("unsupported_grant_type", 400)
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return _error("invalid_request", 400, "client_assertion_type")
        try:
            grant = tokens.grant(form.get("client_assertion", ""), form.get("scope", ""))
        except NotAuthenticated as error:
            return _error("invalid_client", 401, _words(error))
        except NotAllowed as error:
            return _error("invalid_scope", 400, _words(error))
        members = {
            "access_token": grant.token,
            "token_type": "Bearer",
            "expires_in": grant.lifetime,
            "scope": grant.scope,
        }
        return _answer(members, 200)

    return oauth


def _words(error: NotAuthenticated | NotAllowed) -> str:
    # RFC 6749 5.2 allows ASCII only: the code and the English text
    fault = error.faults[0]
    return f"{fault.code}: {explain(fault, 'en')[0]}"


def _error(name: str, status: int, description: str = "") -> Response:
    members = {"error": name}
    if description:
        members["error_description"] = description
    return _answer(members, status)


def _answer(members: dict[str, object] | dict[str, str], status: int) -> Response:
    answer = jsonify(members)
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer
