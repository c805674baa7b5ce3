"""A hub as its partners reach it: submissions without a token, every other call with one of its scope."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from adapters.contract import Response
from gateway.clients.http import GuardedHttp, Sink
from gateway.clients.hub_refused import UNREADABLE
from gateway.domain.errors import Permanent, Temporary

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
READ, CANCEL, INBOX = "envelopes:read", "envelopes:cancel", "inbox"
JSON = "application/json"
NOT_AN_ADDRESS = "WASL-DLV-006"
_EARLY_S = 30.0
"""A token is not used in its last seconds: clocks and networks differ."""
_LET_GO = 401


@dataclass(frozen=True)
class HubClient:
    """Speaks to one hub.

    Attributes:
        url: the hub's address, without a slash at its end.
        assertion: makes a fresh client assertion for the token address given.
        monotonic: seconds that never go back.
    """

    http: GuardedHttp
    url: str
    assertion: Callable[[str], str] | None = None
    monotonic: Callable[[], float] = time.monotonic
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def submit(
        self,
        body: bytes | Iterator[bytes],
        content_type: str,
        content_length: int | None = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/api/v1/envelopes",
    ) -> Response:
        """Submit a signed envelope; the answer's status says what became of it.

        Raises:
            DeliveryError: no answer came; the same octets may be sent again.
        """
        return self.http.request(
            "POST",
            self.url + path,
            headers={"Content-Type": content_type, **(headers or {})},
            body=body,
            content_length=content_length,
        )

    def call(
        self,
        method: str,
        path: str,
        scope: str = READ,
        *,
        members: Mapping[str, Any] | None = None,
        accept: str = JSON,
        language: str = "en",
        into: Sink | None = None,
    ) -> Response:
        """A call with a token of ``scope``; one that the hub let go of is asked for anew, once.

        Args:
            path: at the hub, with its query, as its answers give it too.
            members: of the JSON object to send.
            into: where the body of a ``200`` goes.

        Raises:
            DeliveryError: no answer came, or the path leads elsewhere.
            PermissionError: the hub gave no token.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise Permanent(NOT_AN_ADDRESS, "an address that is not the hub's")
        body = None if members is None else json.dumps(members).encode()
        for last in (False, True):
            headers = {"Authorization": f"Bearer {self._token(scope, anew=last)}", "Accept": accept}
            headers |= {"Accept-Language": language} | ({} if body is None else {"Content-Type": JSON})
            answer = self.http.request(method, self.url + path, headers=headers, body=body, into=into)
            if answer.status != _LET_GO:
                break
        return answer

    def get(self, path: str, accept: str = JSON) -> Response:
        """A read.

        Raises:
            DeliveryError: no answer came.
            PermissionError: the hub gave no token.
        """
        return self.call("GET", path, accept=accept)

    def letter(self, reference: str) -> Response:
        return self.get(f"/api/v1/envelopes/{quote(reference, safe='')}")

    def receipts(self, reference: str) -> list[dict[str, Any]]:
        """The receipts of a letter, in the order they were made."""
        answer = self.get(f"/api/v1/envelopes/{quote(reference, safe='')}/receipts")
        found: list[dict[str, Any]] = json.loads(answer.body)["receipts"] if answer.status == 200 else []
        return found

    def _token(self, scope: str, anew: bool) -> str:
        token, good_until = self._tokens.get(scope, ("", 0.0))
        if anew or self.monotonic() >= good_until:
            asked = self.monotonic()
            token, lifetime = self._ask(scope)
            self._tokens[scope] = (token, asked + lifetime - _EARLY_S)
        return token

    def _ask(self, scope: str) -> tuple[str, float]:
        if self.assertion is None:
            raise PermissionError("no key to ask for a token with")
        address = f"{self.url}/oauth2/token"
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(address),
            "scope": scope,
        }
        answer = self.http.request(
            "POST",
            address,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        if answer.status >= 500:
            raise Temporary("WASL-DLV-002", f"HTTP {answer.status} from {address}")
        if answer.status != 200:
            raise PermissionError(answer.body.decode("utf-8", "replace")[:500])
        return _granted(answer.body)


def _granted(body: bytes) -> tuple[str, float]:
    try:
        members = json.loads(body)
        return str(members["access_token"]), float(members.get("expires_in", 0))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Temporary(UNREADABLE, "no token in the answer") from error
