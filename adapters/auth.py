"""How a route proves to the target who calls, as request headers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from adapters.options import Options
from gateway.domain.errors import Temporary

KINDS = ("none", "header", "bearer", "basic")


@dataclass(frozen=True)
class Auth:
    """Credentials of a route; the secret itself is resolved at each call.

    Options: ``kind`` (``none``, ``header``, ``bearer``, ``basic``); ``secret``, the reference of the
    secret; ``header``, the header's name for kind ``header``; ``username`` for kind ``basic``.
    """

    kind: str = "none"
    secret: str = ""
    header: str = ""
    username: str = ""

    @classmethod
    def read(cls, options: Options | None, kinds: tuple[str, ...] = KINDS) -> Auth:
        """The credentials that the options describe; faults are noted there."""
        if options is None:
            return cls()
        kind = options.choice("kind", kinds)
        auth = cls(
            kind=kind,
            secret=options.text("secret", "" if kind == "none" else None),
            header=options.text("header") if kind == "header" else "",
            username=options.text("username") if kind in ("basic", "wsse") else "",
        )
        options.end()
        return auth

    def headers(self, resolve: Callable[[str], str]) -> dict[str, str]:
        """The headers to send.

        Raises:
            Temporary: the secret cannot stand in a header.
        """
        if self.kind in ("none", "wsse"):
            return {}
        secret = resolve(self.secret)
        if not secret.isprintable():
            raise Temporary("WASL-DLV-013", "the route's secret has characters that no header carries")
        if self.kind == "header":
            return {self.header: secret}
        if self.kind == "bearer":
            return {"Authorization": f"Bearer {secret}"}
        pair = f"{self.username}:{secret}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}
