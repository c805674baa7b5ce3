"""How each route knows who calls: every view declares it, and a test asks every view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, request

from gateway.exchange.registry.callers import Callers
from gateway.exchange.registry.tokens import Tokens
from gateway.web.clients import ClientCertificates
from gateway.web.reading import bearer

View = Callable[..., Response]


@dataclass(frozen=True)
class Access:
    """Declares and enforces a view's authentication."""

    tokens: Tokens
    callers: Callers
    certificates: ClientCertificates

    def token(self, scope: str) -> Callable[[View], View]:
        """Only a bearer of ``scope``, or a client certificate; the view gets the party as ``party``."""

        def declare(view: View) -> View:
            @wraps(view)
            def checked(**arguments: Any) -> Response:
                return view(party=self._party(scope), **arguments)

            return _declared(checked, f"token {scope}")

        return declare

    def _party(self, scope: str) -> str:
        # a caller that names a token is judged by it alone: its scope may be less than the party's
        if "Authorization" not in request.headers:
            party = self.connected()
            if party is not None:
                return party
        return self.tokens.check(bearer(request), scope)

    def connected(self) -> str | None:
        """The party of the connection's client certificate; None where there is none.

        Raises:
            NotAuthenticated: there is one, and it is no party's or not good.
            Unavailable: it cannot be judged now.
        """
        certificate = self.certificates.of(request)
        return None if certificate is None else self.callers.by_connection(certificate)

    @staticmethod
    def signature(view: View) -> View:
        """The submission's own signature authenticates; intake verifies it."""
        return _declared(view, "signature")

    @staticmethod
    def message(view: View) -> View:
        """Each call over SOAP by its own rule: a letter's signature, the message's, or the connection."""
        return _declared(view, "message")

    @staticmethod
    def cosignature(view: View) -> View:
        """A known witness's good cosignature of a checkpoint authenticates itself; the ledger verifies it."""
        return _declared(view, "cosignature")

    @staticmethod
    def report(view: View) -> View:
        """A recipient's own system, as its office's route says; its adapter judges the call."""
        return _declared(view, "report")


def public(view: View) -> View:
    """Anybody may call."""
    return _declared(view, "public")


def _declared(view: View, how: str) -> View:
    view.authentication = how  # type: ignore[attr-defined]
    return view
