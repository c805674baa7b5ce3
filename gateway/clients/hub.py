"""A hub as its partners see it: submit, follow, fetch receipts over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from adapters.contract import Http, Response
from gateway.domain.errors import Temporary

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class HubClient:
    """Speaks to one hub.

    Attributes:
        url: the hub's address, without a slash at its end.
        assertion: makes a fresh client assertion for the token address given.
    """

    http: Http
    url: str
    assertion: Callable[[str], str] | None = None

    def submit(
        self,
        body: bytes | Iterator[bytes],
        content_type: str,
        content_length: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Submit a signed envelope; the answer's status says what became of it.

        Raises:
            DeliveryError: no answer came; the same octets may be sent again.
        """
        return self.http.request(
            "POST",
            f"{self.url}/api/v1/envelopes",
            headers={"Content-Type": content_type, **(headers or {})},
            body=body,
            content_length=content_length,
        )

    def get(self, path: str, accept: str = "application/json") -> Response:
        """A read with a fresh token.

        Raises:
            DeliveryError: no answer came.
            PermissionError: the hub gave no token.
        """
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": accept}
        return self.http.request("GET", self.url + path, headers=headers)

    def letter(self, reference: str) -> Response:
        return self.get(f"/api/v1/envelopes/{quote(reference)}")

    def receipts(self, reference: str) -> list[dict[str, Any]]:
        """The receipts of a letter, in the order they were made."""
        answer = self.get(f"/api/v1/envelopes/{quote(reference)}/receipts")
        found: list[dict[str, Any]] = json.loads(answer.body)["receipts"] if answer.status == 200 else []
        return found

    def _token(self) -> str:
        if self.assertion is None:
            raise PermissionError("no key to ask for a token with")
        address = f"{self.url}/oauth2/token"
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(address),
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
        token: str = json.loads(answer.body)["access_token"]
        return token
