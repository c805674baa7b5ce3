"""Access tokens by OAuth 2.0 client credentials (RFC 6749 4.4), kept until shortly before they end."""

from __future__ import annotations

import base64
import json
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import quote_plus, urlencode

from adapters.contract import Http, Response
from adapters.options import Options
from adapters.outcomes import retry_after, told
from gateway.domain.errors import DeliveryError, Temporary

NO_TOKEN = "WASL-DLV-070"  # noqa: S105 - a reason
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 2.1
_UNSTATED_S = 60
"""How long a token is kept whose answer does not say how long it lives."""
_LONGEST_S = 24 * 3600
_KEPT = 1000
MASK = "•••"
_METHODS = ("client_secret_basic", "client_secret_post")


@dataclass(frozen=True)
class Grant:
    """What a token is asked with.

    Options: ``token_url`` •, ``client_id`` •, ``scope``, ``audience``, and ``client_auth``: how the client's
    secret is shown, ``client_secret_basic`` (by default) or ``client_secret_post``.
    """

    token_url: str
    client_id: str
    scope: str
    audience: str
    in_body: bool

    @classmethod
    def read(cls, options: Options) -> Grant:
        """The grant that the options describe; faults are noted there."""
        return cls(
            token_url=options.url("token_url"),
            client_id=options.text("client_id"),
            scope=options.text("scope", ""),
            audience=options.text("audience", ""),
            in_body=options.choice("client_auth", _METHODS, _METHODS[0]) == _METHODS[1],
        )

    def ask(self, http: Http, secret: str, identity: str | None, now: datetime) -> Token:
        """A new token.

        Raises:
            Temporary: there is none now. Whatever the reason is, it says nothing about a letter.
        """
        form = {"grant_type": "client_credentials", "scope": self.scope, "audience": self.audience}
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if self.in_body:
            form |= {"client_id": self.client_id, "client_secret": secret}
        else:
            # RFC 6749 2.3.1: both are encoded as in a form before they are joined.
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        shown = identity if self.token_url.startswith("https:") else None
        try:
            response = http.request("POST", self.token_url, headers=headers, body=body, identity=shown)
        except DeliveryError as error:
            detail = f"{self.token_url}: {error.detail or error.code}"
            raise Temporary(NO_TOKEN, detail, getattr(error, "retry_after", None)) from error
        try:
            return _read(response, now)
        except Temporary as trouble:  # a page that repeats our credentials does not make us keep them
            detail = trouble.detail.replace(secret, MASK) if len(secret) > 3 else trouble.detail
            raise Temporary(NO_TOKEN, detail, trouble.retry_after) from trouble


@dataclass(frozen=True)
class Token:
    """An access token, and until when it is used."""

    value: str
    asked_at: datetime
    until: datetime

    def lives(self, now: datetime) -> bool:
        """Whether it can be shown; a clock that went back does not keep a token for ever."""
        return self.asked_at <= now < self.until


def _read(response: Response, now: datetime) -> Token:
    if response.status != 200:
        raise Temporary(NO_TOKEN, told(response), retry_after(response, now))
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise Temporary(NO_TOKEN, "the answer of the token address is no JSON") from error
    # What follows tells nothing of the answer: it holds a token.
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise Temporary(NO_TOKEN, "the answer of the token address has no access_token that can be shown")
    if str(answer.get("token_type", "")).lower() != "bearer":
        raise Temporary(NO_TOKEN, "the token is of another type than Bearer")
    seconds = _lifetime(answer.get("expires_in"))
    return Token(value, now, now + timedelta(seconds=seconds - min(60.0, seconds / 10)))


def _lifetime(stated: object) -> float:
    """Seconds that a token lives; some servers write the number as a text."""
    try:
        seconds = float(stated)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return _UNSTATED_S
    return min(seconds, _LONGEST_S) if seconds > 0 else _UNSTATED_S  # NaN is not above nought


class Tokens:
    """Tokens by what they were asked with, shared by the threads of a process.

    Nobody waits for another's question: a token address that hangs holds up each call once, not one after
    the other.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Grant, str], Token] = {}
        self._lock = threading.Lock()

    def get(
        self, grant: Grant, secret: str, identity: str | None, http: Http, now: datetime
    ) -> tuple[Token, bool]:
        """A token that lives, and whether it was there already.

        Raises:
            Temporary: as `Grant.ask`.
        """
        key = _key(grant, secret)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept.lives(now):
            return kept, True
        fresh = grant.ask(http, secret, identity, now)
        with self._lock:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = fresh
        return fresh, False

    def drop(self, grant: Grant, secret: str, token: Token) -> None:
        """Forget a token that was refused, unless another took its place meanwhile."""
        key = _key(grant, secret)
        with self._lock:
            if self._kept.get(key) == token:
                del self._kept[key]


def _key(grant: Grant, secret: str) -> tuple[Grant, str]:
    return grant, sha256(secret.encode()).hexdigest()
