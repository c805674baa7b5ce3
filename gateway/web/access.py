"""How each route knows who calls: every view declares it, and a test asks every view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, request

from gateway.exchange.registry.tokens import Tokens
from gateway.web.reading import bearer

View = Callable[..., Response]


@dataclass(frozen=True)
class Access:
    """Declares and enforces a view's authentication."""

    tokens: Tokens

    def token(self, scope: str) -> Callable[[View], View]:
        """Only a bearer of ``scope``; the view gets the party as ``party``."""

        def declare(view: View) -> View:
            @wraps(view)
            def checked(**arguments: Any) -> Response:
                party = self.tokens.check(bearer(request), scope)
                return view(party=party, **arguments)

            return _declared(checked, f"token {scope}")

        return declare

    @staticmethod
    def signature(view: View) -> View:
        """The submission's own signature authenticates; intake verifies it."""
        return _declared(view, "signature")

    @staticmethod
    def cosignature(view: View) -> View:
        """A known witness's good cosignature of a checkpoint authenticates itself; the ledger verifies it."""
        return _declared(view, "cosignature")


def public(view: View) -> View:
    """Anybody may call."""
    return _declared(view, "public")


def _declared(view: View, how: str) -> View:
    view.authentication = how  # type: ignore[attr-defined]
    return view
