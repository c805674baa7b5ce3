"""The way out of one route: every call over it proves who calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from adapters.auth import Auth
from adapters.contract import Context, Http, Response
from adapters.identity import read_identity
from adapters.oauth import Grant, Token, Tokens

_NOT_AUTHENTICATED = 401


def proving(context: Context, auth: Auth, tokens: Tokens) -> Context:
    """The same context, whose HTTP client adds what the route's ``auth`` says to each call; once."""
    if isinstance(context.http, Proof):
        return context
    return replace(context, http=Proof(context, auth, tokens))


@dataclass(frozen=True)
class Proof:
    """Implements `adapters.contract.Http` over the context's own client."""

    context: Context
    auth: Auth
    tokens: Tokens

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        content_length: int | None = None,
        identity: str | None = None,
    ) -> Response:
        """As `Http.request`; ``identity`` is the route's own, where it names one.

        Raises:
            Temporary: also where the proof cannot be given; nothing was sent then.
            Misconfigured: a secret is missing.
        """
        who = self._identity() or identity
        own = dict(headers or {}) | self.auth.headers(self.context.secret)
        http: Http = self.context.http

        def send(more: Mapping[str, str]) -> Response:
            return http.request(
                method,
                url,
                headers={**own, **more},
                body=body,
                content_length=content_length,
                identity=who,
            )

        grant = self.auth.grant
        if grant is None:
            return send({})
        secret, now = self.context.secret(self.auth.secret), self.context.now()
        token, kept = self.tokens.get(grant, secret, who, http, now)
        response = self._shown(grant, secret, token, send)
        if response.status != _NOT_AUTHENTICATED or not kept or not (body is None or isinstance(body, bytes)):
            return response
        # 401: the call was not looked at. A token that lay here may have been withdrawn; a new one shows.
        token, _ = self.tokens.get(grant, secret, who, http, now)
        return self._shown(grant, secret, token, send)

    def _shown(
        self, grant: Grant, secret: str, token: Token, send: Callable[[Mapping[str, str]], Response]
    ) -> Response:
        """The answer to a call with that token, which is forgotten if it is refused."""
        response = send({"Authorization": f"Bearer {token.value}"})
        if response.status == _NOT_AUTHENTICATED:
            self.tokens.drop(grant, secret, token)
        return response

    def _identity(self) -> str | None:
        if not self.auth.client_certificate:
            return None
        pem = self.context.secret(self.auth.client_certificate)
        read_identity(pem, self.context.now())  # says what is wrong with it better than TLS does
        return pem
