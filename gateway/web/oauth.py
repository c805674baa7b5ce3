"""The token door: OAuth 2.0 client credentials with a signed assertion (RFC 6749 4.4, RFC 7523)."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from gateway.domain.errors import NotAllowed, NotAuthenticated
from gateway.domain.evidence.reasons import explain
from gateway.exchange.registry.tokens import SCOPES, Tokens
from gateway.i18n import mark
from gateway.web.access import public
from gateway.web.openapi import common
from gateway.web.openapi.described import Body, Described, Example, described, members
from gateway.web.openapi.schema import TEXT, number, one_of, record

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def blueprint(tokens: Tokens) -> Blueprint:
    """The route ``/oauth2/token``."""
    oauth = Blueprint("oauth", __name__, url_prefix="/oauth2")

    @oauth.post("/token")
    @public
    @described(TOKEN)
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


_FORM = "application/x-www-form-urlencoded"
_REFUSED = record("TokenRefused", optional=("error_description",), error=TEXT, error_description=TEXT)
TOKEN = Described(
    common.TOKENS,
    mark("Ask for an access token"),
    (
        members(
            200,
            mark("A token, and how many seconds it is good for."),
            record(
                "Token",
                access_token=TEXT,
                token_type=one_of(["Bearer"]),
                expires_in=number(1, 1 << 31),
                scope=TEXT,
            ),
        ),
        members(400, mark("The request is not one for a token, or asks for what does not exist."), _REFUSED),
        members(401, mark("The assertion is not good, or was used before."), _REFUSED),
    ),
    detail=mark(
        "The assertion is a JWT (RFC 7523), signed with the key of a certificate that is registered for the "
        "party: iss and sub name the party, aud is this address, exp lies within five minutes, jti is new."
    ),
    body=Body(
        {
            _FORM: {
                "type": "object",
                "properties": {
                    "grant_type": one_of(["client_credentials"]),
                    "client_assertion_type": one_of([ASSERTION_TYPE]),
                    "client_assertion": TEXT,
                    "scope": {"type": "string", "examples": sorted(SCOPES)},
                },
                "required": ["grant_type", "client_assertion_type", "client_assertion"],
            }
        },
        {
            _FORM: (
                Example(
                    "token",
                    {
                        "grant_type": "client_credentials",
                        "client_assertion_type": ASSERTION_TYPE,
                        "client_assertion": "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.…",
                        "scope": " ".join(sorted(SCOPES)),
                    },
                    live=("client_assertion",),
                ),
            )
        },
    ),
    problems=(413, 503),
)


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
