"""How a route proves to the target who calls.

Options of ``auth`` (a table; ``•`` marks what its kind requires):

- ``kind``: ``none``, ``header``, ``bearer``, ``basic``, ``oauth2``; for SOAP also ``wsse`` and ``x509`` (see
  `adapters.soap_security`), and ``soap_header``: the mapping ``headers`` sees the secret as ``secret``.
- ``secret`` • (but for ``none``): the reference of the secret: a key, a token, a password, an OAuth client's
  secret, or for ``x509`` certificate, chain and private key in PEM.
- ``header`` •: the header's name, for kind ``header``.
- ``username`` •: for the kinds ``basic`` and ``wsse``.
- ``token_url`` •, ``client_id`` •, ``scope``, ``audience``, ``client_auth``: for kind ``oauth2``, see
  `adapters.oauth`.
- ``password`` (``text`` or ``digest``), ``timestamp`` (false): for kind ``wsse``.
- ``client_certificate``: the reference of a secret that holds a client certificate, its chain and its private
  key without a password, in PEM. It is shown in TLS at every call of the route, beside any kind.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from adapters.oauth import Grant
from adapters.options import Options
from gateway.domain.errors import Temporary

KINDS = ("none", "header", "bearer", "basic", "oauth2")
IN_THE_MESSAGE = ("wsse", "x509", "soap_header")
"""Kinds by which not the call but the message in it proves who speaks."""


@dataclass(frozen=True)
class Auth:
    """Credentials of a route; secrets themselves are resolved at each call."""

    kind: str = "none"
    secret: str = ""
    header: str = ""
    username: str = ""
    grant: Grant | None = None
    client_certificate: str = ""
    digested: bool = False
    timestamp: bool = False

    @classmethod
    def read(cls, options: Options | None, kinds: tuple[str, ...] = KINDS) -> Auth:
        """The credentials that the options describe; faults are noted there."""
        if options is None:
            return cls()
        certificate = options.text("client_certificate", "")
        kind = options.choice("kind", kinds, "none" if certificate else None)
        auth = cls(
            kind=kind,
            secret=options.text("secret", "" if kind == "none" else None),
            header=options.text("header") if kind == "header" else "",
            username=options.text("username") if kind in ("basic", "wsse") else "",
            grant=Grant.read(options) if kind == "oauth2" else None,
            client_certificate=certificate,
            digested=kind == "wsse" and options.choice("password", ("text", "digest"), "text") == "digest",
            timestamp=kind == "wsse" and options.flag("timestamp"),
        )
        options.end()
        return auth

    def headers(self, resolve: Callable[[str], str]) -> dict[str, str]:
        """The headers to send that need nothing but the secret.

        Raises:
            Temporary: the secret cannot stand in a header.
        """
        if self.kind in ("none", "oauth2", *IN_THE_MESSAGE):
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

    def masked(self, mask: str) -> dict[str, str]:
        """The headers that are sent, for people: ``mask`` stands for what they hold."""
        names = ["Authorization"] if self.kind == "oauth2" else self.headers(lambda _reference: mask)
        return dict.fromkeys(names, mask)
